#!/usr/bin/env bash
# Installs what is missing, builds, brings the data set and trains.
#   scripts/run.sh [CONFIG…] [option of `anzan run`…]
# Without a CONFIG: LeNet on MNIST in 8 bits. Everything from the first option on goes to every run.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

configs=()
while (($# > 0)) && [[ $1 != -* ]]; do
  configs+=("$1")
  shift
done
if ((${#configs[@]} == 0)); then
  configs=("$root/workloads/configs/lenet_mnist_int8.json")
fi

"$scripts/install.sh" run
configure release run
build release anzan
for config in "${configs[@]}"; do
  # What cannot be read here is left to `anzan run`, which says what is wrong.
  kind=$(python3 - "$config" "$@" 2>/dev/null <<'PYTHON' || true
import json, sys
kind = json.load(open(sys.argv[1], encoding="utf-8")).get("dataset", {}).get("kind")
for option in sys.argv[2:]:
    key, _, value = option.removeprefix("--set=").partition("=")
    if key == "/dataset/kind":
        kind = value.strip('"')
print(kind)
PYTHON
  )
  if [[ $kind == mnist || $kind == fashion_mnist ]]; then
    "$scripts/fetch_datasets.sh" "$kind"
  fi
  "$root/build/release/anzan" run "$config" "$@"
done
