#!/bin/sh
# visit.sh [results folder]: one visit to a GPU, in less than ten minutes. Runs what gpu_kit.sh put beside it: the tests,
# the sanitizers of CUDA, the benchmarks, and those of peers where PyTorch is installed. All that is printed goes into
# files of the results folder (default: results); summary.txt says what passed. Fails if a test fails or there is no GPU.
set -u
kit=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:-results}" && results=$(cd "${1:-results}" && pwd)
cd "$kit" || exit 2
export LD_LIBRARY_PATH="$kit/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2> /dev/null)
failed=0
begin=$(date +%s)

# step <name> <seconds> <must pass: yes or no> command...: its output goes into <name>.txt; never beyond the ten minutes
step() {
  name=$1 limit=$2 must=$3
  shift 3
  left=$((585 - $(date +%s) + begin))
  [ "$left" -lt "$limit" ] && limit=$left
  if [ "$limit" -le 5 ]; then
    echo "$name: no time left" | tee -a "$results/summary.txt"
    [ "$must" = yes ] && failed=1
    return
  fi
  start=$(date +%s)
  timeout "$limit" "$@" > "$results/$name.txt" 2>&1
  code=$?
  [ "$code" -ne 0 ] && [ "$must" = yes ] && failed=1
  echo "$name: $([ $code -eq 0 ] && echo ok || echo "exit code $code"), $(($(date +%s) - start)) s" |
    tee -a "$results/summary.txt"
}

: > "$results/summary.txt"
echo "commit $(cat commit.txt)" >> "$results/summary.txt"
step machine 20 yes nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,power.limit --format=csv
step tests 150 yes ./tests_cuda --durations yes
step micro 40 no ./bench/gpu_micro_bench
for program in bench/*; do
  [ "$program" = bench/gpu_micro_bench ] || step "$(basename "$program")" 60 no "./$program"
done
step check_operations 60 yes ./innerloop check ops --device cuda
step check_maml 30 yes ./innerloop check maml --device cuda
step bench_operations 30 no ./innerloop bench ops --device cuda
step bench_maml 30 no ./innerloop bench maml --device cuda
if python3 -c 'import torch' 2> /dev/null; then
  for script in peers/*.py; do step "$(basename "$script" .py)" 100 no python3 "$script"; done
else
  echo "peers: PyTorch is not installed here" | tee -a "$results/summary.txt"
fi
# The sanitizers slow kernels down ten to a hundred times: the tests of one device, without the long ones.
if [ -n "$sanitizer" ]; then
  for tool in memcheck racecheck initcheck synccheck; do
    step "sanitizer_$tool" 60 yes "$sanitizer" --tool "$tool" --error-exitcode 9 ./tests_cuda "~[slow]" "~[timing]"
  done
else
  echo "sanitizers: compute-sanitizer is not installed here" | tee -a "$results/summary.txt"
fi
echo "$(($(date +%s) - begin)) s in all; $([ $failed -eq 0 ] && echo passed || echo FAILED)" | tee -a "$results/summary.txt"
exit $failed
