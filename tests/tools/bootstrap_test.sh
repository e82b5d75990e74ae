#!/bin/sh
# Plays bootstrap.sh on machines of every kind: a PATH of stand-ins that write down how they were called and install
# nothing.   sh tests/tools/bootstrap_test.sh
set -eu
script=$(dirname "$0")/bootstrap.sh
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
shell=$(command -v sh)
failures=0

# stand_in <name> <what it does>
stand_in() {
  printf '#!%s\n%s\n' "$shell" "$2" > "$place/bin/$1"
  chmod +x "$place/bin/$1"
}

# machine <user id> <command...>: a machine with these commands alone. The headers are there once $place/complete is.
machine() {
  rm -rf "${place:?}/bin" "$place/log" "$place/complete"
  mkdir "$place/bin"
  : > "$place/log"
  ln -s "$(command -v env)" "$place/bin/env"
  stand_in id "echo $1"
  shift
  for command in "$@"; do
    case $command in
      c++) stand_in c++ "[ -e '$place/complete' ]" ;;
      sudo) stand_in sudo "printf 'sudo ' >> '$place/log'; exec \"\$@\"" ;;
      apt-get) stand_in apt-get "echo \"apt-get \$* (\$DEBIAN_FRONTEND)\" >> '$place/log'
case \$1 in install) : > '$place/complete' ;; esac" ;;
      apt-cache) stand_in apt-cache "[ \"\$2\" = catch2 ]" ;;
      *) stand_in "$command" "exit 0" ;;
    esac
  done
}

bootstrap() {
  code=0
  PATH=$place/bin "$shell" "$script" > "$place/out" 2> "$place/err" || code=$?
}

# same <case> <what> <expected> <found>
same() {
  if [ "$3" != "$4" ]; then
    printf '%s: %s\n  expected: %s\n  found:    %s\n' "$1" "$2" "$3" "$4"
    failures=$((failures + 1))
  fi
}
# holds <case> <file> <text>
holds() {
  grep -qF -- "$3" "$2" || { printf '%s: not said: %s\n' "$1" "$3"; cat "$2"; failures=$((failures + 1)); }
}

packages="g++ make cmake libeigen3-dev libfmt-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev gnuplot-nox"
update="apt-get update -q (noninteractive)"
install="apt-get install -q -y --no-install-recommends $packages catch2 (noninteractive)"
tools="make cmake c++ gnuplot"
# The lists of tools are meant to be split at their blanks.
# shellcheck disable=SC2086,SC2046
{
  name="nothing missing"
  machine 1000 $tools sudo apt-get apt-cache
  : > "$place/complete"
  bootstrap
  same "$name" "exit code" 0 "$code"
  same "$name" "output" "" "$(cat "$place/out" "$place/err")"
  same "$name" "calls" "" "$(cat "$place/log")"

  # Each tool in turn is the one that is not there: more than headers is looked at.
  for absent in $tools; do
    name="$absent missing"
    machine 0 $(echo $tools | sed "s/$absent//") apt-get apt-cache
    : > "$place/complete"
    bootstrap
    same "$name" "exit code (the stand-in installs nothing)" 1 "$code"
    same "$name" "calls" "$update
$install" "$(cat "$place/log")"
    holds "$name" "$place/err" "the packages are installed, but a compiler, tool or header is still missing"
  done

  name="root"
  machine 0 $tools apt-get apt-cache
  bootstrap
  same "$name" "exit code" 0 "$code"
  same "$name" "calls" "$update
$install" "$(cat "$place/log")"
  same "$name" "errors" "" "$(cat "$place/err")"
  holds "$name" "$place/out" "installing what is missing"

  name="root, and sudo is there"
  machine 0 $tools sudo apt-get apt-cache
  bootstrap
  same "$name" "calls" "$update
$install" "$(cat "$place/log")"

  name="another user, through sudo"
  machine 1000 $tools sudo apt-get apt-cache
  bootstrap
  same "$name" "exit code" 0 "$code"
  same "$name" "calls" "sudo $update
sudo $install" "$(cat "$place/log")"

  name="neither root nor sudo"
  machine 1000 $tools apt-get apt-cache
  bootstrap
  same "$name" "exit code" 1 "$code"
  same "$name" "calls" "" "$(cat "$place/log")"
  same "$name" "output" "" "$(cat "$place/out")"
  holds "$name" "$place/err" "needs root or sudo. Run this as root, then try again:"
  holds "$name" "$place/err" "apt-get update && apt-get install -y --no-install-recommends $packages catch2"

  name="no apt-get"
  machine 0 $tools
  bootstrap
  same "$name" "exit code" 1 "$code"
  holds "$name" "$place/err" "there is no apt-get"
  holds "$name" "$place/err" "$packages catch2"

  name="Catch2 under its other name"
  machine 0 $tools apt-get apt-cache
  stand_in apt-cache "exit 100"
  bootstrap
  same "$name" "calls" "$update
apt-get install -q -y --no-install-recommends $packages libcatch2-dev (noninteractive)" "$(cat "$place/log")"

  name="no network"
  machine 0 $tools apt-get apt-cache
  stand_in apt-get "echo \"apt-get \$*\" >> '$place/log'; exit 100"
  bootstrap
  same "$name" "exit code" 100 "$code"
  same "$name" "calls" "apt-get update -q" "$(cat "$place/log")"
}

[ "$failures" -eq 0 ] || { echo "$failures expectations failed"; exit 1; }
echo "bootstrap.sh did what it should on every machine"
