#!/usr/bin/env bash
# Builds the native libraries and gathers them, with an index of checksums, in
# RESOURCE_DIR/<platform> (for instance linux-x86_64). Maven calls this.
#
#   native/build.sh BUILD_DIR RESOURCE_DIR [--cuda]
#
# When nothing has changed it takes a fraction of a second.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
case $(uname -s) in Darwin) os=darwin ;; *) os=linux ;; esac
machine=$(uname -m)
build=$1 bundle=$2/$os-${machine/arm64/aarch64}
shift 2
cuda=OFF provision=()
for arg in "$@"; do
  case $arg in
    --cuda | with-cuda) cuda=ON; provision+=(--cuda) ;;
    '') ;;
    *) echo "build.sh: unknown option '$arg' (known: --cuda)" >&2; exit 2 ;;
  esac
done
for tool in cmake:cmake c++:g++; do
  command -v "${tool%%:*}" > /dev/null || {
    echo "native build: ${tool%%:*} is missing. Install it: apt-get install ${tool##*:}" >&2; exit 1; }
done

prefix=$(bash "$top/native/provision.sh" "${provision[@]}")
settings="$prefix $bundle $cuda $top"
mkdir -p "$build"
log=$build/native-build.log
fail() { grep -E -A5 -m8 'error|Error' "$log" >&2 || tail -20 "$log" >&2; echo "native build failed; the whole log: $log" >&2; exit 1; }
if [ "$(cat "$build/settings" 2> /dev/null)" != "$settings" ]; then
  generator=(); ! command -v ninja > /dev/null || generator=(-G Ninja)
  rm -rf "$build" # objects of another machine or another llama.cpp must not live on
  mkdir -p "$build"
  cmake -S "$top" -B "$build" "${generator[@]}" "-DSPHERE_LLAMA_PREFIX=$prefix" "-DSPHERE_BUNDLE_DIR=$bundle" \
      "-DSPHERE_CUDA=$cuda" > "$log" 2>&1 || fail
  echo "$settings" > "$build/settings"
fi
[ -f "$bundle/index" ] || rm -f "$build/native/bundle.stamp"
cmake --build "$build" > "$log" 2>&1 || fail
