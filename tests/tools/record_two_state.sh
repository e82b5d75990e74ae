#!/bin/sh
# Records policy gradient and TRPO on the two-state environment, three seeds each: the tables of their chapters. A few seconds.
#   sh tests/tools/record_two_state.sh [program]      (from the repository's root)
set -e
program=${1:-build/innerloop}
for algorithm in policy_gradient trpo; do
  for seed in 1 2 3; do
    run=runs/record-two-state/$algorithm/seed-$seed kept=tests/golden/runs/$algorithm-two-state/seed-$seed
    rm -rf "$run"
    mkdir -p "$kept"
    "$program" train "$algorithm" --env two-state-v1 --tasks 1 --trajectories 64 --hidden 8 --activation tanh --iterations 40 \
      --seed "$seed" --out "$run" --quiet
    cp "$run/config.toml" "$run/metrics.csv" "$kept/"
  done
done
