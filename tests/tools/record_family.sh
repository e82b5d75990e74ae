#!/bin/sh
# Records the algorithms around MAML: the four corners (three inner steps; MAML's estimators, E-MAML, ProMP), Reptile on
# 2-D navigation beside MAML, and MAESN with its baselines on the wheeled robot and on the pusher. Each matrix is one
# sweep, which goes on where it was interrupted. What the repository keeps goes to tests/golden/runs/family-*.
#   sh tests/tools/record_family.sh [BUILD] [MATRIX...]   from the repository's root; MATRIX: tuning corner reptile wheeled
#   pusher scratch-wheeled scratch-pusher
# SEEDS, ITERATIONS and PARALLEL in the environment change the number of seeds, of iterations, of runs at once.
set -e
build=${1:-build}
[ $# -gt 0 ] && shift
program=$build/innerloop work=runs/record-family kept=tests/golden/runs
mkdir -p "$work"
export INNERLOOP_THREADS="${INNERLOOP_THREADS:-1}"

# spent: seconds of processor time of all that this script has run.
look_at_clock() {
  times > "$work/times.$$"
  spent=$(awk -F '[ms ]+' 'NR == 2 { print 60 * ($1 + $3) + $2 + $4 }' "$work/times.$$")
}

# keep MATRIX: a finished sweep's settings and table, what made it, the last row of each run's metrics, and each run's
# curve of adaptation or, where nothing adapts, the mean curve of training.
keep() {
  copy=$kept/family-$1
  mkdir -p "$copy"
  cp "$work/$1/sweep.toml" "$work/$1/sweep.csv" "$copy/"
  cp "$work/$1.txt" "$copy/sweep.txt"
  rm -f "$copy/adaptation.csv" "$copy/last.csv"
  for run in "$work/$1"/*/*/seed-*; do
    name=$(basename "$(dirname "$(dirname "$run")")") seed=${run##*seed-}
    { head -n 1 "$run/metrics.csv"; tail -n 1 "$run/metrics.csv"; } | sed "1s/^/method,seed,/; 2s/^/$name,$seed,/" \
      >> "$copy/last.csv"
    [ ! -e "$run/adaptation.csv" ] ||
      sed "1s/^/method,seed,/; 2,\$s/^/$name,$seed,/" "$run/adaptation.csv" >> "$copy/adaptation.csv"
  done
  for file in "$copy/adaptation.csv" "$copy/last.csv"; do  # a header only where it changes
    [ -e "$file" ] || continue
    awk '!/^method/ || $0 != header; /^method/ { header = $0 }' "$file" > "$work/one.$$"
    cp "$work/one.$$" "$file"
  done
  if [ ! -e "$copy/adaptation.csv" ]; then  # the mean return over seeds, by iteration
    awk -F, 'FNR == 1 { for (i = 1; i <= NF; ++i) if ($i == "return") column = i; next }
             { sum[$1] += $column; ++seeds[$1]; if ($1 > last) last = $1 }
             END { print "iteration,seeds,return"; for (i = 1; i <= last; ++i) print i "," seeds[i] "," sum[i] / seeds[i] }' \
      "$work/$1"/*/*/seed-*/metrics.csv > "$copy/curve.csv"
  fi
  {
    echo "command    sh tests/tools/record_family.sh build $1"
    echo "commit     ${COMMIT:-$(git rev-parse --short=12 HEAD)$(git diff --quiet HEAD -- '*.cpp' '*.h' '*.cu' || echo ", changed")}"
    echo "date       $(date -u +%F)"
    echo "processor  $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), one thread"
    echo "seconds    of processor time for all seeds of a method, trained and adapted:"
    cat "$work/$1.seconds"
  } > "$copy/recorded.txt"
}

# sweep MATRIX METHODS FLAGS...: method by method, so that each one's time is known; then all of them for the table.
sweep() {
  matrix=$1 methods=$2
  shift 2
  [ -z "$ITERATIONS" ] || set -- "$@" --set "iterations=$ITERATIONS"
  touch "$work/$matrix.seconds"
  for method in $methods; do
    if ! grep -q -F "  $method  " "$work/$matrix.seconds"; then
      look_at_clock
      start=$spent
      "$program" sweep --methods "$method" "$@" --parallel "${PARALLEL:-1}" --quiet --out "$work/$matrix" \
        > "$work/$matrix.txt"
      look_at_clock
      echo "$start $spent" | awk -v m="$method" '{ printf "  %s  %.1f\n", m, $2 - $1 }' >> "$work/$matrix.seconds"
    fi
  done
  "$program" sweep --methods "$methods" "$@" --parallel "${PARALLEL:-1}" --quiet --out "$work/$matrix" \
    > "$work/$matrix.txt"
  keep "$matrix"
}

# Three step sizes for each method, on two seeds that the recorded runs do not have: what `corner` below is set to. ProMP
# twice: with one step size and MAML's 8 tasks, and with learned ones that begin at alpha and 20 tasks, for the same time.
tuned="maml:corner maml:corner+estimator=log-likelihood maml:corner+estimator=first-order e_maml:corner \
  promp:corner+step_sizes=fixed+tasks=8 promp:corner"
with_alpha() { for method in $tuned; do printf '%s+alpha=%s ' "$method" "$1"; done; }

# A policy trained from nothing on the sparse reward of one task, another one for each seed; an iteration sees as many
# episodes as a step of adaptation.
scratch="trpo+tasks=1+redraw=false+trajectories=20+hidden=[32,32]+activation=tanh+iterations=50"

for matrix in ${*:-corner reptile wheeled pusher scratch-wheeled scratch-pusher}; do
  case $matrix in
    tuning) sweep tuning "$(for alpha in 0.1 0.5 2; do with_alpha $alpha; done)" \
      --seeds 2 --first-seed 101 --adapt 3 --judged reached --set iterations=60 ;;
    corner) sweep corner "maml:corner+alpha=0.1 maml:corner+estimator=log-likelihood+alpha=0.1 \
      maml:corner+estimator=first-order+alpha=0.1 e_maml:corner+alpha=2 \
      promp:corner+step_sizes=fixed+tasks=8+alpha=0.5 promp:corner+alpha=0.1" --seeds "${SEEDS:-5}" --adapt 3 --judged reached --set iterations=60 ;;
    reptile) sweep reptile "maml:quick+iterations=30 maml:quick+iterations=30+estimator=first-order \
      reptile:quick+iterations=30 reptile:quick+iterations=30+alpha=1 reptile:quick+iterations=30+alpha=4" \
      --seeds "${SEEDS:-3}" --adapt 3 ;;
    wheeled) sweep wheeled "maesn:wheeled maesn:wheeled+inner_steps=0 maesn:wheeled+latents=point maml:wheeled" \
      --seeds "${SEEDS:-5}" --adapt 5 --judged area ;;
    pusher) sweep pusher "maesn:pusher maesn:pusher+inner_steps=0 maesn:pusher+latents=point maml:pusher" \
      --seeds "${SEEDS:-3}" --adapt 5 --judged area ;;
    scratch-wheeled) sweep scratch-wheeled "$scratch" --envs wheeled-sparse-v1 --seeds "${SEEDS:-20}" --metric return ;;
    scratch-pusher) sweep scratch-pusher "$scratch" --envs pusher-sparse-v1 --seeds "${SEEDS:-20}" --metric return ;;
    *) echo "no matrix is called $matrix"; exit 2 ;;
  esac
done
