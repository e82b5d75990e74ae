"""The benchmark problem, as written by `meta_gradient_bench write FOLDER` or `innerloop bench networks --problems
FOLDER`, and the loop that checks and times a way."""
import sys
import time

import numpy as np


class Case:
    """All arrays in the dtype of the case; theta and gradient are lists W1, b1, W2, b2, W3, b3, log_sigma. supports holds
    the data of every inner step; support is the first of them."""

    def __init__(self, path):
        numbers = np.fromfile(path, np.float64)
        tasks, rows, width, bits = (int(x) for x in numbers[:4])
        self.alpha, at = float(numbers[4]), 5
        self.dtype = np.float32 if bits == 32 else np.float64

        def take(*shape):
            nonlocal at
            size = int(np.prod(shape))
            at += size
            return numbers[at - size : at].reshape(shape).astype(self.dtype)

        shapes = [(2, width), (1, width), (width, width), (1, width), (width, 2), (1, 2), (1, 2)]
        self.theta = [take(*s) for s in shapes]
        batch = [(tasks, rows, 2), (tasks, rows, 2), (tasks, rows, 1), (tasks, rows, 1)]
        theta_size = sum(int(np.prod(s)) for s in shapes)
        support_size = tasks * rows * 6  # observations, actions, advantages, weights; the query has one column more
        inner_steps = (numbers.size - 5 - 2 * theta_size - tasks * rows * 7) // support_size
        self.supports = [[take(*s) for s in batch] for _ in range(inner_steps)]
        self.support = self.supports[0]
        self.query = [take(*s) for s in batch + [(tasks, rows, 1)]]  # the same, and old_log_prob
        self.gradient = [take(*s) for s in shapes]
        self.tasks = tasks
        assert at == numbers.size


LOG_SIGMA_FLOOR = float(np.log(1e-6))
HALF_LOG_TWO_PI = 0.5 * float(np.log(2 * np.pi))


def check_and_time(case, ways, repeats, chosen):
    """ways: name -> function that returns the gradient as numpy arrays. Prints name, ms per repeat."""
    tolerance = 1e-3 if case.dtype == np.float32 else 1e-9
    warm = {}
    for name, way in ways.items():
        if chosen and name not in chosen:
            continue
        try:
            way()
            gradient = way()
        except Exception as error:  # a way that this version cannot run is left out, and said so
            print(f"{name}: left out: {type(error).__name__}: {str(error).splitlines()[0][:200]}", file=sys.stderr)
            continue
        worst = max(
            float(np.abs(np.asarray(a) - b).max() / max(np.abs(a).max(), np.abs(b).max(), 1e-30))
            for a, b in zip(gradient, case.gradient)
        )
        print(f"{name}: differs by {worst:.1e}", file=sys.stderr)
        if not worst < tolerance:
            sys.exit(f"{name}: the gradient differs by {worst:.1e}, more than {tolerance:.0e}")
        warm[name] = way
    for _ in range(repeats):
        for name, way in warm.items():
            start = time.perf_counter()
            way()
            print(f"{name}\t{1e3 * (time.perf_counter() - start):.4f}", flush=True)
