#!/bin/sh
# Records policies of state and belief on GridNavi: the exact belief, the one of VariBAD, the same shown as rewards, the one
# learned from labels; and the exact belief over the sparse half circle. Each run is trained, and then tested on fresh trials
# with drawn actions. Interrupted, it goes on where it stopped. What the repository keeps goes to tests/golden/runs/varibad-*.
#   sh tests/tools/record_varibad.sh [BUILD]      (from the repository's root)
# SETS="varibad-exact" records only these sets; SEEDS="1 2" only these seeds.
set -e
build=${1:-build}
program=$build/innerloop work=runs/record-varibad kept=tests/golden/runs
. tests/tools/recording.sh
mkdir -p "$work"

# Name of the set; seeds; arguments of train.
while read -r name seeds arguments; do
  case " ${SETS:-$name} " in *" $name "*) ;; *) continue ;; esac
  for seed in $(echo "$seeds" | tr , ' '); do
    case " ${SEEDS:-$seed} " in *" $seed "*) ;; *) continue ;; esac
    # The arguments are meant to be split at their blanks.
    # shellcheck disable=SC2086
    record "$name" "$seed" $arguments < /dev/null
    # The first iterations, for a test that repeats them; then every 25th, for the curve.
    awk 'NR <= 6 || (NR - 1) % 25 == 0' "$run/metrics.csv" > "$kept/$name/seed-$seed/metrics.csv"
    "$program" adapt "$run" --tasks 2000 --seed 7 --pictures 0 --quiet --threads 1 --out "$work/adapt" < /dev/null \
      > "$kept/$name/seed-$seed/adapt.txt"
    above_best "$work/adapt" >> "$kept/$name/seed-$seed/adapt.txt"
  done
  facts "$name" "$arguments"
done << 'RUNS'
varibad-exact 1,2,3 varibad --preset exact --iterations 1500 --learning-rate 2e-3 --entropy-weight 0.05
varibad-latent 1,2,3 varibad
varibad-labels 1 varibad --preset labels
varibad-rewards 1 varibad --preset rewards
varibad-semicircle-exact 1,2,3 varibad --preset semicircle-exact
RUNS
echo "recorded in $kept"
