#!/bin/sh
# Records Q-learning, DQN and SAC, five seeds each. About two minutes on two quiet cores.
# Interrupted, it goes on where it stopped. What the repository keeps goes to tests/golden/runs.
#   tests/tools/record_off_policy.sh [PROGRAM]            (from the repository's root)
set -e
program=${1:-build/innerloop}
work=runs/record-off-policy
kept=tests/golden/runs
mkdir -p "$work"

# Name of the folder; number of evaluation episodes; arguments of train. One process a core, each on one thread.
while read -r name episodes arguments; do
  for seed in 1 2 3 4 5; do
    echo "$work/$name/seed-$seed $seed $arguments"
  done
done << 'RUNS' > "$work/jobs.txt"
sac-pendulum-v1 1000 sac --preset quick --env pendulum-v1 --steps 200 --iterations 100 --evaluation-episodes 5
sac-semicircle-dense-v1 1 sac --preset quick --env semicircle-dense-v1 --steps 200 --iterations 50 --evaluation-episodes 1
dqn-cartpole-v1 100 dqn --env cartpole-v1
dqn-gridworld-v1 1 dqn --env gridworld-v1 --steps 2000 --iterations 20 --learning-starts 1000 --epsilon 0.3 --epsilon-steps 5000
q_learning-gridworld-v1 1 q_learning --env gridworld-v1 --iterations 40 --rate-power 0.7 --epsilon 0.5
RUNS
xargs -P 2 -L 1 sh -c '
  run=$0 seed=$1; shift
  start=$(date +%s.%N)
  if [ -e "$run/checkpoints/LATEST" ]; then set -- --resume "$run"; else set -- "$@" --seed "$seed" --out "$run"; fi
  '"$program"' train "$@" --threads 1 --quiet
  echo "$run $start $(date +%s.%N)" | awk "{printf \"%s %.1f s\n\", \$1, \$3 - \$2}"' < "$work/jobs.txt"

for run in "$work"/*/seed-*; do
  name=${run#"$work"/}
  mkdir -p "$kept/$name"
  cp "$run/config.toml" "$run/metrics.csv" "$kept/$name/"
done
# The final policies without their noise, on the same test starts for all.
for seed in 1 2 3 4 5; do
  for job in "sac-pendulum-v1 1000" "dqn-cartpole-v1 100"; do
    name=${job% *}/seed-$seed
    "$program" adapt "$work/$name" --steps 0 --trajectories "${job#* }" --pictures 0 --quiet --out "$work/adapt" \
      > "$kept/$name/adapt.txt"
  done
done
echo "recorded in $kept"
