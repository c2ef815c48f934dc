#!/usr/bin/env bash
# The long tier of five tests: all pairs of small windows (half an hour), the large networks whole (minutes each; in FP32
# the largest need more than 16 GB of memory), 800 random configurations on all engines (minutes), 200,000 changed ONNX
# files and 100,000 right and wrong inputs under the sanitisers (hours). The tests try a part of each. And two measurements
# with limits, minutes each: what searches find of a space of 1,800 points (search), how close to the bound 100,000 buffers
# lie (offsets).
#   scripts/campaigns.sh [shapes|large|engines|search|offsets|onnx|fuzz]…     (default: all)
# The last takes two processors and tells each thousand cases; another part is, say, cases 100,001 to 110,000:
#   ANZAN_CAMPAIGN=1 build/asan/tests/fuzz/fuzz 100001 10000 --jobs 2
# Exit status 1 if anything differs.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

declare -A programs=([shapes]=end_to_end/tests_end_to_end [large]=end_to_end/tests_end_to_end [engines]=sim/tests_sim_engines [onnx]=fuzz/tests_fuzz [fuzz]=fuzz/fuzz)
declare -A tests=([shapes]=--gtest_filter='SmallShapes.*' [large]=--gtest_filter='Shipped/LargeNetwork.*' [engines]=--gtest_filter='Engines.*' [onnx]=--gtest_filter='OnnxFuzz.*' [fuzz]='')
declare -A presets=([shapes]=release [large]=release [engines]=release [onnx]=asan [fuzz]=asan)
declare -A measurements=([search]=sweep_search.py [offsets]=tiled_plans.py)
(($#)) || set -- shapes large engines search offsets onnx fuzz
for campaign; do
  [[ -v programs[$campaign] || -v measurements[$campaign] ]] || fail "unknown campaign $campaign"
done

"$scripts/install.sh"
status=0
for campaign; do
  if [[ -v measurements[$campaign] ]]; then
    configure release
    build release anzan
    python3 "$root/tests/benchmarks/${measurements[$campaign]}" "$root/build/release/anzan" "$root/build/campaigns/$campaign" || status=1
    continue
  fi
  program=${programs[$campaign]} preset=${presets[$campaign]}
  configure "$preset"
  build "$preset" "${program##*/}"
  ANZAN_CAMPAIGN=1 "$root/build/$preset/tests/$program" ${tests[$campaign]:+"${tests[$campaign]}"} || status=1
done
exit $status
