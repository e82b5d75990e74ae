#!/bin/sh
# Does the verifier cry wolf? 50 seeds of `check all`, and 1000 random right programs at ordinary and at hard points.
# About half an hour of one core; goes on where it was interrupted, and keeps what it found in tests/golden/runs/check.
#   make check-seeds        or        sh tests/tools/record_check.sh [build folder]      (from the repository's root)
set -e
build=${1:-build}
kept=tests/golden/runs/check
mkdir -p "$kept"
commit=$(git rev-parse --short=12 HEAD)$(git diff --quiet HEAD -- '*.cpp' '*.h' || echo ", changed")
[ -e "$kept/recorded.txt" ] || {
  echo "command    innerloop check all --seed N;  bench/check_programs FIRST 50"
  echo "commit     $commit"
  echo "date       $(date -u +%F)"
  echo "processor  $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), one thread"
} > "$kept/recorded.txt"
[ -e "$kept/seeds.csv" ] || echo "what,seed,failed,verdict" > "$kept/seeds.csv"

# once WHAT SEED COMMAND...: its last line, unless it stands there already.
once() {
  what=$1 seed=$2
  shift 2
  grep -q "^$what,$seed," "$kept/seeds.csv" && return
  INNERLOOP_THREADS=1 "$@" > "$build/record_check.txt" && failed=0 || failed=1
  grep FAILS "$build/record_check.txt" >> "$kept/failures.txt" || true
  echo "$what,$seed,$failed,\"$(tail -n 1 "$build/record_check.txt" | sed 's/, in [0-9.]* s//')\"" >> "$kept/seeds.csv"
}
seed=1
while [ "$seed" -le 50 ]; do
  once all "$seed" "$build/innerloop" check all --seed "$seed"
  seed=$((seed + 1))
done
first=1
while [ "$first" -le 951 ]; do
  once programs "$first" "$build/bench/check_programs" "$first" 50
  first=$((first + 50))
done
echo "$(grep -c ',0,"' "$kept/seeds.csv") of 70 without a false alarm; those with one: $(grep -c ',1,"' "$kept/seeds.csv" || true)"
