"""The meta-gradient in PyTorch, in the ways a user would write it.  torch_ways.py CASE THREADS REPEATS [WAY ...]"""
import sys

import torch
from torch.func import grad, vmap

from case import HALF_LOG_TWO_PI, LOG_SIGMA_FLOOR, Case, check_and_time

case = Case(sys.argv[1])
torch.set_num_threads(int(sys.argv[2]))
torch.set_num_interop_threads(1)
theta = [torch.from_numpy(x).clone().requires_grad_() for x in case.theta]
support = [torch.from_numpy(x) for x in case.support]
query = [torch.from_numpy(x) for x in case.query]


def log_prob(theta, observations, actions):
    """log π(a|s), (…, rows, 1). Works for one task and, with (tasks, in, out) parameters, for all at once."""
    W1, b1, W2, b2, W3, b3, log_sigma = theta
    affine = torch.addmm if observations.dim() == 2 else torch.baddbmm
    h = torch.tanh(affine(b1, observations, W1))
    h = torch.tanh(affine(b2, h, W2))
    mean = affine(b3, h, W3)
    log_sigma = log_sigma.clamp_min(LOG_SIGMA_FLOOR)
    z = (actions - mean) * torch.exp(-log_sigma)
    return (-0.5 * z * z - log_sigma - HALF_LOG_TWO_PI).sum(-1, keepdim=True)


def inner_objective(theta, observations, actions, advantages, weights):
    return (log_prob(theta, observations, actions) * (weights * advantages)).sum()


def outer_objective(theta, observations, actions, advantages, weights, old_log_prob):
    ratio = torch.exp(log_prob(theta, observations, actions) - old_log_prob)
    return (ratio * advantages * weights).sum()


def task_objective(theta, support, query):
    g = torch.autograd.grad(inner_objective(theta, *support), theta, create_graph=True)
    return outer_objective([p + case.alpha * d for p, d in zip(theta, g)], *query)


def loop():
    total = 0
    for i in range(case.tasks):
        total = total + task_objective(theta, [x[i] for x in support], [x[i] for x in query])
    return torch.autograd.grad(total / case.tasks, theta)


def loop_per_task():
    total = None
    for i in range(case.tasks):
        objective = task_objective(theta, [x[i] for x in support], [x[i] for x in query])
        g = torch.autograd.grad(objective / case.tasks, theta)
        total = g if total is None else torch._foreach_add(total, g)
    return total


def by_hand():
    theta_i = [p.expand(case.tasks, *p.shape) for p in theta]
    return torch.autograd.grad(task_objective(theta_i, support, query) / case.tasks, theta)


def functional_objective(theta, *data):
    g = grad(inner_objective)(theta, *data[:4])
    return outer_objective([p + case.alpha * d for p, d in zip(theta, g)], *data[4:])


def mean_objective(theta, data):
    return vmap(functional_objective, in_dims=(None,) + 9 * (0,))(theta, *data).mean()


def mean_objective_by_hand(theta, data):
    theta_i = [p.expand(case.tasks, *p.shape) for p in theta]
    return functional_objective(theta_i, *data) / case.tasks



constants = [p.detach() for p in theta]
compiled = {name: torch.compile(grad(f), fullgraph=True, dynamic=False)
            for name, f in [("vmap", mean_objective), ("by hand", mean_objective_by_hand)]}
compiled_task = torch.compile(grad(functional_objective), fullgraph=True, dynamic=False)


def compiled_loop():
    total = None
    for i in range(case.tasks):
        g = compiled_task(constants, *[x[i] for x in support + query])
        total = g if total is None else torch._foreach_add(total, g)
    return torch._foreach_div(total, case.tasks)


def numpy_of(f):
    return lambda: [x.detach().numpy() for x in f()]


ways = {
    "PyTorch eager loop": loop,
    "PyTorch eager loop, gradient per task": loop_per_task,
    "PyTorch batched by hand": by_hand,
    "PyTorch vmap(grad)": lambda: grad(mean_objective)(constants, support + query),
    "PyTorch compile(vmap(grad))": lambda: compiled["vmap"](constants, support + query),
    "PyTorch compile(batched by hand)": lambda: compiled["by hand"](constants, support + query),
    "PyTorch compile(one task), loop": compiled_loop,
}
check_and_time(case, {k: numpy_of(f) for k, f in ways.items()}, int(sys.argv[3]), sys.argv[4:])
