#!/bin/sh
# Records meta-gradient learning: γ and λ by state on the two reward processes, from v = 0 (ten seeds of signal and noise, one
# of the others) and online; then control, if named. Interrupted, it goes on where it stopped.
#   sh tests/tools/record_meta_gradient.sh [BUILD] [job ...]      (from the repository's root)
# Jobs: processes; alphas: the same with smaller and larger steps of the learner; pairs: one pair of trajectories a step,
# β constant; chain.
set -e
build=${1:-build}
[ $# -gt 0 ] && shift
program=$build/innerloop work=runs/record-meta-gradient kept=tests/golden/runs
. tests/tools/recording.sh
mkdir -p "$work"

# record_set SET SEEDS ARGUMENTS...
record_set() {
  all=$1 seeds=$2
  shift 2
  for s in $seeds; do
    record "$all" "$s" meta_gradient "$@"
    # The first iterations, for whoever repeats them, and the last.
    awk 'NR <= 4 { print; next } { last = $0 } END { if (last) print last }' "$run/metrics.csv" \
      > "$kept/$all/seed-$s/metrics.csv"
  done
  facts "$all" "meta_gradient $*"
}

for job in ${*:-processes}; do
  case $job in
  processes)
    record_set meta-signal-noise "1 2 3 4 5 6 7 8 9 10" --preset signal-noise
    record_set meta-noise-undone "1" --preset noise-undone
    record_set meta-signal-noise-online "1" --preset signal-noise-online
    record_set meta-noise-undone-online "1" --preset noise-undone-online
    ;;
  alphas)
    for alpha in 0.5 0.01; do
      record_set "meta-signal-noise-alpha-$alpha" "1 2 3" --preset signal-noise --learning-rate "$alpha" \
        --meta-optimiser adam --beta 0.05 --meta-steps 50 --iterations 30
    done
    ;;
  pairs)
    record_set meta-signal-noise-pairs "1 2 3" --preset signal-noise --trajectories 1 --beta 0.5 --no-anneal-beta \
      --meta-steps 1000 --iterations 100
    ;;
  chain)
    for delay in 1 3 10 30 100; do
      record_set "meta-chain-$delay" "1 2 3" --env "discounting-chain-$delay-v2"
      record_set "meta-chain-$delay-fixed" "1 2 3" --env "discounting-chain-$delay-v2" --learn none
      for s in 1 2 3; do
        evaluate "meta-chain-$delay" "$s" --evaluation deterministic --trajectories 1
        evaluate "meta-chain-$delay-fixed" "$s" --evaluation deterministic --trajectories 1
      done
    done
    ;;
  *) echo "there is no job '$job'" >&2; exit 2 ;;
  esac
done
