#!/bin/sh
# Records the tables of the chapters on what was known before RL²: about two minutes of one core for the bandits, four for
# the decision processes.
#   sh tests/tools/record_baselines.sh [program]      (from the repository's root)
set -e
program=${1:-build/innerloop}
kept=tests/golden/runs/baselines
mkdir -p "$kept"
for table in bandits mdps; do
  "$program" bench "$table" > "$kept/$table.new"
  mv "$kept/$table.new" "$kept/$table.txt"
done
