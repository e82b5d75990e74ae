#!/bin/sh
# compile_times.sh <build folder> [target]: builds everything, or one target (innerloop: the program), at -O2, one file at a
# time, and prints the processor seconds of each.
# The budget of a file above kernels/ is 5 s; one that includes a heavy header of another project (Eigen, CLI11, toml++,
# nlohmann-json, Catch2; fmt, where its library is not linked) may take 15 s. Ends with an error if one takes longer.
set -eu
folder=$1
if [ "$folder" = launch ]; then  # called back by CMake: launch <compiler> <arguments>
  shift
  "$@"
  depends=
  for source in "$@"; do  # ends as the last argument; the file that lists all that was included is the one after -MF
    if [ "$depends" = next ]; then depends=$source; elif [ "$source" = -MF ]; then depends=next; fi
  done
  # A heavy header of another project (of fmt, what its library would hold).
  kind=plain
  if grep -qsE '/(Eigen|CLI|toml\+\+|nlohmann|catch2)/|/fmt/format-inl\.h' "$depends"; then kind=heavy; fi
  times > "$INNERLOOP_TIMES.$$"  # the second line: user and system time of the compiler
  awk -v source="$source" -v kind=$kind '
    NR == 2 { gsub(/[ms]/, " "); printf "%d %s %s\n", 1000 * (60 * ($1 + $3) + $2 + $4), source, kind }' \
    "$INNERLOOP_TIMES.$$" >> "$INNERLOOP_TIMES"
  rm "$INNERLOOP_TIMES.$$"
  exit 0
fi
rm -rf "$folder"
cmake --log-level=WARNING -S . -B "$folder" -D CMAKE_BUILD_TYPE=Release -D CMAKE_CXX_FLAGS_RELEASE="-O2 -DNDEBUG" \
  -D INNERLOOP_CUDA=OFF -D CMAKE_CXX_COMPILER_LAUNCHER="sh;$PWD/tests/tools/compile_times.sh;launch"
INNERLOOP_TIMES=$PWD/$folder/times.txt
export INNERLOOP_TIMES
cmake --build "$folder" -j 1 --target "${2:-all}" > "$folder/build.log" || { tail -30 "$folder/build.log"; exit 1; }

# "1234 app/train.cpp heavy", slowest first.
sort -rn "$INNERLOOP_TIMES" | sed "s|$PWD/||" | while read -r ms source kind; do
  case $source in kernels/* | "$folder"/*/kernels/*) kind=kernels ;; esac  # the second: files made from kernels/cuda
  echo "$ms $source $kind"
done |
  awk '{ total += $1; over = $3 == "plain" && $1 > 5000 || $3 == "heavy" && $1 > 15000; bad += over
         if (NR <= 25 || over) printf "%6.1f s  %s%s\n", $1 / 1000, $2, over ? "   OVER" : $3 == "plain" ? "" : "   (" $3 ")" }
       END { printf "%6.1f s in all, %d files, %d of them over their budget\n", total / 1000, NR, bad; exit bad > 0 }'
