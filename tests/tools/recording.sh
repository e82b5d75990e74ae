# For the scripts that record runs, which source this file from the repository's root. Before: program (the program),
# work (where the runs are made), kept=tests/golden/runs (what the repository keeps of them).

# spent: seconds of processor time of all that this script has run: on a busy machine, too, what a quiet core would take.
# (Not $(...): a subshell has run nothing yet.)
look_at_clock() {
  times > "$work/times"
  spent=$(awk -F '[ms ]+' 'NR == 2 { print 60 * ($1 + $3) + $2 + $4 }' "$work/times")
}

# record SET SEED ARGUMENTS...: trains one run of a set on one thread, or goes on with it where it was interrupted, and
# keeps its settings, its metrics and what made it. How long it took stands in SET/seed-SEED.seconds.
record() {
  set_name=$1 seed=$2
  shift 2
  run=$work/$set_name/seed-$seed copy=$kept/$set_name/seed-$seed
  if [ ! -e "$run.seconds" ]; then
    look_at_clock
    start=$spent note=
    if [ -e "$run/checkpoints/LATEST" ]; then
      note=" (resumed)"
      set -- --resume "$run"
    else
      set -- "$@" --seed "$seed" --out "$run"
    fi
    "$program" train "$@" --threads 1 --quiet
    look_at_clock
    echo "$start $spent" | awk -v note="$note" '{ printf "%.1f%s\n", $2 - $1, note }' > "$run.seconds"
    echo "$set_name seed $seed: $(cat "$run.seconds") s"
  fi
  mkdir -p "$copy"
  cp "$run/config.toml" "$run/metrics.csv" "$run/run.json" "$copy/"
}

# evaluate SET SEED ARGUMENTS...: the run's final policy on the same test starts for all; its table is kept.
evaluate() {
  set_name=$1 seed=$2
  shift 2
  "$program" adapt "$work/$set_name/seed-$seed" --steps 0 --pictures 0 --quiet --out "$work/adapt" "$@" \
    > "$kept/$set_name/seed-$seed/adapt.txt"
}

# above_best FOLDER: of a call of `adapt` with one trajectory a step, in how many tasks a step earned more than the best
# policy earns there; meant for environments in which nothing is random, where no policy can.
above_best() {
  awk -F, '
    FILENAME ~ /references.csv$/ { if (FNR > 1 && $1 !~ /^(random|standing still)/) best[$(NF - 1)] = $NF; next }
    FNR > 1 { over = 0
              for (i = 3; i <= NF; ++i) { d = $i - best[$2]; if (d > 1e-9) over = 1; if (!seen++ || d > most) most = d }
              above += over; ++tasks }
    END { printf "tasks in which a step earned more than the best policy: %d of %d (at most %.4f more)\n", above, tasks, most }' \
    "$1/references.csv" "$1/adapt.csv"
}

# facts SET COMMAND...: the set's command (with the variable seeds, "1 to 5" if that is not set), commit, date, processor and processor time, in one file for people. COMMIT: of
# the program, if it was built from another one than the working tree shows.
facts() {
  set_name=$1
  shift
  commit=${COMMIT:-$(git rev-parse --short=12 HEAD)$(git diff --quiet HEAD -- '*.cpp' '*.h' '*.cu' || echo ", changed")}
  {
    echo "command    innerloop train $* --seed ${seeds:-1 to 5}"
    echo "commit     $commit"
    echo "date       $(date -u +%F)"
    echo "processor  $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), one thread"
    echo "seconds    of processor time: $(cat "$work/$set_name"/seed-*.seconds | awk '{ printf "%s, ", $0; all += $1 } END { printf "%.1f in all", all }')"
  } > "$kept/$set_name/recorded.txt"
}
