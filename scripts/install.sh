#!/usr/bin/env bash
# Installs the Debian packages that are missing: those of packages.txt, or the ones named.
#   scripts/install.sh [PACKAGE…]
# Does nothing when all are there. Needs root or sudo only when something is missing.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Any Python from 3.9 on will do; it need not be Debian's.
have_python() { python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; }

if (($# > 0)); then
  wanted=("$@")
else
  mapfile -t wanted < <(sed -e 's/#.*//' -e 's/[[:space:]].*//' -e '/^$/d' "$scripts/packages.txt")
fi

command -v dpkg-query >/dev/null || fail "this is no Debian system; needed are: ${wanted[*]}"

installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null || true)
missing=()
for package in "${wanted[@]}"; do
  if [[ $package == python3 ]] && have_python; then
    continue
  fi
  grep -qxF "$package installed" <<<"$installed" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  exit 0
fi

say "installing ${missing[*]}"
as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || fail "not root and no sudo; missing packages: ${missing[*]}"
  as_root=(sudo)
fi
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@" </dev/null >&2; }
apt update || say "apt-get update failed; trying with the package lists that are there"
apt install -y --no-install-recommends "${missing[@]}" ||
  fail "could not install the missing packages: ${missing[*]}"
