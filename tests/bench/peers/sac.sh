#!/bin/sh
# A step of soft actor-critic, all included, here and in plain PyTorch: in turn on one core, in one run. Prints both and how
# many times as long PyTorch takes, from the medians of the rounds; fails below 12 times.
#
#   cmake --build build --target bench_sac_bench
#   python3 -m venv FOLDER && FOLDER/bin/pip install torch==2.15.0
#   PYTHON=FOLDER/bin/python sh tests/bench/peers/sac.sh [ROUNDS]
#
# Nothing here is needed to build or test innerloop. Taking turns is fair to both when the machine is busy, but only an
# idle one gives times that mean something by themselves: the load at the start is printed.
set -eu
cd "$(dirname "$0")/../../.."
. tests/bench/peers/turns.sh

echo "2x64, batch 100"
round=0
while [ $round -lt "$rounds" ]; do
  round=$((round + 1))
  ours=$(taskset -c "$core" "$build/bench/sac_bench" small | awk '$1 == "2x64" { print $5 }')
  theirs=$(taskset -c "$core" "$python" tests/bench/peers/sac_pytorch.py 64 100 2000 2> /dev/null | awk '{ print $(NF - 3) }')
  echo "round $round: innerloop $ours ms a step, PyTorch $theirs ms"
  echo "$ours $theirs" >> "$times"
done

echo "$(median 1) $(median 2)" | awk '{ printf "medians: innerloop %.3f ms, PyTorch %.3f ms: %.1f times as long\n", $1, $2, $2 / $1; exit $2 / $1 < 12 }'
