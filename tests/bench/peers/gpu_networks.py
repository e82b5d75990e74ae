"""What PyTorch needs on a GPU for the networks of kernels/cuda: the yardstick beside our own times.

MLP: forward and backward of every task's own network, torch.func.vmap(grad) and products by torch.bmm.
LSTM: forward and backward by cuDNN (torch.nn.LSTM), and a Hessian-vector product, which cuDNN does not have.
Full f32, TF32 off. Medians of nine repetitions of CUDA events, after three that do not count. Prints Markdown.
"""

import torch
from torch.func import grad, vmap

torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
device = torch.device("cuda")


def milliseconds(work):
    times = []
    for repetition in range(12):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        work()
        end.record()
        end.synchronize()
        if repetition >= 3:
            times.append(begin.elapsed_time(end))
    return sorted(times)[len(times) // 2]


def mlp(width, layers, tasks=40, rows=2000, inputs=20, outputs=6):
    sizes = [inputs] + [width] * layers + [outputs]
    weights = [torch.randn(tasks, a, b, device=device) / a**0.5 for a, b in zip(sizes, sizes[1:])]
    biases = [torch.zeros(tasks, 1, b, device=device) for b in sizes[1:]]
    x = torch.randn(tasks, rows, inputs, device=device)
    y = torch.randn(tasks, rows, outputs, device=device)

    def loss_of_task(parameters, x, y):
        h = x
        for i, (w, b) in enumerate(parameters):
            h = h @ w + b
            if i + 1 < len(parameters):
                h = torch.tanh(h)
        return ((h - y) ** 2).mean()

    gradient = vmap(grad(loss_of_task))
    by_vmap = milliseconds(lambda: gradient(list(zip(weights, biases)), x, y))
    leaves = [t.requires_grad_() for t in weights + biases]

    def by_bmm():
        h = x
        for i, (w, b) in enumerate(zip(weights, biases)):
            h = torch.baddbmm(b.expand(-1, rows, -1), h, w)
            if i + 1 < len(weights):
                h = torch.tanh(h)
        torch.autograd.grad(((h - y) ** 2).mean((1, 2)).sum(), leaves)

    return by_vmap, milliseconds(by_bmm)


def lstm(hidden, steps, batch, inputs=32):
    net = torch.nn.LSTM(inputs, hidden, device=device)
    x = torch.randn(steps, batch, inputs, device=device)
    target = torch.randn(steps, batch, hidden, device=device)
    parameters = list(net.parameters())

    def loss():
        return ((net(x)[0] - target) ** 2).mean()

    first = milliseconds(lambda: torch.autograd.grad(loss(), parameters))
    vectors = [torch.randn_like(p) for p in parameters]

    def hessian_vector():
        with torch.backends.cudnn.flags(enabled=False):
            slopes = torch.autograd.grad(loss(), parameters, create_graph=True)
            product = sum((g * v).sum() for g, v in zip(slopes, vectors))
            torch.autograd.grad(product, parameters)

    # Its own graph of every step: where it takes too long, it is not measured.
    second = milliseconds(hessian_vector) if steps <= 100 else float("nan")
    return first, second


def main():
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}, "
          f"cuDNN {torch.backends.cudnn.version()}\n")
    print("| MLP, 40 tasks × 2000 rows | vmap(grad) ms | bmm ms |\n|---|---|---|")
    for width, layers in ((64, 2), (100, 2), (300, 3)):
        a, b = mlp(width, layers)
        print(f"| {layers}×{width} | {a:.3f} | {b:.3f} |", flush=True)
    print("\n| LSTM: H, T, B | forward + backward ms | Hessian-vector product ms |\n|---|---|---|")
    for hidden in (48, 64, 128, 256):
        for steps in (100, 1000):
            for batch in (64, 1024):
                a, b = lstm(hidden, steps, batch)
                print(f"| {hidden}, {steps}, {batch} | {a:.3f} | {b:.3f} |", flush=True)


if __name__ == "__main__":
    main()
