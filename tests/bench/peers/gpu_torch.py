"""What PyTorch needs for the networks of kernels/cuda: the yardstick beside our own times (gpu_common.py: the options).

MLP: torch.func.vmap(grad), and by hand with torch.baddbmm, which is one cuBLAS strided-batched product per layer.
LSTM: torch.nn.LSTM, that is cuDNN with the algorithm PyTorch chooses: the persistent one for small H where it offers it.
The remark names the kernel that took longest. The Hessian-vector product cannot use cuDNN: PyTorch's own cells.
MAML: the meta-gradient batched by hand, by vmap(grad), and those compiled and captured; each first shows that it is ours.
Full f32, TF32 off.
"""
import time

import torch
from torch.func import grad, jvp, vmap

from case import HALF_LOG_TWO_PI, LOG_SIGMA_FLOOR
from gpu_common import Report, arguments, check_gradient, networks, problem_of

options = arguments()
device = options.device
on_gpu = device == "cuda"
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
torch.manual_seed(1)


def milliseconds(run, calls):
    """Of so many calls, one after the other."""
    if not on_gpu:
        start = time.perf_counter()
        for _ in range(calls):
            run()
        return 1e3 * (time.perf_counter() - start)
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    begin.record()
    for _ in range(calls):
        run()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end)


def captured(run):
    """The launches of run() as one CUDA graph, so that the time of the host does not count."""
    if not on_gpu:
        raise NotImplementedError("CUDA graphs need a GPU")
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        kept = run()  # its memory belongs to the graph
    return lambda: (graph.replay(), kept)


# ---- MLP -------------------------------------------------------------------------------------------------------------


def mlp_arguments(c):
    sizes = [20] + [c.width] * c.layers + [6]
    theta = []
    for a, b in zip(sizes, sizes[1:]):
        theta += [torch.randn(c.tasks, a, b, device=device) / a**0.5, torch.zeros(c.tasks, 1, b, device=device)]
    return theta, torch.randn(c.tasks, c.rows, 20, device=device), [torch.randn_like(t) for t in theta]


def mlp_loss(theta, x):
    """Of one task, or of all at once: then the sum of the tasks' losses."""
    affine = torch.addmm if x.dim() == 2 else torch.baddbmm
    for layer in range(0, len(theta), 2):
        x = affine(theta[layer + 1], x, theta[layer])
        if layer + 2 < len(theta):
            x = torch.tanh(x)
    return (x * x).mean((-2, -1)).sum()


def mlp_by_vmap(c):
    theta, x, v = mlp_arguments(c)
    if not c.hessian:
        return lambda: vmap(grad(mlp_loss))(theta, x)

    def product(theta, x, v):
        return jvp(lambda t: grad(mlp_loss)(t, x), (theta,), (v,))[1]

    return lambda: vmap(product)(theta, x, v)


def by_hand(loss, theta, v, hessian):
    """Reverse mode, and reverse over reverse."""
    if not hessian:
        return lambda: torch.autograd.grad(loss(), theta)

    def product():
        slopes = torch.autograd.grad(loss(), theta, create_graph=True)
        return torch.autograd.grad(sum((g * d).sum() for g, d in zip(slopes, v)), theta)

    return product


def mlp_by_hand(c):
    theta, x, v = mlp_arguments(c)
    theta = [t.requires_grad_() for t in theta]
    return by_hand(lambda: mlp_loss(theta, x), theta, v, c.hessian)


# ---- LSTM ------------------------------------------------------------------------------------------------------------


def lstm(c):
    net = torch.nn.LSTM(32, c.width, device=device)
    x = torch.randn(c.steps, c.rows, 32, device=device)
    theta = list(net.parameters())
    v = [torch.randn_like(t) for t in theta]
    run = by_hand(lambda: net(x)[0].square().mean(), theta, v, c.hessian)
    if not c.hessian:
        return run, slowest_kernel(run)

    def without_cudnn():
        with torch.backends.cudnn.flags(enabled=False):
            return run()

    return without_cudnn, "PyTorch's own cells"


def slowest_kernel(run):
    """The name of the kernel that takes longest: which algorithm cuDNN has been given."""
    if not on_gpu:
        return "no cuDNN on the CPU"
    try:
        run()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            run()
            torch.cuda.synchronize()
        events = profile.key_averages()
        time_of = lambda e: getattr(e, "self_device_time_total", getattr(e, "self_cuda_time_total", 0))
        return "slowest kernel " + max(events, key=time_of).key[:60]
    except Exception as error:  # the profiler is not allowed everywhere
        return f"kernel unknown: {type(error).__name__}"


# ---- MAML ------------------------------------------------------------------------------------------------------------


