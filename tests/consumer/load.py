import numpy, safetensors.numpy
metrics = numpy.genfromtxt("metrics.csv", delimiter=",", names=True)
theta = safetensors.numpy.load_file("checkpoints/" + open("checkpoints/LATEST").read().strip())
