#!/bin/sh
# Records on-policy learning on classical control, five seeds each: A2C, PPO and TRPO on CartPole, PPO on the pendulum. About two
# minutes on two quiet cores. Interrupted, it goes on where it stopped. What the repository keeps goes to tests/golden/runs.
#   sh tests/tools/record_on_policy.sh [program] [algorithm ...]      (from the repository's root)
set -e
program=${1:-build/innerloop}
[ $# -gt 0 ] && shift
work=runs/record-on-policy
mkdir -p "$work"
for job in ${*:-a2c:cartpole ppo:cartpole ppo:pendulum trpo:cartpole}; do
  algorithm=${job%:*} preset=${job#*:}
  for seed in 1 2 3 4 5; do
    run=$work/$algorithm-$preset/seed-$seed kept=tests/golden/runs/$algorithm-$preset/seed-$seed
    mkdir -p "$kept"
    start=$(date +%s.%N)
    if [ -e "$run/checkpoints/LATEST" ]; then set -- --resume "$run"
    else set -- "$algorithm" --preset "$preset" --seed "$seed" --out "$run"; fi
    "$program" train "$@" --threads 1 --quiet
    echo "$algorithm $preset seed $seed: $(echo "$(date +%s.%N) - $start" | bc) s"
    # The first iterations, for the test that repeats them; then every 25th, for the curve.
    cp "$run/config.toml" "$kept/"
    awk 'NR <= 21 || (NR - 1) % 25 == 0' "$run/metrics.csv" > "$kept/metrics.csv"
    "$program" adapt "$run" --steps 0 --evaluation deterministic --trajectories 1000 --pictures 0 --quiet --out "$work/adapt" > "$kept/adapt.txt"
  done
done
