#!/bin/sh
# An iteration of RL², acting and learning, here and in plain PyTorch: in turn on one core, in one run. Prints the medians
# of the rounds and how many times as long PyTorch takes; fails below 3 times at 48 cells and 1.3 times at 256.
#
#   cmake --build build --target bench_rl2_bench
#   python3 -m venv FOLDER && FOLDER/bin/pip install torch==2.15.0 numpy
#   PYTHON=FOLDER/bin/python sh tests/bench/peers/rl2.sh [ROUNDS]
#
# Nothing here is needed to build or test innerloop. The load at the start is printed: ratios stand on a busy machine too,
# times do not.
set -eu
cd "$(dirname "$0")/../../.."
. tests/bench/peers/turns.sh

milliseconds() { sed 's/.*: \([0-9.]*\) ms.*/\1/'; }
round=0
while [ $round -lt "$rounds" ]; do
  round=$((round + 1))
  for cells in 48 256; do
    ours=$(taskset -c "$core" "$build/bench/rl2_bench" $cells | milliseconds)
    theirs=$(taskset -c "$core" "$python" tests/bench/peers/rl2_pytorch.py $cells | milliseconds)
    echo "$cells $ours $theirs" >> "$times"
  done
done

failed=0
for cells in 48 256; do
  [ $cells = 48 ] && least=3 || least=1.3
  echo "$cells $(median 2 $cells) $(median 3 $cells) $least" | awk '{
    printf "LSTM-%d, 6400 steps: innerloop %.1f ms (%.0f steps a second), PyTorch %.1f ms (%.0f): %.2f times as long\n",
           $1, $2, 6.4e6 / $2, $3, 6.4e6 / $3, $3 / $2
    exit $3 / $2 < $4 }' || failed=1
done
exit $failed
