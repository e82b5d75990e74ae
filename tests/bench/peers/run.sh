#!/bin/sh
# Our meta-gradient and that of PyTorch, JAX and libtorch on the same numbers, in turn, in one run: one Markdown table.
#
#   cmake --build build --target bench_meta_gradient_bench
#   python3 -m venv FOLDER && FOLDER/bin/pip install -r tests/bench/peers/requirements.txt
#   PYTHON=FOLDER/bin/python tests/bench/peers/run.sh [ROUNDS [REPEATS [CASE ...]]]       CASE: 64_f32 100_f32 64_f64 100_f64
#
# Nothing here is needed to build or test innerloop. The machine must be idle. Every way first shows that its gradient is
# ours (1e-3 in f32, 1e-9 in f64). What the peers are given, so that the comparison is fair:
#   - one thread: one core for the whole process; two threads: two cores, torch.set_num_threads(2);
#   - MKL, which PyTorch brings, takes its slow kernels on processors of another maker: 100 instead of 245 GFLOP/s and a
#     12 times slower tanh on an AMD EPYC. A preloaded function makes it take the fast ones. MKL_SLOW=1 leaves it alone;
#   - malloc keeps freed blocks of up to 32 MB instead of handing them back to the system after every operation.
set -eu
cd "$(dirname "$0")/../../.."
build=${BUILD:-build}
python=${PYTHON:-python3}
rounds=${1:-3}
repeats=${2:-7}
[ $# -gt 2 ] && shift 2 && cases=$* || cases="64_f32 100_f32 64_f64 100_f64"
out=$build/peers
mkdir -p "$out"
here=tests/bench/peers
export TORCHINDUCTOR_CACHE_DIR="$PWD/$out/inductor" PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore TORCH_LOGS=-all
export MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=4294967296

# Build the libtorch program with the libraries of the Python package, and the function for MKL.
torch=$("$python" -c 'import os, torch; print(os.path.dirname(torch.__file__))')
g++ -std=c++20 -O2 -o "$out/libtorch_ways" $here/libtorch_ways.cpp -I"$torch/include" \
  -I"$torch/include/torch/csrc/api/include" -L"$torch/lib" -Wl,-rpath,"$torch/lib" -Wl,--no-as-needed -ltorch -ltorch_cpu -lc10
echo 'int mkl_serv_intel_cpu_true(void) { return 1; }' | gcc -shared -fPIC -x c -o "$out/mkl_fast.so" -
preload=$PWD/$out/mkl_fast.so
[ -n "${MKL_SLOW:-}" ] && preload=

# The compiled ways compile once, before anything is timed.
"$build/bench/meta_gradient_bench" write "$out"
times=$out/times.tsv
: > "$times"
: > "$out/log.txt"

# run CASE THREADS PROGRAM...: appends "case threads way ms" lines.
run() {
  case=$1 threads=$2
  shift 2
  cores=0
  [ "$threads" -gt 1 ] && cores=0-$((threads - 1))
  taskset -c $cores "$@" 2>> "$out/log.txt" | sed "s/^/$case\t$threads\t/" >> "$times"
}

load=$(cut -d' ' -f1 /proc/loadavg)
round=0
while [ $round -lt "$rounds" ]; do
  round=$((round + 1))
  for case in $cases; do
    file=$out/case_$case.bin
    for threads in 1 2; do
      echo "round $round, $case, $threads thread(s)" >> "$out/log.txt"
      run "$case" $threads "$build/bench/meta_gradient_bench" time "${case%_*}" "${case#*_}" $threads "$repeats"
      run "$case" $threads env LD_PRELOAD="$preload" "$python" $here/pytorch_ways.py "$file" $threads "$repeats"
      run "$case" $threads "$python" $here/jax_ways.py "$file" "$repeats"
      run "$case" $threads env LD_PRELOAD="$preload" "$out/libtorch_ways" "$file" $threads "$repeats"
    done
  done
done
"$python" $here/report.py "$times" "rounds $rounds, repeats $repeats, load $load at the start${MKL_SLOW:+, MKL_SLOW=1}"
