"""The table of run.sh.  report.py TIMES REMARK"""
import datetime
import platform
import statistics
import sys
from collections import defaultdict
from importlib.metadata import version

times = defaultdict(list)
with open(sys.argv[1]) as lines:
    for line in lines:
        case, threads, way, ms = line.rstrip("\n").split("\t")
        times[case, int(threads), way].append(float(ms))

columns = list(dict.fromkeys((case, threads) for case, threads, _ in times))
ways = list(dict.fromkeys(way for _, _, way in times))


def title(case, threads):
    width, dtype = case.split("_")
    return f"2×{width} {dtype}, {threads} thread{'s' if threads > 1 else ''}"


def cell(column, way):
    samples = times.get((*column, way))
    if not samples:
        return "-"
    text = f"{statistics.median(samples):.1f} ({min(samples):.1f})"
    ours = times[(*column, "ours")]
    if way == "products":
        return f"{text} {100 * statistics.median(samples) / statistics.median(ours):.0f} %"
    return text if way == "ours" else f"{text} {statistics.median(samples) / statistics.median(ours):.1f}×"


names = {"ours": "**innerloop**", "products": "its products alone, share"}
print("| ms, median (best), × ours | " + " | ".join(title(*c) for c in columns) + " |")
print("| --- |" + " --- |" * len(columns))
for way in ways:
    print(f"| {names.get(way, way)} | " + " | ".join(cell(c, way) for c in columns) + " |")


def fastest_peer(column):
    return min(statistics.median(s) for (*c, w), s in times.items() if tuple(c) == column and w not in names)


print("| **fastest peer / ours** | " + " | ".join(
    f"**{fastest_peer(c) / statistics.median(times[(*c, 'ours')]):.2f}×**" for c in columns) + " |")

cpu = {}
with open("/proc/cpuinfo") as lines:
    for line in lines:
        key, _, value = line.partition(":")
        cpu.setdefault(key.strip(), value.strip())
print(f"\n{cpu.get('model name', platform.machine())} (family {cpu.get('cpu family')}, model {cpu.get('model')}), "
      f"PyTorch and libtorch {version('torch')}, JAX {version('jax')}, Python {platform.python_version()}, "
      f"{datetime.date.today()}. `tests/bench/peers/run.sh`: {sys.argv[2]}.")