class Maml:
    """The meta-gradient of one Case, in several ways that each return the list of gradients."""

    def __init__(self, case):
        there = lambda arrays: [torch.from_numpy(x.copy()).to(device) for x in arrays]
        self.case = case
        self.theta = [t.requires_grad_() for t in there(case.theta)]
        self.supports, self.query = [there(s) for s in case.supports], there(case.query)

    @staticmethod
    def log_prob(theta, observations, actions):
        W1, b1, W2, b2, W3, b3, log_sigma = theta
        affine = torch.addmm if observations.dim() == 2 else torch.baddbmm
        h = torch.tanh(affine(b1, observations, W1))
        h = torch.tanh(affine(b2, h, W2))
        log_sigma = log_sigma.clamp_min(LOG_SIGMA_FLOOR)
        z = (actions - affine(b3, h, W3)) * torch.exp(-log_sigma)
        return (-0.5 * z * z - log_sigma - HALF_LOG_TWO_PI).sum(-1, keepdim=True)

    def inner(self, theta, observations, actions, advantages, weights):
        return (self.log_prob(theta, observations, actions) * (weights * advantages)).sum()

    def outer(self, theta, observations, actions, advantages, weights, old_log_prob):
        ratio = torch.exp(self.log_prob(theta, observations, actions) - old_log_prob)
        return (ratio * advantages * weights).sum()

    def by_hand(self):
        theta = [p.expand(self.case.tasks, *p.shape) for p in self.theta]
        for support in self.supports:
            slopes = torch.autograd.grad(self.inner(theta, *support), theta, create_graph=True)
            theta = [p + self.case.alpha * g for p, g in zip(theta, slopes)]
        return torch.autograd.grad(self.outer(theta, *self.query) / self.case.tasks, self.theta)

    def functional(self, theta, supports, query):
        for support in supports:
            slopes = grad(self.inner)(theta, *support)
            theta = [p + self.case.alpha * g for p, g in zip(theta, slopes)]
        return self.outer(theta, *query)

    def by_vmap(self, compiled=False):
        theta = [p.detach() for p in self.theta]

        def mean(theta, supports, query):
            return vmap(self.functional, in_dims=(None, 0, 0))(theta, supports, query).mean()

        gradient = grad(mean)
        if compiled:
            gradient = torch.compile(gradient, fullgraph=True, dynamic=False)
        return lambda: gradient(theta, self.supports, self.query)


def maml(c, way):
    """A way's function, after its gradient was compared with ours."""
    case = problem_of(c, options.problems)
    if case is None:
        raise FileNotFoundError("its problem is not in the folder of --problems")
    problem = Maml(case)
    run = way(problem)
    worst = check_gradient([g.detach().cpu().numpy() for g in run()], case)
    return run, f"differs by {worst:.1e}"


def main():
    report = Report(options, milliseconds)
    where = torch.cuda.get_device_name() if on_gpu else "CPU"
    cudnn = torch.backends.cudnn.version() if torch.backends.cudnn.is_available() else "none"
    report.say(f"{where}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}, cuDNN {cudnn}")
    cases = [c for c in networks(options.tiny) if options.only in c.name]

    # First every way that starts at once, then what compiles or captures.
    for c in cases:
        if c.kind == "mlp":
            report.time(c, "PyTorch vmap", lambda: (mlp_by_vmap(c), ""))
            report.time(c, "PyTorch baddbmm", lambda: (mlp_by_hand(c), "cuBLAS strided-batched"))
        elif c.kind == "maml":
            report.time(c, "PyTorch by hand", lambda: maml(c, lambda m: m.by_hand))
            report.time(c, "PyTorch vmap", lambda: maml(c, Maml.by_vmap))
        else:
            way = "PyTorch" if c.hessian else "PyTorch cuDNN"
            report.time(c, way, lambda: lstm(c), single=c.hessian and c.steps >= 1000)
        if on_gpu:
            torch.cuda.empty_cache()
    for c in cases:
        if c.kind == "mlp":
            report.time(c, "PyTorch baddbmm captured", lambda: (captured(mlp_by_hand(c)), "one CUDA graph"))
        elif c.kind == "maml":
            report.time(c, "PyTorch by hand captured",
                        lambda: (captured(maml(c, lambda m: m.by_hand)[0]), "one CUDA graph"))
    # Compiling takes the better part of a minute each: the largest cases first.
    for c in sorted(cases, key=lambda c: -c.tasks * c.steps):
        if c.kind == "maml":
            report.time(c, "PyTorch compile(vmap)", lambda: maml(c, lambda m: m.by_vmap(compiled=True)))


if __name__ == "__main__":
    main()
