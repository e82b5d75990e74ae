# For the scripts that time a program here and in PyTorch in turn, on one core; sourced from the repository's root.
# build, python, rounds, core: from the environment and the script's first argument. times: a file for their rows.
build=${BUILD:-build}
python=${PYTHON:-python3}
rounds=${1:-5}
core=${CORE:-0}
times=$(mktemp)
trap 'rm -f "$times"' EXIT
export PYTHONDONTWRITEBYTECODE=1
echo "load $(cut -d' ' -f1 /proc/loadavg), $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), core $core"
"$python" -c 'import torch; print("PyTorch", torch.__version__)'

# median COLUMN [CASE]: of a column of `times`; of the rows whose first column is CASE, if one is given.
median() {
  awk -v column="$1" -v chosen="${2:-}" 'chosen == "" || $1 == chosen { print $column }' "$times" | sort -g |
    awk '{ x[NR] = $1 } END { print (x[int((NR + 1) / 2)] + x[int((NR + 2) / 2)]) / 2 }'
}
