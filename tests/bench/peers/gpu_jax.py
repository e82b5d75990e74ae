"""What JAX needs for the networks of kernels/cuda, compiled by XLA (gpu_common.py: the options). Full f32."""
import os
import time

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import jax.numpy as jnp

from case import HALF_LOG_TWO_PI, LOG_SIGMA_FLOOR
from gpu_common import Report, arguments, check_gradient, networks, problem_of

options = arguments()
jax.config.update("jax_default_matmul_precision", "highest")
jax.config.update("jax_platforms", options.device)


def milliseconds(run, calls):
    start = time.perf_counter()
    for _ in range(calls):
        result = run()
    jax.block_until_ready(result)
    return 1e3 * (time.perf_counter() - start)


def normal(seed, *shape):
    return jax.random.normal(jax.random.key(seed), shape, jnp.float32)


def compiled(f, *values):
    program = jax.jit(f)
    return lambda: program(*values)


def gradient_or_product(loss, hessian):
    """grad(loss) at (theta, x), or its tangent along v: forward over reverse."""
    if not hessian:
        return lambda theta, x, v: jax.grad(loss)(theta, x)
    return lambda theta, x, v: jax.jvp(lambda t: jax.grad(loss)(t, x), (theta,), (v,))[1]


def mlp(c):
    sizes = [20] + [c.width] * c.layers + [6]
    theta = [(normal(i, c.tasks, a, b) / a**0.5, jnp.zeros((c.tasks, b)))
             for i, (a, b) in enumerate(zip(sizes, sizes[1:]))]

    def loss(theta, x):
        for i, (w, b) in enumerate(theta):
            x = x @ w + b
            if i + 1 < len(theta):
                x = jnp.tanh(x)
        return jnp.mean(x * x)

    return compiled(jax.vmap(gradient_or_product(loss, c.hessian)), theta, normal(9, c.tasks, c.rows, 20), theta), ""


def lstm(c):
    theta = (normal(0, 32, 4 * c.width) / 32**0.5, normal(1, c.width, 4 * c.width) / c.width**0.5,
             jnp.zeros(4 * c.width))
    x = normal(2, c.steps, c.rows, 32)

    def loss(theta, x):
        W, U, b = theta

        def step(state, z):
            h, cell = state
            i, f, g, o = jnp.split(z + h @ U, 4, axis=-1)
            cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(cell)
            return (h, cell), h

        start = jnp.zeros((c.rows, c.width))
        return jnp.mean(jax.lax.scan(step, (start, start), x @ W + b)[1] ** 2)

    return compiled(gradient_or_product(loss, c.hessian), theta, x, theta), "lax.scan"


def log_prob(theta, observations, actions):
    W1, b1, W2, b2, W3, b3, log_sigma = theta
    h = jnp.tanh(jnp.tanh(observations @ W1 + b1) @ W2 + b2)
    log_sigma = jnp.maximum(log_sigma, LOG_SIGMA_FLOOR)
    z = (actions - (h @ W3 + b3)) * jnp.exp(-log_sigma)
    return jnp.sum(-0.5 * z * z - log_sigma - HALF_LOG_TWO_PI, -1, keepdims=True)


def maml(c):
    case = problem_of(c, options.problems)
    if case is None:
        raise FileNotFoundError("its problem is not in the folder of --problems")

    def inner(theta, observations, actions, advantages, weights):
        return jnp.sum(log_prob(theta, observations, actions) * weights * advantages)

    def objective(theta, supports, query):
        for support in supports:
            theta = [p + case.alpha * g for p, g in zip(theta, jax.grad(inner)(theta, *support))]
        observations, actions, advantages, weights, old = query
        return jnp.sum(jnp.exp(log_prob(theta, observations, actions) - old) * advantages * weights)

    def mean(theta, supports, query):
        return jnp.mean(jax.vmap(objective, (None, 0, 0))(theta, supports, query))

    there = lambda arrays: [jnp.asarray(x) for x in arrays]
    run = compiled(jax.grad(mean), there(case.theta), [there(s) for s in case.supports], there(case.query))
    return run, f"differs by {check_gradient(run(), case):.1e}"


def main():
    report = Report(options, milliseconds)
    report.say(f"{jax.devices()[0].device_kind}, JAX {jax.__version__}")
    for c in (c for c in networks(options.tiny) if options.only in c.name):
        if c.kind == "mlp":
            report.time(c, "JAX vmap", lambda: mlp(c))
        elif c.kind == "lstm":
            report.time(c, "JAX scan", lambda: lstm(c))
        else:
            report.time(c, "JAX vmap", lambda: maml(c))


if __name__ == "__main__":
    main()
