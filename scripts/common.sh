# What the scripts share; read with `source`. Sets `root` (the source tree) and `scripts`, and offers
# the functions below. Everything printed here goes to standard error.
# shellcheck shell=bash
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$scripts")
export CCACHE_DIR=${CCACHE_DIR:-$root/.cache/ccache}
export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros}  # or it passes by what reads precompiled headers

say() { printf '== %s\n' "$*" >&2; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# configure PRESET [run]: runs CMake unless the build tree of this preset is there already (Ninja runs CMake again by
# itself when a CMakeLists.txt has changed). With `run`, a new tree is one without tests, which needs fewer packages;
# without, a tree that has no tests gets them.
configure() {
  local build=$root/build/$1 launcher=() tests=ON
  if [[ ${2:-} == run ]]; then
    tests=OFF
  fi
  if [[ -f $build/build.ninja && ! $root/CMakePresets.json -nt $build/CMakeCache.txt ]]; then
    if [[ $tests == OFF ]] || grep -q '^ANZAN_BUILD_TESTS:BOOL=ON$' "$build/CMakeCache.txt"; then
      return 0
    fi
  fi
  if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  say "configuring build/$1"
  (cd "$root" && cmake --preset "$1" -DANZAN_BUILD_TESTS=$tests "${launcher[@]}" >&2)
}

# build PRESET [TARGET…]: builds the targets, or what the preset names, or everything.
build() {
  local preset=$1
  shift
  say "building build/$preset"
  (cd "$root" && cmake --build --preset "$preset" ${1:+--target "$@"} >&2)
}
