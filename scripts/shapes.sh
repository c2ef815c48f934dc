#!/usr/bin/env bash
# The long tier of window shapes: all pairs of small axes against the bit-level reference (about half an hour).
#   scripts/shapes.sh
# Exit status 1 if anything differs.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

"$scripts/install.sh"
configure release
build release small_shapes_test
"$root/build/release/tests/end_to_end/small_shapes_test" --gtest_also_run_disabled_tests \
  --gtest_filter='*DISABLED_*'
