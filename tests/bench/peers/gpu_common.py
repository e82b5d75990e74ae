"""What gpu_torch.py and gpu_jax.py share: the cases of `innerloop bench networks`, how they are timed and written down.

  --device cuda | cpu     --tiny: small cases, to try the scripts without a GPU     --only TEXT: cases with it in their name
  --csv FILE: lines are appended    --problems FOLDER: MAML's, from `innerloop bench networks --problems FOLDER`
  --seconds N: a way that would begin later is left out, so that a visit ends in time
"""
import argparse
import os
import sys
import time
from dataclasses import dataclass

import numpy as np

from case import Case


@dataclass(frozen=True)
class Network:
    kind: str
    hessian: bool = False
    tasks: int = 1
    rows: int = 1
    width: int = 1
    layers: int = 1
    steps: int = 1

    @property
    def name(self):
        what = "hessian" if self.hessian else "gradient"
        if self.kind == "mlp":
            return f"mlp {self.layers}x{self.width} {what}"
        if self.kind == "lstm":
            return f"lstm H{self.width} T{self.steps} B{self.rows} {what}"
        return f"maml {self.layers}x{self.width} K{self.steps} {self.tasks} tasks"


def networks(tiny):
    """The same list as app/network_cases.cpp."""
    pick = lambda full, small: small if tiny else full
    cases = []
    for hessian in (False, True):
        for width in pick((64, 100, 300), (4, 300)):
            cases.append(Network("mlp", hessian, pick(40, 2), pick(2000, 3), width, 3 if width == 300 else 2))
    for hessian in (False, True):
        for cells in pick((48, 64, 128, 256), (4,)):
            for steps in pick((100, 1000), (3,)):
                for batch in pick((64, 1024), (5,)):
                    cases.append(Network("lstm", hessian, 1, batch, cells, 1, steps))
    for width in pick((64, 100), (4,)):
        for steps in (1, 3):
            for tasks in pick((20, 40), (2,)):
                cases.append(Network("maml", False, tasks, pick(2000, 3), width, 2, steps))
    return cases


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--csv", default="")
    parser.add_argument("--problems", default="")
    parser.add_argument("--seconds", type=float, default=1e9)
    return parser.parse_args()


def problem_of(network, folder):
    """The Case of a MAML network, or None where its file is not there."""
    path = os.path.join(folder, network.name.replace(" ", "_") + ".bin") if folder else ""
    return Case(path) if os.path.exists(path) else None


def check_gradient(gradient, case):
    """Raises unless a way's meta-gradient is ours. Returns how much they differ."""
    worst = max(
        float(np.abs(np.asarray(a) - b).max() / max(np.abs(a).max(), np.abs(b).max(), 1e-30))
        for a, b in zip(gradient, case.gradient)
    )
    if not worst < 1e-3:
        raise ValueError(f"the gradient differs from ours by {worst:.1e}")
    return worst


class Report:
    """Times ways and writes a line for each: case,way,ms,floor_ms,remark."""

    def __init__(self, options, milliseconds):
        self.options, self.milliseconds, self.start = options, milliseconds, time.perf_counter()
        self.file = open(options.csv, "a") if options.csv else sys.stdout
        if self.file is sys.stdout or self.file.tell() == 0:
            print("case,way,ms,floor_ms,remark", file=self.file, flush=True)

    def say(self, text):
        print("# " + text, file=self.file, flush=True)

    def time(self, network, way, make, single=False):
        """make() returns (the function to be timed, a remark). What fails is written down, and the next way follows."""
        ms, remark = "", ""
        if time.perf_counter() - self.start > self.options.seconds:
            remark = "no time left"
        else:
            try:
                run, remark = make()
                ms = f"{self.median(run, single):.6g}"
            except Exception as error:  # out of memory, or not offered by this version
                remark = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:160]}"
        print(f"{network.name},{way},{ms},,{remark.replace(',', ';')}", file=self.file, flush=True)

    def median(self, run, single):
        """As innerloop measures: nine samples, or as many as fit into a second, of up to twenty calls each."""
        if single:
            return self.milliseconds(run, 1)
        run()
        once = max(1e-3, self.milliseconds(run, 1))
        calls = min(20, max(1, int(5 / once)))
        self.milliseconds(run, min(100, max(1, int(20 / once))))
        samples, spent = [], 0.0
        while not samples or (len(samples) < 9 and spent < 1000):
            sample = self.milliseconds(run, calls)
            spent += sample
            samples.append(sample / calls)
        return sorted(samples)[len(samples) // 2]
