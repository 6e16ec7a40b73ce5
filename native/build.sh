#!/usr/bin/env bash
# Builds the native libraries and gathers them, with an index of checksums, in
# RESOURCE_DIR/<platform> (for instance linux-x86_64). Maven calls this.
#
#   native/build.sh BUILD_DIR RESOURCE_DIR [--cuda]
#   native/build.sh --emulated BUILD_DIR           also what tests take for libsphere-cuda: BUILD_DIR/emulated/
#
# With --cuda the libraries for CUDA are made too, in RESOURCE_DIR/<platform>-cuda: the right ones are chosen at run time.
# When nothing has changed it takes a fraction of a second. With SPHERE_WERROR=1 in the environment, as CI has it,
# warnings are errors.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
case $(uname -s) in Darwin) os=darwin ;; *) os=linux ;; esac
machine=$(uname -m)
platform=$os-${machine/arm64/aarch64}
werror=-DCMAKE_COMPILE_WARNING_AS_ERROR=${SPHERE_WERROR:-OFF}
if [ "${1:-}" = --emulated ]; then
  [ -n "$2" ] || exit 0
  mkdir -p "$2"
  log=$2/emulated-build.log
  { cmake -S "$top/native/cuda" -B "$2/emulated" -DSPHERE_CUDA_TESTS=OFF "$werror" &&
    cmake --build "$2/emulated" -j "$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)" --target sphere-cuda-emulated; } \
      > "$log" 2>&1 || { grep -E -A5 -m8 'error|Error' "$log" >&2; echo "building the emulated CUDA kernels failed: $log" >&2; exit 1; }
  exit 0
fi
base=$1 resources=$2
shift 2
flavours=(cpu)
for arg in "$@"; do
  case $arg in
    --cuda | with-cuda) flavours+=(cuda) ;;
    '') ;;
    *) echo "build.sh: unknown option '$arg' (known: --cuda)" >&2; exit 2 ;;
  esac
done
for tool in cmake:cmake c++:g++; do
  command -v "${tool%%:*}" > /dev/null || {
    echo "native build: ${tool%%:*} is missing. Install it: apt-get install ${tool##*:}" >&2; exit 1; }
done

fail() { grep -E -A5 -m8 'error|Error' "$log" >&2 || tail -20 "$log" >&2; echo "native build failed; the whole log: $log" >&2; exit 1; }
make_flavour() {
  local cuda=OFF build=$base bundle=$resources/$platform provision=() prefix settings generator
  if [ "$1" = cuda ]; then cuda=ON; build=$base-cuda; bundle=$resources/$platform-cuda; provision=(--cuda); fi
  prefix=$(bash "$top/native/provision.sh" "${provision[@]}")
  settings="$prefix $bundle $cuda $werror $top"
  mkdir -p "$build"
  log=$build/native-build.log
  if [ "$(cat "$build/settings" 2> /dev/null)" != "$settings" ]; then
    generator=(); ! command -v ninja > /dev/null || generator=(-G Ninja)
    rm -rf "$build" # objects of another machine or another llama.cpp must not live on
    mkdir -p "$build"
    cmake -S "$top" -B "$build" "${generator[@]}" "-DSPHERE_LLAMA_PREFIX=$prefix" "-DSPHERE_BUNDLE_DIR=$bundle" \
        "-DSPHERE_CUDA=$cuda" "$werror" > "$log" 2>&1 || fail
    echo "$settings" > "$build/settings"
  fi
  [ -f "$bundle/index" ] || rm -f "$build/native/bundle.stamp"
  cmake --build "$build" > "$log" 2>&1 || fail
}
for flavour in "${flavours[@]}"; do make_flavour "$flavour"; done
# Of an earlier build with CUDA; Maven has copied it on, and takes nothing away.
[ ${#flavours[@]} = 2 ] || rm -rf "$resources/$platform-cuda" "$resources/../../classes/native/$platform-cuda"
