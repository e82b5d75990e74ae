#!/bin/sh
# visit.sh [results folder]: one visit to a GPU, in less than ten minutes. Runs what gpu_kit.sh put beside it: the tests,
# our benchmarks, those of peers where PyTorch or JAX is installed, and the sanitizers of CUDA. Each part is a process of
# its own with a time limit, so that a crash or a hang costs that part alone.
# In the results folder (default: results): summary.txt says what passed; networks.md holds our times beside the peers';
# visit.tar.gz all that was printed. Fails if a test fails or there is no GPU.
set -u
kit=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:-results}" && results=$(cd "${1:-results}" && pwd)
cd "$kit" || exit 2
parts=$results/parts
rm -rf "$parts" && mkdir -p "$parts" || exit 2
summary=$results/summary.txt
total=${VISIT_SECONDS:-570} # of the ten minutes
jobs=${VISIT_JOBS:-6}       # tests side by side; what is timed runs alone
failed=0
begin=$(date +%s)

say() { echo "$*" | tee -a "$summary"; }
left() { echo $((total - $(date +%s) + begin)); }

# Our times beside the peers': what was measured until now, as a table.
table() {
  {
    echo "case,way,ms,floor_ms,remark"
    cat "$parts/mlp.csv" "$parts/lstm.csv" "$parts/maml.csv" | grep -v '^case,'
  } > "$parts/ours.csv" 2> /dev/null
  set -- --from "$parts/ours.csv"
  [ -f "$parts/peers.csv" ] && set -- "$@" --peers "$parts/peers.csv"
  {
    echo "$(tail -1 "$parts/machine.txt"); CUDA $(cat cuda.txt); commit $(cat commit.txt); sh kit/visit.sh"
    grep -h '^Large products' "$parts"/networks_*.txt | sort -u
    grep '^# ' "$parts/peers.csv" | sed 's/^# //'
    echo
    ours 20 ./innerloop bench networks "$@"
  } > "$results/networks.md" 2> /dev/null
}

finish() {
  trap - EXIT INT TERM HUP
  [ -f "$parts/mlp.csv" ] && table
  case $failed in
    0) verdict=passed ;;
    2) verdict="nothing was run" ;;
    *) verdict=FAILED ;;
  esac
  say "$(($(date +%s) - begin)) of $total s; $verdict"
  tar -czf "$results/visit.tar.gz" -C "$results" summary.txt parts && rm -rf "$parts"
  exit "$failed"
}
trap finish EXIT
trap 'failed=1; say "the visit was cut off"; exit 1' INT TERM HUP

# Our programs bring libraries of their own, which must not reach other programs. Kernels are loaded at the start, so
# that none is loaded while something is timed.
libraries=$kit/lib
ours() { # ours <seconds> command...
  seconds=$1
  shift
  timeout -k 5 "$seconds" env LD_LIBRARY_PATH="$libraries" CUDA_MODULE_LOADING=EAGER INNERLOOP_TEST_DEVICES=cuda "$@"
}
theirs() { timeout -k 5 "$@"; }
ours 20 ./innerloop --version > /dev/null 2>&1 || libraries=$kit/lib:$kit/lib-cxx # no C++ library here, or an older one

# verdict <name> <must pass: yes or no> <exit code> <seconds>
verdict() {
  case $3 in
    0) text=ok ;;
    124 | 137) text="out of time" ;;
    *) text="exit code $3" ;;
  esac
  if [ "$3" -ne 0 ] && [ "$2" = yes ]; then
    failed=1
    text="$text  <-- must pass"
  fi
  say "$1: $text, $4 s"
}

# step <name> <seconds> <must pass> ours|theirs command...: the output goes into parts/<name>.txt
step() {
  name=$1 limit=$2 must=$3 runner=$4
  shift 4
  [ "$(left)" -lt "$limit" ] && limit=$(left)
  if [ "$limit" -le 5 ]; then
    say "$name: no time left"
    [ "$must" = yes ] && failed=1
    return 1
  fi
  start=$(date +%s)
  "$runner" "$limit" "$@" > "$parts/$name.txt" 2>&1
  code=$?
  verdict "$name" "$must" "$code" $(($(date +%s) - start))
  return "$code"
}

# tests <label> <seconds for all> <seconds for one> [sanitizer with its options]: every test of tests.txt in a process of
# its own, some at a time. Exit codes go into files; what failed is named in the summary.
tests() {
  label=$1 limit=$2 each=$3
  shift 3
  [ "$(left)" -lt "$limit" ] && limit=$(left)
  if [ "$limit" -le 5 ]; then
    say "$label: no time left"
    return
  fi
  start=$(date +%s)
  mkdir -p "$parts/$label"
  number=0 pids=""
  while IFS= read -r test; do
    number=$((number + 1))
    rest=$((limit - $(date +%s) + start))
    [ "$rest" -le 2 ] && break
    [ "$rest" -gt "$each" ] && rest=$each
    specification=$(printf '%s' "$test" | sed 's/[][,\\"]/\\&/g')
    {
      ours "$rest" "$@" ./tests_cuda "$specification" > "$parts/$label/$number.txt" 2>&1 < /dev/null
      echo $? > "$parts/$label/$number.code"
    } &
    pids="$pids $!"
    [ $((number % jobs)) -eq 0 ] && { wait $pids; pids=""; }
  done < tests.txt
  [ -z "$pids" ] || wait $pids
  count=$(wc -l < tests.txt) good=0 bad=0 unfinished=0 n=0
  while IFS= read -r test; do
    n=$((n + 1))
    code=$(cat "$parts/$label/$n.code" 2> /dev/null || echo none)
    case $code in
      0) good=$((good + 1)) ;;
      none | 124 | 137) unfinished=$((unfinished + 1)) && code="out of time" ;;
      *) bad=$((bad + 1)) && say "  $label: exit code $code: $test" ;;
    esac
    [ "$code" = 0 ] || { echo "== $code: $test" && cat "$parts/$label/$n.txt"; } >> "$parts/$label.txt" 2> /dev/null
  done < tests.txt
  [ "$bad" -gt 0 ] && failed=1
  [ "$label" = tests ] && [ "$unfinished" -gt 0 ] && failed=1
  say "$label: $good of $count ok, $bad failed, $unfinished out of time, $(($(date +%s) - start)) s"
}

