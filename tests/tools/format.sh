#!/bin/sh
# Folds the lines that are over 120 characters, and only those, with clang-format. Arguments: files or folders; default: all.
set -eu
[ $# -gt 0 ] || set -- autodiff nn rl meta envs kernels app tests
find "$@" -name '*.h' -o -name '*.cpp' -o -name '*.cu' | while read -r file; do
  lines=$(LC_ALL=C.UTF-8 grep -nE '^.{121}' "$file" | sed 's/:.*//; s/.*/--lines=&:&/' | tr '\n' ' ')
  # The list is meant to be split at its blanks.
  # shellcheck disable=SC2086
  [ -z "$lines" ] || clang-format -i $lines "$file"
done
