#!/usr/bin/env bash
# Installs the Debian packages that are missing.
#   scripts/install.sh [run|test | PACKAGE…]
#     run       what building and running anzan needs (packages.txt)
#     test      that, what testing needs, and what is wanted where the system has it (default)
#     PACKAGE…  the packages named
# Does nothing when all are there. Needs root or sudo only when something is missing. One line a step; all that apt says
# is shown only where it fails.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Any Python from 3.9 on will do; it need not be Debian's.
have_python() { python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; }

# listed SET…: packages of packages.txt that are in one of the sets.
listed() { awk -v sets=" $* " '!/^#/ && index(sets, " " $2 " ") { print $1 }' "$scripts/packages.txt"; }

# missing PACKAGE…: those of them that are not installed.
missing() {
  local package installed
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
  for package in "$@"; do
    if [[ $package != python3 ]] || ! have_python; then
      grep -qxF "$package installed" <<<"$installed" || echo "$package"
    fi
  done
}

wanted=()
case ${1:-test} in
  run) mapfile -t needed < <(listed run) ;;
  test)
    mapfile -t needed < <(listed run test)
    mapfile -t wanted < <(listed wanted)
    ;;
  *) needed=("$@") ;;
esac

command -v dpkg-query >/dev/null || fail "this is no Debian system; needed are: ${needed[*]}"
mapfile -t needed < <(missing "${needed[@]}")
if ((${#wanted[@]} > 0)); then
  mapfile -t wanted < <(missing "${wanted[@]}")
fi
if ((${#needed[@]} + ${#wanted[@]} == 0)); then
  exit 0
fi

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    ((${#needed[@]} == 0)) || fail "not root and no sudo; missing packages: ${needed[*]}"
    say "not root and no sudo; going on without ${wanted[*]}"
    exit 0
  fi
  as_root=(sudo)
fi

said=$(mktemp)
trap 'rm -f "$said"' EXIT
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@" \
    </dev/null >"$said" 2>&1
}
# has_candidate PACKAGE: whether this system's package lists hold it.
has_candidate() { [[ $(apt-cache policy "$1" 2>/dev/null) == *"Candidate: "[^\(]* ]]; }

apt update || say "apt-get update failed; trying with the package lists that are there"
for package in "${wanted[@]}"; do
  if has_candidate "$package"; then
    needed+=("$package")
  else
    say "this system has no package $package; going on without $(sed -n "s/^$package  *wanted  *//p" "$scripts/packages.txt")"
  fi
done
if ((${#needed[@]} == 0)); then
  exit 0
fi
say "installing ${needed[*]}"
if ! apt install -y --no-install-recommends "${needed[@]}"; then
  tail -n 40 "$said" >&2
  fail "could not install the missing packages: ${needed[*]}"
fi
