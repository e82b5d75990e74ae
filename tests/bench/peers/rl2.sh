#!/bin/sh
# An iteration of RL², acting and learning, here and in plain PyTorch: in turn on one core, in one run, with the 64
# trials in one piece and in four (what the gradient of sixteen needs stays in a cache). Prints the medians of the
# rounds, and how many times as long PyTorch takes, the faster way of each; fails below 3 at 48 cells and 1.3 at 256.
#
#   cmake --build build --target bench_rl2_bench
#   python3 -m venv FOLDER && FOLDER/bin/pip install torch==2.15.0 numpy
#   PYTHON=FOLDER/bin/python sh tests/bench/peers/rl2.sh [ROUNDS]
#
# Nothing here is needed to build or test innerloop. The load at the start is printed: ratios stand on a busy machine
# too, times do not.
set -eu
cd "$(dirname "$0")/../../.."
. tests/bench/peers/turns.sh

milliseconds() { sed 's/.*: \([0-9.]*\) ms.*/\1/'; }
round=0
while [ $round -lt "$rounds" ]; do
  round=$((round + 1))
  for cells in 48 256; do
    for slices in 1 4; do
      ours=$(taskset -c "$core" "$build/bench/rl2_bench" $cells $slices | milliseconds)
      theirs=$(taskset -c "$core" "$python" tests/bench/peers/rl2_pytorch.py $cells $slices | milliseconds)
      echo "$cells/$slices $ours $theirs" >> "$times"
    done
  done
done

failed=0
for cells in 48 256; do
  [ $cells = 48 ] && least=3 || least=1.3
  for slices in 1 4; do echo "$slices $(median 2 $cells/$slices) $(median 3 $cells/$slices)"; done |
    awk -v cells=$cells -v least=$least '
      { printf "LSTM-%d, 6400 steps, slices: %d; innerloop %.1f ms (%.0f steps a second), PyTorch %.1f ms (%.0f)\n",
               cells, $1, $2, 6.4e6 / $2, $3, 6.4e6 / $3
        if (NR == 1 || $2 < ours) ours = $2
        if (NR == 1 || $3 < theirs) theirs = $3 }
      END { printf "LSTM-%d, the faster way of each: %.2f times as long\n", cells, theirs / ours
            exit theirs / ours < least }' || failed=1
done
exit $failed
