#!/bin/sh
# Records PEARL on the dense and on the sparse point robots, with its controls and ablations. Interrupted, it goes on where
# it stopped; run again, it makes the evaluations of the finished runs anew. What the repository keeps goes to
# tests/golden/runs.
#   sh tests/tools/record_pearl.sh [BUILD]                 (from the repository's root; BUILD is the folder of the build)
# SETS="pearl-point-robot" records only these sets; SEEDS="1 2 3" only these seeds.
set -e
build=${1:-build}
program=$build/innerloop work=runs/record-pearl kept=tests/golden/runs
. tests/tools/recording.sh
mkdir -p "$work"

# curve SET SEED FILE ARGUMENTS...: the return of each trajectory of a test, kept under that name.
curve() {
  set_name=$1 seed=$2 file=$3
  shift 3
  "$program" adapt "$work/$set_name/seed-$seed" --trajectories 1 --pictures 0 --quiet --out "$work/adapt" "$@" \
    > "$kept/$set_name/seed-$seed/$file"
}

# Name of the set; seeds; steps of a test; fresh tasks of a test; arguments of train.
while read -r name seeds steps tasks arguments; do
  case " ${SETS:-$name} " in *" $name "*) ;; *) continue ;; esac
  for seed in $(echo "$seeds" | tr , ' '); do
    case " ${SEEDS:-$seed} " in *" $seed "*) ;; *) continue ;; esac
    # The arguments are meant to be split at their blanks.
    # shellcheck disable=SC2086
    record "$name" "$seed" $arguments < /dev/null
    # Of a long run the first iterations and then every tenth, for the curve.
    if [ "$(wc -l < "$run/metrics.csv")" -gt 200 ]; then
      awk 'NR <= 6 || (NR - 1) % 10 == 0' "$run/metrics.csv" > "$kept/$name/seed-$seed/metrics.csv"
    fi
    curve "$name" "$seed" adapt.txt --steps "$steps" --tasks "$tasks" --seed 11 < /dev/null
    # On the half circle nothing is random; the other robots start anywhere.
    case $name in pearl-semicircle*) above_best "$work/adapt" >> "$kept/$name/seed-$seed/adapt.txt" ;; esac
    curve "$name" "$seed" adapt-official.txt --steps "$steps" < /dev/null
  done
  facts "$name" "$arguments"

  # The same learner, shown another task's context in the test.
  if [ "$name" = pearl-point-robot ]; then
    mkdir -p "$work/pearl-swapped"
    for seed in $(echo "$seeds" | tr , ' '); do
      [ -e "$work/$name/seed-$seed.seconds" ] || continue
      rm -rf "$work/pearl-swapped/seed-$seed"
      cp -r "$work/$name/seed-$seed" "$work/pearl-swapped/seed-$seed"
      sed -i 's/^context_of = .*/context_of = "swapped_at_test"/' "$work/pearl-swapped/seed-$seed/config.toml"
      mkdir -p "$kept/pearl-swapped/seed-$seed"
      curve pearl-swapped "$seed" adapt.txt --steps "$steps" --tasks "$tasks" --seed 11 < /dev/null
    done
  fi
done << 'RUNS'
pearl-point-robot 1,2,3,4,5 2 2000 pearl --iterations 20
pearl-told 1 2 2000 pearl --preset told --iterations 10 --visited-tasks 20 --initial-episodes 4 --prior-episodes 2 --posterior-episodes 2 --extra-episodes 2
pearl-nothing 1 2 2000 pearl --told nothing --iterations 10 --visited-tasks 20 --initial-episodes 4 --prior-episodes 2 --posterior-episodes 2 --extra-episodes 2
pearl-short-contexts 1,2,3 4 2000 pearl --iterations 60 --visited-tasks 20 --initial-episodes 4 --prior-episodes 2 --posterior-episodes 2 --extra-episodes 2 --replacement=false --kl-weight 0.01 --latent-size 10
pearl-annealed 1,2,3 4 2000 pearl --iterations 40 --train-tasks 400 --visited-tasks 40 --initial-episodes 2 --prior-episodes 1 --posterior-episodes 2 --extra-episodes 0 --replacement=false --context 60 --kl-weight 0.01 --latent-size 10 --anneal=true
pearl-shuffled 1,2,3 2 2000 pearl --iterations 20 --context-of shuffled
pearl-ablation-none 1 4 1000 pearl --iterations 8
pearl-ablation-mean 1 4 1000 pearl --iterations 8 --sample-latent=false
pearl-ablation-replay 1 4 1000 pearl --iterations 8 --context-from replay
pearl-pendulum 1 2 300 pearl --env pendulum-varied-v1 --train-tasks 20 --initial-episodes 1 --prior-episodes 1 --posterior-episodes 2 --extra-episodes 0 --gamma 0.98 --reward-scale 1 --context 100 --replacement=false --iterations 8
pearl-pendulum-next 1 2 300 pearl --env pendulum-varied-v1 --train-tasks 20 --initial-episodes 1 --prior-episodes 1 --posterior-episodes 2 --extra-episodes 0 --gamma 0.98 --reward-scale 1 --context 100 --replacement=false --iterations 8 --next-observation=true
pearl-semicircle-told 1 4 500 pearl --preset sparse --told task --iterations 10 --visited-tasks 20 --initial-episodes 2 --prior-episodes 2 --posterior-episodes 4
pearl-semicircle-short 1 19 500 pearl --preset sparse --iterations 20
pearl-semicircle 1,2,3,4,5 19 500 pearl --preset sparse --visited-tasks 80 --initial-episodes 2 --posterior-episodes 5 --capacity 2000 --meta-batch 16 --context 200 --replacement=false --prior-factor=true --factor-variance exp --latent-size 2 --entropy-per-action 0 --forget-after 110 --kl-weight 0.25 --kl-rise 100 --iterations 1000 --updates 100 --anneal=true
RUNS
echo "recorded in $kept"
