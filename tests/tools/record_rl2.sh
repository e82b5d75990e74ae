#!/bin/sh
# Records RL² on what can be computed exactly: bandits, the two-step task, Harlow's, GridNavi, mazes. Each run is trained,
# and then tested on fresh trials with drawn actions. Interrupted, it goes on where it stopped. What the repository keeps
# goes to tests/golden/runs/rl2-*.
#   sh tests/tools/record_rl2.sh [BUILD] [preset:seeds ...]      (from the repository's root; matrix:1 is Wang's 5 × 5,
#   n100:1 a hundred pulls of five arms). SEEDS="4 5" records only these seeds.
set -e
build=${1:-build}
[ $# -gt 0 ] && shift
program=$build/innerloop work=runs/record-rl2 kept=tests/golden/runs
. tests/tools/recording.sh
mkdir -p "$work"

# test_trials SET SEED TASKS: the trials of the final policy in new tasks; the table is kept.
test_trials() {
  "$program" adapt "$work/$1/seed-$2" --tasks "$3" --seed 7 --pictures 0 --quiet --threads 1 --out "$work/adapt" \
    > "$kept/$1/seed-$2/adapt.txt"
}

# stay SET SEED: stay probabilities in the two-step task, over 400 trials of 100 choices.
stay() {
  for draws in 1 2 3 4 5 6 7 8 9 10; do
    "$program" adapt "$work/$1/seed-$2" --tasks 40 --seed $draws --pictures 40 --quiet --threads 1 --out "$work/stay" \
      > /dev/null
    cat "$work/stay/paths.csv"
  done | grep -v task | awk -f tests/tools/stay_probabilities.awk > "$kept/$1/seed-$2/stay.txt"
}

# matrix: trained on each of Wang's five distributions of two arms, tested on all five: expected regret of 2 000 trials.
matrix() {
  kinds="independent uniform easy medium hard"
  mkdir -p "$kept/rl2-matrix" "$work/matrix"
  echo "train,test,regret,plus_minus" > "$kept/rl2-matrix/matrix.csv"
  for train in $kinds; do
    case $train in independent) preset=wang-independent ;; *) preset=wang-medium ;; esac
    record "rl2-matrix/$train" 1 rl2 --preset "$preset" --env "wang-$train-v1" --iterations 2000 --learning-rate 5e-3
    awk 'NR <= 3 || (NR - 1) % 100 == 0' "$run/metrics.csv" > "$kept/rl2-matrix/$train/seed-1/metrics.csv"
    for test in $kinds; do
      # The same policy in another environment: a copy of the run whose settings name that one.
      rm -rf "$work/matrix/$train-$test"
      cp -r "$run" "$work/matrix/$train-$test"
      sed -i "s/^env = .*/env = \"wang-$test-v1\"/" "$work/matrix/$train-$test/config.toml"
      "$program" adapt "$work/matrix/$train-$test" --tasks 2000 --seed 7 --pictures 0 --quiet --threads 1 --out "$work/adapt" |
        awk -v head="$train,$test" '/^expected regret/ { print head "," $(NF - 2) "," $NF }' >> "$kept/rl2-matrix/matrix.csv"
    done
  done
  cat "$work"/rl2-matrix/*/seed-1.seconds > "$work/rl2-matrix/seed-1.seconds"
}

for job in ${*:-bandit:5 wang-medium:5 wang-hard:5 wang-independent:5 informative:5 informative-scalar:1 two-step:5 \
  two-step-flip:5 harlow:5 grid-navi:5 maze:5 matrix:1 n100:1}; do
  preset=${job%:*} count=${job#*:}
  if [ "$preset" = matrix ]; then
    seeds=1
    matrix
    facts rl2-matrix "rl2 --preset wang-medium (independent: wang-independent) --env ... --iterations 2000 --learning-rate 5e-3"
    continue
  fi
  # A hundred pulls of five arms: not a preset, but the bandit's with a smaller γ.
  if [ "$preset" = n100 ]; then
    settings="--env rl2-bandit-k5-n100-v1 --gamma 0.8 --recurrent-scale 0.3 --iterations 10000"
    seeds=1
    # shellcheck disable=SC2086
    record rl2-n100 1 rl2 $settings
    awk 'NR <= 3 || (NR - 1) % 500 == 0' "$run/metrics.csv" > "$kept/rl2-n100/seed-1/metrics.csv"
    test_trials rl2-n100 1 4000
    facts rl2-n100 "rl2 $settings"
    continue
  fi
  seeds="1 to $count"
  case $preset in
    bandit) tasks=20000 ;;
    *) tasks=2000 ;;
  esac
  for seed in ${SEEDS:-$(seq "$count")}; do
    record "rl2-$preset" "$seed" rl2 --preset "$preset"
    # The first iterations, for a test that repeats them; then every 25th, for the curve.
    awk 'NR <= 11 || (NR - 1) % 25 == 0' "$run/metrics.csv" > "$kept/rl2-$preset/seed-$seed/metrics.csv"
    test_trials "rl2-$preset" "$seed" "$tasks"
    case $preset in two-step*) stay "rl2-$preset" "$seed" ;; esac
    facts "rl2-$preset" "rl2 --preset $preset"
  done
done
