#!/bin/sh
# Records MAML on point-nav-v1 with the authors' settings: three inner estimators, three seeds. About 6 minutes on two quiet cores.
# Interrupted, it goes on where it stopped. What the repository keeps goes to tests/golden/runs/maml-point-nav-v1.
#   make record            (from the repository's root)
set -e
program=${1:-build/innerloop}
work=runs/record-maml
kept=tests/golden/runs/maml-point-nav-v1
mkdir -p "$work" "$kept"

# Train: one process a core, each on one thread. Results do not depend on that.
for seed in 1 2 3; do
  for estimator in log-likelihood first-order likelihood-ratio; do
    echo "$estimator $seed"
  done
done | xargs -P 2 -L 1 sh -c '
  run='"$work"'/$0-$1
  if [ -e "$run/checkpoints/LATEST" ]; then set -- --resume "$run"
  else set -- maml --preset official --iterations 60 --estimator "$0" --seed "$1" --out "$run"; fi
  '"$program"' train "$@" --threads 1 --quiet'

# Adapt to the authors' 40 goals, 40 trajectories per step as they did, and keep what a reader needs to judge or repeat it.
for run in "$work"/*-[123]; do
  mkdir -p "$kept/$(basename "$run")"
  cp "$run/config.toml" "$run/metrics.csv" "$kept/$(basename "$run")/"
  "$program" adapt "$run" --steps 3 --trajectories 40 --quiet --out "$work/adapt" > "$kept/$(basename "$run")/adapt.txt"
done
echo "recorded in $kept"
