#!/bin/sh
# Records policies of state and belief on GridNavi: the exact belief, the one of VariBAD, the one learned from labels; and
# the exact belief over the sparse half circle. Each run is trained, and then tested on fresh trials with drawn actions.
# Interrupted, it goes on where it stopped. What the repository keeps goes to tests/golden/runs/varibad-*.
#   sh tests/tools/record_varibad.sh [BUILD] [preset:seeds ...]      (from the repository's root)
set -e
build=${1:-build}
[ $# -gt 0 ] && shift
program=$build/innerloop work=runs/record-varibad kept=tests/golden/runs
. tests/tools/recording.sh
mkdir -p "$work"

for job in ${*:-exact:3 varibad:3 rewards:3 labels:1 semicircle-exact:1}; do
  preset=${job%:*} seeds=${job#*:}
  for seed in $(seq "$seeds"); do
    record "varibad-$preset" "$seed" varibad --preset "$preset"
    # The first iterations, for a test that repeats them; then every 25th, for the curve.
    awk 'NR <= 6 || (NR - 1) % 25 == 0' "$run/metrics.csv" > "$kept/varibad-$preset/seed-$seed/metrics.csv"
    "$program" adapt "$work/varibad-$preset/seed-$seed" --tasks 2000 --seed 7 --pictures 0 --quiet --threads 1 \
      --out "$work/adapt" > "$kept/varibad-$preset/seed-$seed/adapt.txt"
    facts "varibad-$preset" "varibad --preset $preset"
  done
done
