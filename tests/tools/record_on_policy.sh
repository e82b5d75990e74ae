#!/bin/sh
# Records on-policy learning on classical control, five seeds each: A2C, PPO, IMPALA and TRPO on CartPole, PPO on the pendulum. About two
# minutes on a quiet core. Interrupted, it goes on where it stopped; run again, it makes the evaluations of the finished
# runs anew. What the repository keeps goes to tests/golden/runs.
#   sh tests/tools/record_on_policy.sh [BUILD] [algorithm:preset ...]      (from the repository's root)
set -e
build=${1:-build}
[ $# -gt 0 ] && shift
program=$build/innerloop work=runs/record-on-policy kept=tests/golden/runs
. tests/tools/recording.sh
mkdir -p "$work"
for job in ${*:-a2c:cartpole ppo:cartpole impala:cartpole ppo:pendulum trpo:cartpole}; do
  algorithm=${job%:*} preset=${job#*:}
  for seed in 1 2 3 4 5; do
    record "$algorithm-$preset" "$seed" "$algorithm" --preset "$preset"
    # The first iterations, for the test that repeats them; then every 25th, for the curve.
    awk 'NR <= 21 || (NR - 1) % 25 == 0' "$run/metrics.csv" > "$kept/$algorithm-$preset/seed-$seed/metrics.csv"
    evaluate "$algorithm-$preset" "$seed" --evaluation deterministic --trajectories 1000
  done
  facts "$algorithm-$preset" "$algorithm --preset $preset"
done
