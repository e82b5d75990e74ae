#!/bin/sh
# mutate.sh <build folder> [kernel file...]: takes away every barrier of every kernel in turn and expects tests_race to
# fail each time. A grid barrier is also weakened to a block barrier. Default: all kernel files of kernels/cuda and envs.
#
# A mutant that passes is a survivor: either a test is missing, or the barrier is not needed and goes, or there is a proof
# that it is needed all the same; tests/cuda/mutation_survivors.txt holds those proofs, and a survivor that is not listed
# there is a failure. So is a listed one that is caught, or gone. Needs a built tests_race.
set -u
build=$(cd "$1" && pwd) || exit 2
shift
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root" || exit 2
[ $# -gt 0 ] || set -- $(find kernels/cuda envs \( -name '*.cu' -o -name '*.cuh' -o -name '*.h' \) ! -path '*/simt/*' | sort)
list=tests/cuda/mutation_survivors.txt
flags=$build/tests/CMakeFiles/innerloop_race_kernels.dir/flags.make
link=$build/tests/CMakeFiles/tests_race.dir/link.txt
objects=$build/tests/CMakeFiles/innerloop_race_kernels.dir/__/race
work=$build/mutants
rm -rf "$work" && mkdir -p "$work"
setting() { sed -n "s/^$1 = //p" "$flags"; }
compiler="$(sed 's/ .*//;q' "$link") $(setting CXX_DEFINES) -I$work/overlay $(setting CXX_INCLUDES) $(setting CXX_FLAGS)"
barrier='__syncthreads\(\)|__syncwarp\([^()]*\)|simt::grid_sync\(\)'

# barriers_of <file>: line number and text of every barrier in code, one per line
barriers_of() {
  awk -v barrier="$barrier" '{ code = $0; sub(/\/\/.*/, "", code)
    while (match(code, barrier)) { print NR, substr(code, RSTART, RLENGTH); code = substr(code, RSTART + RLENGTH) } }' "$1"
}

# mutant <file> <n> <replacement>: the file with its n-th barrier replaced, in the overlay
mutant() {
  rm -rf "$work/overlay" && mkdir -p "$work/overlay/$(dirname "$1")"
  awk -v barrier="$barrier" -v wanted="$2" -v replacement="$3" '{ line = $0; done = ""
    comment = ""; if (at = index(line, "//")) { comment = substr(line, at); line = substr(line, 1, at - 1) }
    while (match(line, barrier)) {
      text = substr(line, RSTART, RLENGTH); if (++count == wanted) text = replacement
      done = done substr(line, 1, RSTART - 1) text; line = substr(line, RSTART + RLENGTH) }
    print done line comment }' "$1" > "$work/overlay/$1"
}

# verdict <file>: "caught" or "SURVIVED" or "did not compile", for what is in the overlay
verdict() {
  command=$(cat "$link" | sed "s# -o ../tests_race # -o $work/tests_race #")
  # Every object whose sources include the file is compiled anew and takes its old place in the link.
  for dependencies in $(grep -lF "$1" $(find "$objects" -name '*.d')); do
    object=${dependencies%.d}
    name=${object#"$objects"/}
    mkdir -p "$work/objects/$(dirname "$name")"
    $compiler -c "$build/race/${name%.o}" -o "$work/objects/$name" 2> "$work/errors" || { echo "did not compile"; return; }
    command=$(echo "$command" | sed "s#[^ ]*/race/$name#$work/objects/$name#")
  done
  (cd "$build/tests" && eval "$command") 2> "$work/errors" || { echo "did not link"; return; }
  if timeout 300 "$work/tests_race" --abort > "$work/output" 2>&1; then echo SURVIVED; else echo caught; fi
}

timeout 300 "$build/tests_race" > "$work/output" 2>&1 || { echo "tests_race fails without any mutation"; exit 1; }
total=0 bad=0 survivors=0
for file in "$@"; do
  number=0
  barriers_of "$file" > "$work/barriers"
  while read -r line text; do
    number=$((number + 1))
    replacements='((void)0)'
    case $text in simt::*) replacements='((void)0) __syncthreads()' ;; esac
    for replacement in $replacements; do
      mutant "$file" $number "$replacement"
      total=$((total + 1))
      result=$(verdict "$file")
      key="$file $number $text -> $replacement"
      listed=$(grep -cF "$key" "$list")
      case $result,$listed in
        caught,0) ;;
        SURVIVED,1) result="survived, as proved" survivors=$((survivors + 1)) ;;
        caught,*) result="caught, but listed as a survivor" bad=$((bad + 1)) ;;
        *) bad=$((bad + 1)) ;;
      esac
      echo "$result: $key (line $line)"
    done
  done < "$work/barriers"
done
echo "$total mutants, $survivors survivors with a proof, $bad wrong"
[ $total -gt 0 ] && [ $bad -eq 0 ]
