#!/usr/bin/env bash
# The long tier of two tests: all pairs of small windows (half an hour), and 800 random configurations on all
# engines (minutes). The tests try a part of each.
#   scripts/campaigns.sh [shapes|engines]…     (default: both)
# Exit status 1 if anything differs.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

declare -A programs=([shapes]=end_to_end/small_shapes_test [engines]=sim/engines_fuzz_test)
(($#)) || set -- shapes engines
for campaign; do
  [[ -v programs[$campaign] ]] || fail "unknown campaign $campaign"
done

"$scripts/install.sh"
configure release
status=0
for campaign; do
  program=${programs[$campaign]}
  build release "${program##*/}"
  ANZAN_CAMPAIGN=1 "$root/build/release/tests/$program" || status=1
done
exit $status
