#!/bin/sh
# compile_times.sh <build folder>: builds everything at -O2, one file at a time, and prints the seconds that each took.
# The budget is 5 s; files that include a heavy header (Eigen, CLI11, toml++, nlohmann-json) may take 15 s.
set -eu
folder=$1
if [ "$folder" = launch ]; then  # called back by CMake: launch <compiler> <arguments>
  shift
  begin=$(date +%s%N)
  "$@"
  end=$(date +%s%N)
  for source in "$@"; do :; done
  echo "$(((end - begin) / 1000000)) $source" >> "$INNERLOOP_TIMES"
  exit 0
fi
rm -rf "$folder"
cmake --log-level=WARNING -S . -B "$folder" -D CMAKE_BUILD_TYPE=Release -D CMAKE_CXX_FLAGS_RELEASE="-O2 -DNDEBUG" \
  -D CMAKE_CXX_COMPILER_LAUNCHER="sh;$PWD/tests/tools/compile_times.sh;launch"
INNERLOOP_TIMES=$PWD/$folder/times.txt
export INNERLOOP_TIMES
cmake --build "$folder" -j 1 > "$folder/build.log" || { tail -30 "$folder/build.log"; exit 1; }
sort -rn "$INNERLOOP_TIMES" | sed "s|$PWD/||" |
  awk '{ total += $1; if ($1 > 5000) over++; if (NR <= 25) printf "%6.1f s%s  %s\n", $1 / 1000, $1 > 5000 ? " !" : "  ", $2 }
       END { printf "%6.1f s in all, %d files, %d of them over 5 s\n", total / 1000, NR, over }'
