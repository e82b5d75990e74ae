#!/bin/sh
# resources.sh <build folder> [write]: what every CUDA kernel needs on compute capability 9.0, as ptxas -v said when the
# build compiled it, and whether that is within kernels/cuda/resources.txt. A spill of registers is never within it.
# `write` rewrites the file.
#
# Instances of a template count as one kernel, by the largest need.
set -u
build=$1 mode=${2:-compare}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$(dirname "$0")/../.." || exit 2
budget=kernels/cuda/resources.txt
files=$(find kernels/cuda envs -name '*.cu' | sort)

# Where the build keeps what ptxas said (tests/tools/keep_ptxas.sh).
report() { echo "$build/CMakeFiles/innerloop_${1%%/*}.dir/$1.o.ptxas"; }
for file in $files; do
  [ -e "$(report "$file")" ] && continue
  echo "there is no $(report "$file"): build with nvcc first"
  exit 1
done

# One line per kernel: file, name, registers, bytes of static shared memory, bytes of stack, bytes spilled.
for file in $files; do
  c++filt < "$(report "$file")" | awk -v file="$file" '
    /Compiling entry function/ {
      counts = /sm_90/
      name = $0; sub(/^[^\047]*\047/, "", name); sub(/\047 for .*/, "", name)
      gsub(/\(anonymous namespace\)::/, "", name); sub(/[<(].*/, "", name); sub(/.*[ :]/, "", name); stack = spills = 0 }
    /bytes stack frame/ { stack = $1; spills = $5 + $9 }
    /Used [0-9]+ registers/ && counts {
      for (i = 1; i <= NF; ++i) { if ($i == "Used") registers = $(i + 1); if ($i ~ /^smem/) shared = $(i - 2) }
      if (registers + 0 > r[name]) r[name] = registers + 0
      if (shared + 0 > s[name]) s[name] = shared + 0
      if (stack > f[name]) f[name] = stack
      if (spills > p[name]) p[name] = spills
      seen[name] = 1; shared = 0 }
    END { for (name in seen) print file, name, r[name] + 0, s[name] + 0, f[name] + 0, p[name] + 0 }' | sort
done > "$work/found"

if [ "$mode" = write ]; then
  nvcc=$(sed -n 's/^CMAKE_CUDA_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
  { echo "# What each CUDA kernel may need on compute capability 9.0; compared with ptxas by tests/tools/resources.sh,"
    echo "# which also writes this file ($($nvcc --version | grep -o 'release [0-9.]*')). Spills are never allowed."
    echo "# file kernel registers shared_bytes stack_bytes"
    awk '{ print $1, $2, $3, $4, $5 }' "$work/found"; } > $budget
fi

awk 'FILENAME == ARGV[1] { if ($0 !~ /^#/ && NF == 5) { r[$1 " " $2] = $3; s[$1 " " $2] = $4; f[$1 " " $2] = $5 }; next }
  { key = $1 " " $2; found[key] = 1; ++count }
  $6 > 0 { print key ": " $6 " bytes of registers are spilled"; bad = 1 }
  !(key in r) { print key ": has no budget; it needs " $3 " registers, " $4 " bytes of shared memory"; bad = 1; next }
  $3 > r[key] { print key ": " $3 " registers, and the budget is " r[key]; bad = 1 }
  $4 > s[key] { print key ": " $4 " bytes of static shared memory, and the budget is " s[key]; bad = 1 }
  $5 > f[key] { print key ": " $5 " bytes of stack, and the budget is " f[key]; bad = 1 }
  END { for (key in r) if (!(key in found)) { print key ": has a budget, but is not compiled"; bad = 1 }
    print count " kernels compared with their budget"; exit bad || count == 0 }' $budget "$work/found"
