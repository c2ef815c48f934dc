#!/usr/bin/env bash
# Installs what is missing, builds, brings the data sets and runs the tests.
#   scripts/test.sh [fast|slow|all] [option of ctest…]        (default: all)
# First the tests of the release build, then those that are to be looked at by the address and undefined-behaviour
# sanitisers (tests/anzan_test.cmake).
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

labels=()
case ${1:-all} in
  fast | slow)
    labels=(-L "^$1\$")
    shift
    ;;
  all) shift $(($# > 0)) ;;
  -*) ;;
  *) fail "unknown set of tests \"$1\", expected fast, slow or all" ;;
esac

run_tests() {
  ctest --test-dir "$root/build/$1" --output-on-failure --no-tests="$2" -j2 "${@:3}"
}

"$scripts/install.sh"
# Verilator translates while CMake configures, on one core: both trees at once.
configure asan &
configure release
wait $!
build release
"$scripts/fetch_datasets.sh"
say "testing build/release"
run_tests release error "${labels[@]}" "$@"

build asan
say "testing build/asan"
# A selection may well hold no test of this build; the whole set must.
no_tests=ignore
if ((${#labels[@]} + $# == 0)); then
  no_tests=error
fi
run_tests asan "$no_tests" "${labels[@]}" "$@"
