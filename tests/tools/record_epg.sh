#!/bin/sh
# Records EPG: losses evolved on a point mass whose goals lie on the right half of a circle, tested on goals never seen,
# there and on the left half; with controls, and beside PPO; the same for a unicycle. Interrupted, it goes on where it
# stopped. What the repository keeps goes to tests/golden/runs/epg-*.
#   sh tests/tools/record_epg.sh [BUILD] [job ...]      (from the repository's root)
# Jobs: evolve, ppo-tuned; unicycle, ppo-unicycle.
set -e
build=${1:-build}
[ $# -gt 0 ] && shift
program=$build/innerloop work=runs/record-epg kept=tests/golden/runs
. tests/tools/recording.sh
mkdir -p "$work"

# lifetimes RUN FILE [FLAGS]: a fresh policy's lifetime in each of 60 held-out tasks. A row per task and learner: mean over
# the lifetime (the area under its curve), first and last return.
lifetimes() {
  run_folder=$1 file=$2
  shift 2
  "$program" adapt "$run_folder" --tasks 60 --seed "${test_seed:-7}" --steps 16 --trajectories 2 --pictures 0 --quiet \
    --threads 1 --out "$work/adapt" "$@" > "$work/adapt.txt"
  awk -F, 'NR == 1 { print "learner,task,area,first,last"; next }
           { sum = 0; for (k = 3; k <= NF; ++k) sum += $k; printf "%s,%s,%.4f,%.4f,%.4f\n", $1, $2, sum / (NF - 2), $3, $NF }' \
    "$work/adapt/adapt.csv" > "$file"
}

# curve FILE: of the lifetimes just lived, the mean return over tasks at each point. A row per learner.
curve() {
  awk -F, 'NR == 1 { next }
           { if (!($1 in count)) name[++learners] = $1; ++count[$1]; for (k = 3; k <= NF; ++k) sum[$1, k] += $k; points = NF }
           END { for (i = 1; i <= learners; ++i) { l = name[i]; row = l
                   for (k = 3; k <= points; ++k) row = row sprintf(",%.4f", sum[l, k] / count[l])
                   print row } }' "$work/adapt/adapt.csv" > "$1"
}

# variant RUN NAME SETTING...: a copy of a run with other settings, of which training knows nothing.
variant() {
  from=$1 to=$work/variants/$2
  shift 2
  rm -rf "$to"
  mkdir -p "$work/variants"
  cp -r "$from" "$to"
  for setting in "$@"; do
    sed -i "s/^${setting%%=*} = .*/${setting%%=*} = ${setting#*=}/" "$to/config.toml"
  done
}

# evolve SET OTHER ARGUMENTS...: three evolutions, each tested on its own tasks, on those of OTHER, and with its controls.
evolve() {
  set=$1 other=$2
  shift 2
  for seed in $seeds; do
    record "$set" "$seed" epg "$@"
    # The first iterations, for a test that repeats them; then every tenth, for the curve.
    awk 'NR <= 4 || (NR - 1) % 10 == 0' "$run/metrics.csv" > "$kept/$set/seed-$seed/metrics.csv"
    cp "$run"/checkpoints/"$(cat "$run/checkpoints/LATEST")" "$kept/$set/seed-$seed/loss.safetensors"
    lifetimes "$run" "$kept/$set/seed-$seed/own.csv" --random
    curve "$kept/$set/seed-$seed/curve.csv"
    variant "$run" other "env=\"$other\""
    lifetimes "$work/variants/other" "$kept/$set/seed-$seed/other.csv" --random
    for control in negated:reward_input=\"negated\" zero:reward_input=\"zero\" shuffled:loss_at_test=\"shuffled\"; do
      variant "$run" "${control%%:*}" "${control#*:}"
      lifetimes "$work/variants/${control%%:*}" "$kept/$set/seed-$seed/${control%%:*}.csv"
    done
  done
  facts "$set" "epg $*"
}

# tune_ppo SET BODY TESTS AROUND: PPO in the same lifetimes: a grid of 18 settings (learning rate, σ, passes), then those of
# AROUND its best one, judged on other tasks (seed 11) than the test's, on the right half of the circle. The best of all
# is tested there and on the arcs TESTS.
tune_ppo() {
  set=$1 body=$2 tests=$3 around=$4
  mkdir -p "$kept/$set"
  echo "inner_learning_rate,sigma,passes,area" > "$kept/$set/trials.csv"
  for setting in 0.01-0.3-1 0.01-0.3-4 0.01-0.5-1 0.01-0.5-4 0.01-1-1 0.01-1-4 0.03-0.3-1 0.03-0.3-4 0.03-0.5-1 0.03-0.5-4 \
    0.03-1-1 0.03-1-4 0.1-0.3-1 0.1-0.3-4 0.1-0.5-1 0.1-0.5-4 0.1-1-1 0.1-1-4 $around; do
    run=$work/$set/$setting
    rate=${setting%%-*} sigma=${setting#*-} passes=${setting##*-}
    sigma=${sigma%-*}
    [ -e "$run/config.toml" ] || "$program" train epg --preset mass --env "$body-right-v1" --iterations 0 --test-alpha 1 \
      --inner-learning-rate "$rate" --sigma "$sigma" --passes "$passes" --out "$run" --quiet
    test_seed=11 lifetimes "$run" "$work/trial.csv"
    echo "$rate,$sigma,$passes,$(awk -F, 'NR > 1 { s += $3; ++n } END { printf "%.4f", s / n }' "$work/trial.csv")" \
      >> "$kept/$set/trials.csv"
  done
  best=$(sed 1d "$kept/$set/trials.csv" | sort -t, -k4 -g -r | head -1 | cut -d, -f1-3 | tr , -)
  echo "$set, best: $best"
  for arc in right $tests; do
    variant "$work/$set/$best" "$arc" "env=\"$body-$arc-v1\""
    lifetimes "$work/variants/$arc" "$kept/$set/$arc.csv"
    curve "$kept/$set/$arc-curve.csv"
  done
  {
    echo "command    innerloop train epg --preset mass --env $body-right-v1 --iterations 0 --test-alpha 1 with 24 settings" \
      "(trials.csv, 60 tasks, seed 11)"
    echo "date       $(date -u +%F)"
    echo "processor  $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), one thread of a busy machine"
    echo "tests      60 held-out tasks, seed 7, of the best setting: learning rate ${best%%-*}, sigma and passes ${best#*-}"
  } > "$kept/$set/recorded.txt"
}

# ppo_evolved SET ARGUMENTS...: one evolution of PPO's settings in place of a loss, with as many lifetimes.
ppo_evolved() (
  set=$1 seeds=1
  shift
  record "$set" 1 epg "$@"
  awk 'NR <= 4 || (NR - 1) % 10 == 0' "$run/metrics.csv" > "$kept/$set/seed-1/metrics.csv"
  lifetimes "$run" "$kept/$set/seed-1/right.csv"
  facts "$set" "epg $*"
)

seeds="1 2 3"
for job in ${*:-evolve unicycle ppo-tuned ppo-unicycle}; do
  case $job in
  evolve)
    # On the right half of the circle, and on all of it, where nothing can be memorised.
    evolve epg-mass mass-left-v1 --preset mass
    evolve epg-mass-circle mass-left-v1 --preset mass --env mass-circle-v1 --learning-rate 0.03 --final-learning-rate 0.03
    ;;
  unicycle) evolve epg-unicycle unicycle-left-v1 --preset mass --env unicycle-right-v1 ;;
  ppo-tuned)
    tune_ppo epg-ppo mass "left circle" "0.2-0.2-1 0.2-0.3-1 0.2-0.5-1 0.3-0.2-1 0.3-0.3-1 0.3-0.5-1"
    ppo_evolved epg-ppo-evolved --preset mass --evolve ppo
    ;;
  ppo-unicycle)
    tune_ppo epg-ppo-unicycle unicycle left "0.03-1.5-4 0.03-2-4 0.03-1-8 0.02-1-8 0.05-1-4 0.02-1.5-8"
    ppo_evolved epg-ppo-unicycle-evolved --preset mass --env unicycle-right-v1 --evolve ppo
    ;;
  *) echo "there is no job '$job'" >&2; exit 2 ;;
  esac
done
