#!/bin/sh
# Records the algorithms around MAML: the four corners (three inner steps; MAML's estimators, E-MAML, ProMP), Reptile on
# 2-D navigation beside MAML, and MAESN with its baselines on the wheeled robot and on the pusher. Each matrix is one
# sweep, which goes on where it was interrupted. What the repository keeps goes to tests/golden/runs/family-*.
#   sh tests/tools/record_family.sh [BUILD] [MATRIX...]   from the repository's root; MATRIX: corner reptile wheeled pusher
# SEEDS, ITERATIONS and PARALLEL in the environment change the number of seeds, of iterations, of runs at once.
set -e
build=${1:-build}
[ $# -gt 0 ] && shift
program=$build/innerloop work=runs/record-family kept=tests/golden/runs
mkdir -p "$work"

# keep MATRIX: the settings and the table of a finished sweep, what made it, and its seconds of processor time.
keep() {
  mkdir -p "$kept/family-$1"
  cp "$work/$1/sweep.toml" "$work/$1/sweep.csv" "$kept/family-$1/"
  {
    echo "commit     ${COMMIT:-$(git rev-parse --short=12 HEAD)}"
    echo "date       $(date -u +%F)"
    echo "processor  $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
    times | awk 'NR == 2 { print "seconds    " $1 " of processor time, all matrices of this call together" }'
  } > "$kept/family-$1/recorded.txt"
}

sweep() {
  matrix=$1
  shift
  [ -z "$ITERATIONS" ] || set -- "$@" --set "iterations=$ITERATIONS"
  "$program" sweep "$@" --parallel "${PARALLEL:-1}" --quiet --out "$work/$matrix" > "$work/$matrix.txt"
  keep "$matrix"
  cp "$work/$matrix.txt" "$kept/family-$matrix/sweep.txt"
}

# Three step sizes for each method, on two seeds that the recorded runs do not have: what `corner` below is set to.
tuned="maml:corner maml:corner+estimator=log-likelihood maml:corner+estimator=first-order e_maml:corner promp:corner"
with_alpha() { for method in $tuned; do printf '%s+alpha=%s ' "$method" "$1"; done; }

for matrix in ${*:-corner reptile wheeled}; do
  case $matrix in
    tuning) sweep tuning --seeds 2 --first-seed 101 --adapt 3 --judged reached --set iterations=60 \
      --methods "$(for alpha in 0.1 0.5 2; do with_alpha $alpha; done)" ;;
    corner) sweep corner --seeds "${SEEDS:-5}" --adapt 3 --judged reached \
      --methods "maml:corner maml:corner+estimator=log-likelihood maml:corner+estimator=first-order e_maml:corner \
                 promp:corner" ;;
    reptile) sweep reptile --seeds "${SEEDS:-3}" --adapt 3 \
      --methods "maml:quick+iterations=20 maml:quick+iterations=20+estimator=first-order reptile:quick+iterations=20" ;;
    wheeled) sweep wheeled --seeds "${SEEDS:-5}" --adapt 5 --judged area \
      --methods "maesn:wheeled maesn:wheeled+inner_steps=0 maesn:wheeled+latents=point maml:wheeled" ;;
    pusher) sweep pusher --seeds "${SEEDS:-3}" --adapt 5 --judged area \
      --methods "maesn:pusher maesn:pusher+inner_steps=0 maesn:pusher+latents=point maml:pusher" ;;
    scratch) sweep scratch --seeds "${SEEDS:-5}" --metric return \
      --methods "trpo+env=wheeled-sparse-v1" ;;
    *) echo "no matrix is called $matrix"; exit 2 ;;
  esac
done
