#!/bin/sh
# Records the main job, `innerloop run` with seed 1: three learners of one policy's size and their table on the 40 goals.
#   sh tests/tools/record_run.sh [program]        (from the repository's root; about a minute on two cores)
# What the repository keeps goes to tests/golden/runs/first and, the picture, to meta/maml_adapt.png.
set -e
program=${1:-build/innerloop}
work=runs/record-first
kept=tests/golden/runs/first
rm -rf "$work"
mkdir -p "$kept"

begin=$(date +%s)
"$program" run --out "$work" > "$kept/adapt.txt"
echo "$(($(date +%s) - begin)) s, $(date +%F), $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)"

for run in quick quick-pretrained quick-oracle; do
  mkdir -p "$kept/$run"
  cp "$work/$run/config.toml" "$work/$run/metrics.csv" "$kept/$run/"
done
cp "$work/adapt.png" meta/maml_adapt.png
echo "recorded in $kept: the README and meta/maml.md quote it"
