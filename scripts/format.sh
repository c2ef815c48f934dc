#!/usr/bin/env bash
# Formats every C++ file of the tree as .clang-format says.
#   scripts/format.sh
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

"$scripts/install.sh" clang-format
python3 "$root/tests/structure/check.py" --fix formatting
