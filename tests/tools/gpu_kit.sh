#!/bin/sh
# gpu_kit.sh: builds, on a machine without a GPU, a folder that can be carried to one that has a GPU and nothing else:
# build-gpu/kit, at most 64 MiB, for any processor of the last ten years, with CUDA's runtime inside the programs.
# There, `sh kit/visit.sh` runs everything (tests/tools/gpu_visit.sh).
set -eu
cd "$(dirname "$0")/../.."
jobs=${JOBS:-$(nproc)}
kit=build-gpu/kit
cmake -S . -B build-gpu -D CMAKE_BUILD_TYPE=Release -D CMAKE_UNITY_BUILD=ON -D INNERLOOP_PORTABLE=ON \
  -D INNERLOOP_CUDA=ON "$@" > build-gpu.log 2>&1 ||
  { cat build-gpu.log; rm -f build-gpu.log; exit 1; }
mv build-gpu.log build-gpu/configure.log
cmake --build build-gpu -j "$jobs" --target tests_cuda innerloop gpu_benches
rm -rf $kit && mkdir -p $kit/bench $kit/lib $kit/lib-cxx $kit/peers
cp build-gpu/tests_cuda build-gpu/innerloop $kit/
cp build-gpu/bench/* $kit/bench/
cp tests/bench/peers/gpu_*.py tests/bench/peers/case.py $kit/peers/
cp tests/tools/gpu_visit.sh $kit/visit.sh
git rev-parse HEAD > $kit/commit.txt 2> /dev/null || echo "not a repository" > $kit/commit.txt
nvcc=$(sed -n 's/^INNERLOOP_NVCC:[^=]*=//p' build-gpu/CMakeCache.txt)
"$nvcc" --version | sed -n 's/.*release \([0-9]*\).*/\1/p' > $kit/cuda.txt
# The names of the tests that a visit runs, one a line. (Version 2 of Catch returns their number, version 3 has other flags.)
$kit/tests_cuda --list-test-names-only "~[slow]~[timing]" > $kit/tests.txt 2> /dev/null || true
[ -s $kit/tests.txt ] || $kit/tests_cuda --list-tests --verbosity quiet "~[slow]~[timing]" > $kit/tests.txt
# Shared libraries that a bare machine lacks come along, but for the C library. Those of C++ lie apart, for a machine that
# has none or older ones.
for program in $kit/tests_cuda $kit/innerloop $kit/bench/*; do
  strip "$program"
  ldd "$program" | awk '$3 ~ "^/" { print $3 }' |
    grep -vE '/(libc|libm|libdl|librt|libpthread|ld-linux[^/]*)\.so' |
    while read -r library; do
      case $library in
        */libstdc++.so* | */libgcc_s.so*) cp -fL "$library" $kit/lib-cxx/ ;;
        *) cp -fL "$library" $kit/lib/ ;;
      esac
    done
done
size=$(du -sm $kit | cut -f1)
echo "$kit: $size MiB"
[ "$size" -le 64 ] || { echo "the kit must not be larger than 64 MiB"; ls -lS $kit $kit/*; exit 1; }