: > "$summary"
say "commit $(cat commit.txt), $total s in all: tests, our times, peers' times, sanitizers"

# Is there a GPU that these programs can use?
if ! command -v nvidia-smi > /dev/null; then
  say "no GPU: there is no nvidia-smi, so no NVIDIA driver. Run this where a GPU is."
  failed=2
  exit 2
fi
step machine 20 no theirs nvidia-smi \
  --query-gpu=name,driver_version,memory.total,clocks.max.sm,clocks.sm,power.limit --format=csv
sed 's/^/  /' "$parts/machine.txt" | tee -a "$summary"
if ! ours 60 ./innerloop check tanh --device cuda > "$parts/first.txt" 2>&1; then
  say "no GPU can be used: $(tail -1 "$parts/first.txt")"
  failed=2
  exit 2
fi

# cuBLAS serves our large products where the program finds it: in the system's folders, or where PyTorch brought its own.
cublas=libcublas.so.$(cat cuda.txt 2> /dev/null)
if ! ldconfig -p 2> /dev/null | grep -qF "$cublas"; then
  packages=$(theirs 20 python3 -c 'import site; print(*site.getsitepackages(), site.getusersitepackages())' 2> /dev/null)
  for folder in /usr/local/cuda*/lib64 $(for p in $packages; do ls -d "$p"/nvidia/*/lib 2> /dev/null; done); do
    [ -f "$folder/$cublas" ] && export INNERLOOP_CUBLAS="$folder/$cublas" && break
  done
fi
say "cuBLAS: ${INNERLOOP_CUBLAS:-$(ldconfig -p 2> /dev/null | grep -F "$cublas" | head -1 | sed 's/.*=> //')}"

# What must be right. Nothing is timed here, so the checks run beside the tests, if the GPU lets several in at once.
nvidia-smi --query-gpu=compute_mode --format=csv,noheader 2> /dev/null | grep -qi exclusive && jobs=1
checks() {
  for check in ops maml; do
    start=$(date +%s)
    ours 120 ./innerloop check $check --device cuda > "$parts/check_$check.txt" 2>&1
    echo "$? $(($(date +%s) - start))" > "$parts/check_$check.code"
  done
}
[ "$jobs" -gt 1 ] && checks &
checks_pid=$!
tests tests 150 100
[ "$jobs" -gt 1 ] && wait $checks_pid || checks
for check in check_ops check_maml; do
  read -r code seconds < "$parts/$check.code"
  verdict $check yes "$code" "$seconds"
done

# How fast it is: what the floors are made of, our networks, the ladders.
step micro 40 no ours ./bench/gpu_micro_bench
for kind in mlp lstm maml; do
  step "networks_$kind" 70 no ours ./innerloop bench networks --device cuda --only "$kind" --csv "$parts/$kind.csv"
done
for program in bench/*ladder*; do step "$(basename "$program")" 30 no ours "./$program"; done
step bench_ops 30 no ours ./innerloop bench ops --device cuda
step bench_maml 30 no ours ./innerloop bench maml --device cuda

# Peers, on the same problems. A file that one of them cut off keeps what it has.
peers=$parts/peers.csv
mkdir -p "$parts/problems"
step problems 30 no ours ./innerloop bench networks --only maml --problems "$parts/problems"
for peer in torch jax; do
  if theirs 60 python3 -c "import $peer" 2> /dev/null; then
    seconds=$([ $peer = torch ] && echo 110 || echo 60)
    step "peers_$peer" $((seconds + 30)) no theirs env PYTHONDONTWRITEBYTECODE=1 TORCHINDUCTOR_CACHE_DIR="$parts/inductor" \
      python3 peers/gpu_$peer.py --csv "$peers" --problems "$parts/problems" --seconds $seconds
  else
    say "peers_$peer: not installed here"
  fi
done
rm -rf "$parts/problems" "$parts/inductor"

# The sanitizers slow kernels down ten to a hundred times: what they do not finish is counted. The tests provoke errors of
# the CUDA interface on purpose; memcheck would count them.
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2> /dev/null | head -1)
if [ -z "$sanitizer" ]; then
  say "sanitizers: compute-sanitizer is not installed here"
else
  ours 60 "$sanitizer" --error-exitcode 9 ./tests_cuda "Numbers go to a device*" > "$parts/sanitizer.txt" 2>&1
  code=$?
  if [ $code -ne 0 ] && grep -qiE 'not supported|unsupported|internal sanitizer error|unable to' "$parts/sanitizer.txt"; then
    say "sanitizers: not available: $(grep -iE 'not supported|unsupported|internal|unable to' "$parts/sanitizer.txt" | head -1)"
  else
    for tool in memcheck racecheck initcheck synccheck; do
      share=$(($(left) / 4))
      case $tool in
        memcheck) more="--report-api-errors no" ;;
        racecheck) more="" share=$(($(left) / 3)) ;;
        initcheck) more="" share=$(($(left) / 2)) ;;
        synccheck) more="" share=$(left) ;;
      esac
     
      tests "sanitizer_$tool" "$share" "$share" "$sanitizer" --tool $tool $more --error-exitcode 9
    done
  fi
fi
exit "$failed"
