#!/usr/bin/env bash
# The long tier of verification: random programs on the RTL against models and functional engine.
#   scripts/verify.sh [--seed S] [--programs N] [DIR]     (default: seed 1, 10,000 programs, results/verify)
# N programs with 4 lanes and a tenth of that with 16. DIR gets JUnit XML. Exit status 1 if anything differs.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

seed=1 programs=10000 directory=$root/results/verify
while (($#)); do
  case $1 in
    --seed) seed=$2 && shift 2 ;;
    --programs) programs=$2 && shift 2 ;;
    -*) fail "unknown option $1" ;;
    *) directory=$1 && shift ;;
  esac
done

"$scripts/install.sh" run
configure release run
build release anzan
mkdir -p "$directory"
wide=$(((programs + 9) / 10))
status=0
"$root/build/release/anzan" verify --lanes 4 --seed "$seed" --programs "$programs" \
  --junit "$directory/lanes4.xml" || status=1
"$root/build/release/anzan" verify --lanes 16 --seed "$((seed + programs))" --programs "$wide" \
  --junit "$directory/lanes16.xml" || status=1
exit $status
