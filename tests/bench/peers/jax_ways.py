"""The meta-gradient in JAX, compiled.  jax_ways.py CASE REPEATS [WAY ...]   (threads: the cores that the process may use)"""
import sys

import jax
import jax.numpy as jnp
import numpy as np

from case import HALF_LOG_TWO_PI, LOG_SIGMA_FLOOR, Case, check_and_time

case = Case(sys.argv[1])
jax.config.update("jax_enable_x64", case.dtype == np.float64)
theta = [jnp.asarray(x) for x in case.theta]
data = [jnp.asarray(x) for x in case.support + case.query]


def log_prob(theta, observations, actions):
    W1, b1, W2, b2, W3, b3, log_sigma = theta
    h = jnp.tanh(observations @ W1 + b1)
    h = jnp.tanh(h @ W2 + b2)
    mean = h @ W3 + b3
    log_sigma = jnp.maximum(log_sigma, LOG_SIGMA_FLOOR)
    z = (actions - mean) * jnp.exp(-log_sigma)
    return (-0.5 * z * z - log_sigma - HALF_LOG_TWO_PI).sum(-1, keepdims=True)


def inner_objective(theta, observations, actions, advantages, weights):
    return (log_prob(theta, observations, actions) * (weights * advantages)).sum()


def task_objective(theta, *data):
    """The surrogate of one task after one inner step."""
    g = jax.grad(inner_objective)(theta, *data[:4])
    theta_prime = [p + case.alpha * d for p, d in zip(theta, g)]
    observations, actions, advantages, weights, old_log_prob = data[4:]
    ratio = jnp.exp(log_prob(theta_prime, observations, actions) - old_log_prob)
    return (ratio * advantages * weights).sum()


@jax.jit
def vmapped(theta, *data):
    return jax.grad(lambda t: jax.vmap(task_objective, in_axes=(None,) + 9 * (0,))(t, *data).mean())(theta)


@jax.jit
def mapped(theta, *data):
    gradients = jax.lax.map(lambda d: jax.grad(task_objective)(theta, *d), data)
    return [g.mean(0) for g in gradients]


one_task = jax.jit(jax.grad(task_objective))
tasks = [[x[i] for x in data] for i in range(case.tasks)]


def loop():
    total = None
    for task in tasks:
        g = one_task(theta, *task)
        total = g if total is None else [a + b for a, b in zip(total, g)]
    return [x / case.tasks for x in total]


def numpy_of(f):
    return lambda: [np.asarray(x) for x in jax.block_until_ready(f())]


ways = {
    "JAX jit(vmap(grad))": lambda: vmapped(theta, *data),
    "JAX jit(map over tasks)": lambda: mapped(theta, *data),
    "JAX jit(one task), loop": loop,
}
check_and_time(case, {k: numpy_of(f) for k, f in ways.items()}, int(sys.argv[2]), sys.argv[3:])
