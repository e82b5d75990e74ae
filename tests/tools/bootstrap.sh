#!/bin/sh
# Installs what innerloop needs and is not there, from the distribution's packages, as root or through sudo.
# Says nothing when nothing is missing; that check takes some hundredths of a second.
set -eu

# All that is needed is there if these commands and headers are.
all_there() {
  for tool in make cmake c++ gnuplot; do
    command -v "$tool" > /dev/null || return 1
  done
  c++ -std=c++20 -E -x c++ - > /dev/null 2>&1 << 'CODE'
#if !(__has_include(<eigen3/Eigen/Core>) || __has_include(<Eigen/Core>))
#error Eigen
#elif !(__has_include(<catch2/catch.hpp>) || __has_include(<catch2/catch_all.hpp>))
#error Catch2
#elif !(__has_include(<fmt/format.h>) && __has_include(<nlohmann/json.hpp>))
#error fmt or nlohmann-json
#elif !(__has_include(<CLI/CLI.hpp>) && __has_include(<toml++/toml.h>))
#error CLI11 or toml++
#endif
CODE
}

all_there && exit 0

packages="g++ make cmake libeigen3-dev libfmt-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev gnuplot-nox"

if ! command -v apt-get > /dev/null; then
  echo "innerloop: something is missing and there is no apt-get to install it with." >&2
  echo "Install these (Debian's names) or your system's equals, then try again: $packages catch2" >&2
  exit 1
fi

if [ "$(id -u)" -eq 0 ]; then
  as_root="env"
elif command -v sudo > /dev/null; then
  as_root="sudo env"
else
  echo "innerloop: something is missing, and installing it needs root or sudo. Run this as root, then try again:" >&2
  echo "  apt-get update && apt-get install -y --no-install-recommends $packages catch2" >&2
  exit 1
fi

echo "innerloop: installing what is missing from the distribution's packages"
$as_root DEBIAN_FRONTEND=noninteractive apt-get update -q
if apt-cache show catch2 > /dev/null 2>&1; then catch=catch2; else catch=libcatch2-dev; fi
# The list is meant to be split at its blanks.
# shellcheck disable=SC2086
$as_root DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages $catch

all_there || { echo "innerloop: the packages are installed, but a compiler, tool or header is still missing" >&2; exit 1; }
