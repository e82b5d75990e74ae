#!/bin/sh
# Records Q-learning, DQN and SAC, five seeds each, and SAC's presets, three seeds each. About four minutes on a quiet core.
# Interrupted, it goes on where it stopped; run again, it makes the evaluations of the finished runs anew. What the
# repository keeps goes to tests/golden/runs.
#   cmake --build build --target bench_pendulum_regret
#   sh tests/tools/record_off_policy.sh [BUILD]            (from the repository's root; BUILD is the folder of the build)
set -e
build=${1:-build}
program=$build/innerloop work=runs/record-off-policy kept=tests/golden/runs
. tests/tools/recording.sh
mkdir -p "$work"

# Name of the set; episodes of the last evaluation (0: none but the metrics'); arguments of train.
while read -r name episodes arguments; do
  for seed in 1 2 3 4 5; do
    # The arguments are meant to be split at their blanks.
    # shellcheck disable=SC2086
    record "$name" "$seed" $arguments < /dev/null
    if [ "$episodes" -gt 0 ]; then evaluate "$name" "$seed" --evaluation deterministic --trajectories "$episodes"; fi
  done
  facts "$name" "$arguments"
done << 'RUNS'
q_learning-gridworld-v1 0 q_learning --env gridworld-v1 --iterations 40 --rate-power 0.7 --epsilon 0.5 --evaluation-episodes 2000
dqn-gridworld-v1 0 dqn --env gridworld-v1 --steps 6000 --iterations 20 --learning-starts 1000 --epsilon 1 --hidden [32] --batch 256 --capacity 60000 --update-every 3 --target-every 1 --tau 0.005 --learning-rate 3e-4 --evaluation-episodes 2000
sac-pendulum-v1 1000 sac --preset quick --env pendulum-v1 --steps 200 --iterations 100 --evaluation-episodes 5
sac-semicircle-dense-v1 0 sac --preset quick --env semicircle-dense-v1 --steps 200 --iterations 50 --evaluation-episodes 1
dqn-cartpole-v1 100 dqn --env cartpole-v1
RUNS

# Every episode of the pendulum against its own start's optimum.
"$build/bench/pendulum_regret" "$work"/sac-pendulum-v1/seed-[1-5] > "$work/regret.txt"
sed "s|$work/sac-pendulum-v1/||" "$work/regret.txt" > "$kept/sac-pendulum-v1/regret.txt"

# What the conventions of SAC change: the presets with the same small networks, rates and number of steps.
mkdir -p "$kept/sac-presets"
"$program" sweep --methods "sac:quick sac:paper-v1 sac:softlearning sac:sb3 sac:cleanrl" --envs pendulum-v1 --seeds 3 \
  --set "hidden=[64,64] batch=100 steps=1000 iterations=20 learning_starts=100 actor_rate=1e-3 critic_rate=1e-3 temperature_rate=1e-3 evaluation_episodes=20" \
  --last 5 --parallel 1 --quiet --out "$work/sac-presets" > "$kept/sac-presets/sweep.txt"
cp "$work/sac-presets/sweep.toml" "$work/sac-presets/sweep.csv" "$kept/sac-presets/"
echo "recorded in $kept"
