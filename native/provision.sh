#!/usr/bin/env bash
# Provides a built llama.cpp and prints the folder that holds it (include/, lib/, vocab/, VERSION, LIBS, LICENSE; with
# --cuda lib/llama-batched-bench too).
#
#   native/provision.sh [--cuda] [--source-only]
#
# Where the source comes from, first that applies:
#   LLAMA_CPP_DIR   a checkout of your own; built out of tree, cached by its commit and changes
#   the cache       ${XDG_CACHE_HOME:-~/.cache}/sphere
#   npm             the pinned package node-llama-cpp carries llama.cpp's source as a git bundle
#   git             LLAMA_CPP_GIT (default: the project's public repository), tag LLAMA_CPP_TAG
# All messages go to stderr; only the folder goes to stdout. A cache entry is made in a temporary folder and
# renamed when it is whole, so that a half-made one is never used.
set -euo pipefail

VERSION=0.5.0
TAG=${LLAMA_CPP_TAG:-v$VERSION}
COMMIT=de3ff815ea7d559ee917f063901b8986f038abc6   # of the bundle, where the release is one squashed commit
PACKAGE=node-llama-cpp@3.22.1
INTEGRITY=bltIipuWmc123H7tMIgDGKSsSrhmhlQYeVUC48XTjVW7XGJJiJJyCdlTMzQ/LiWoPkGDpcL4FviDpgw7qfTiDw==   # SHA-512
GIT_URL=${LLAMA_CPP_GIT:-https://github.com/ggml-org/llama.cpp.git}

cuda=OFF source_only=false
for arg in "$@"; do
  case $arg in
    --cuda) cuda=ON ;;
    --source-only) source_only=true ;;
    *) echo "provision.sh: unknown option '$arg' (known: --cuda, --source-only)" >&2; exit 2 ;;
  esac
done

OPTIONS=(
  -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON
  -DGGML_NATIVE=ON -DGGML_OPENMP=ON -DGGML_CUDA=$cuda
  -DLLAMA_BUILD_IS_DEV=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_EXAMPLES=OFF
  -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF
  -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON
)
TARGETS=(llama ggml ggml-cpu ggml-base)
# In the order in which they must be loaded.
LIBRARIES=(ggml-base ggml-cpu ggml llama)
if [ $cuda = ON ]; then
  command -v nvcc > /dev/null || [ ! -x /usr/local/cuda/bin/nvcc ] || PATH=$PATH:/usr/local/cuda/bin
  # For this machine's devices; without one, for those that Sphere's kernels are built for.
  found=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2> /dev/null | tr -d . | sort -u | paste -sd';' -) || found=
  OPTIONS+=("-DCMAKE_CUDA_ARCHITECTURES=${SPHERE_CUDA_ARCHITECTURES:-${found:-80;89;90;100}}")
  # The benchmark that rollouts on a GPU are compared with comes along: for it alone ggml-cuda would be built again.
  OPTIONS+=(-DLLAMA_BUILD_TOOLS=ON)
  TARGETS+=(ggml-cuda llama-batched-bench); LIBRARIES=(ggml-base ggml-cpu ggml-cuda ggml llama)
fi

say() { echo "llama.cpp: $*" >&2; }
die() { echo "llama.cpp: $*" >&2; exit 1; }
need() { command -v "$1" > /dev/null || die "$1 is missing. Install it: apt-get install $2"; }
if command -v sha256sum > /dev/null; then sha() { sha256sum | cut -c1-"${1:-16}"; }
else sha() { shasum -a 256 | cut -c1-"${1:-16}"; }; fi

cache=${XDG_CACHE_HOME:-$HOME/.cache}/sphere
mkdir -p "$cache" 2> /dev/null || die "the cache $cache cannot be written. Set XDG_CACHE_HOME to a folder that can."

scratch=
cleanup() { [ -z "$scratch" ] || rm -rf "$scratch"; }
trap cleanup EXIT
trap 'exit 130' INT TERM
# One builder at a time; where flock is missing, the rename alone decides (both build, one wins).
lock() { exec 8> "$cache/lock"; if command -v flock > /dev/null && ! flock -n 8; then
  say "waiting for another build (lock $cache/lock)"; flock 8; fi
  # What a killed run left behind; nobody else is at work now.
  if command -v flock > /dev/null; then rm -rf "$cache"/.building.*; fi; }
new_scratch() { scratch=$(mktemp -d "$cache/.building.XXXXXX"); }
# publish FROM TO: TO appears whole or not at all.
publish() { if [ -e "$2" ]; then rm -rf "$1"; else mv "$1" "$2"; fi; }
version_of() { sed -n 's/^set(LLAMA_VERSION_\(MAJOR\|MINOR\|PATCH\) \([0-9]*\))$/\2/p' "$1/CMakeLists.txt" |
  paste -sd. -; }

# --- the source --------------------------------------------------------------------------------
fetch_by_npm() {
  need tar tar
  say "fetching the source (npm package $PACKAGE, 36 MB)"
  (cd "$scratch" && npm pack --silent "$PACKAGE") > /dev/null 2> "$scratch/npm.log" || {
    say "npm pack $PACKAGE failed: $(grep -m1 -i 'err' "$scratch/npm.log" || tail -1 "$scratch/npm.log")"; return 1; }
  local tgz=("$scratch"/*.tgz) found
  found=$(openssl dgst -sha512 -binary "${tgz[0]}" | base64 | tr -d '\n')
  [ "$found" = "$INTEGRITY" ] || die "checksum of $PACKAGE is wrong: expected sha512-$INTEGRITY, found sha512-$found.
Nothing was used. A proxy or mirror may have changed it; set LLAMA_CPP_DIR to a checkout that you trust."
  say "checksum of $PACKAGE verified (SHA-512)"
  tar -xzf "${tgz[0]}" -C "$scratch" package/llama/gitRelease.bundle
  git clone -q "$scratch/package/llama/gitRelease.bundle" "$scratch/source" 2> "$scratch/git.log" ||
    die "git clone of the bundle failed: $(tail -1 "$scratch/git.log")"
  git -C "$scratch/source" checkout -q "$COMMIT" || die "the bundle of $PACKAGE lacks commit $COMMIT"
}
fetch_by_git() {
  say "fetching the source ($GIT_URL, $TAG)"
  git -c advice.detachedHead=false clone -q --depth 1 --branch "$TAG" "$GIT_URL" "$scratch/source" \
      2> "$scratch/git.log" || die "git clone of $TAG from $GIT_URL failed: $(tail -1 "$scratch/git.log")
Set LLAMA_CPP_GIT to a repository that has $TAG, LLAMA_CPP_DIR to a checkout, or install npm (apt-get install npm)."
}
provide_source() {
  source_dir=$cache/src/llama.cpp-$VERSION
  [ -d "$source_dir" ] && return
  need git git
  lock
  [ -d "$source_dir" ] && return
  new_scratch
  if command -v npm > /dev/null && [ -z "${LLAMA_CPP_GIT:-}" ]; then
    fetch_by_npm || { rm -rf "$scratch/source"; fetch_by_git; }
  else
    fetch_by_git
  fi
  local found; found=$(version_of "$scratch/source")
  [ "$found" = "$VERSION" ] || die "the source is llama.cpp $found, but Sphere needs $VERSION.
For another version set LLAMA_CPP_DIR to your checkout: the struct layouts are then compared at load."
  mkdir -p "$cache/src"
  publish "$scratch/source" "$source_dir"
  rm -rf "$scratch"; scratch=
}

# --- the key: version, options, compiler, this CPU ------------------------------------------------
cpu_features() {
  if [ -r /proc/cpuinfo ]; then
    grep -m1 -E '^(model name|CPU part)' /proc/cpuinfo || true
    grep -m1 -iE '^(flags|features)' /proc/cpuinfo || true
  else sysctl -n machdep.cpu.brand_string machdep.cpu.features hw.optional 2> /dev/null || true; fi
}
source_state() {
  if git -C "$1" rev-parse HEAD > /dev/null 2>&1; then
    git -C "$1" rev-parse HEAD; git -C "$1" status --porcelain; git -C "$1" diff HEAD
  else (cd "$1" && find . -type f -newer /dev/null -printf '%P %s %T@\n' 2> /dev/null | sort); fi
}
compiler=${CXX:-c++}
command -v "$compiler" > /dev/null || die "no C++ compiler ($compiler). Install one: apt-get install g++"
machine=$({ cpu_features; "$compiler" --version | head -1; if [ $cuda = ON ]; then nvcc --version 2> /dev/null || true; fi; uname -sm; printf '%s\n' "${OPTIONS[@]}"; } | sha)

if [ -n "${LLAMA_CPP_DIR:-}" ]; then
  [ -f "$LLAMA_CPP_DIR/include/llama.h" ] ||
    die "LLAMA_CPP_DIR=$LLAMA_CPP_DIR is no llama.cpp checkout (it has no include/llama.h)."
  source_dir=$(cd "$LLAMA_CPP_DIR" && pwd)
  version=$(version_of "$source_dir")
  if $source_only; then echo "$source_dir"; exit 0; fi
  entry=$cache/llama/${version:-unknown}-$({ echo "$source_dir"; source_state "$source_dir"; } | sha 12)-$machine
else
  version=$VERSION
  if $source_only; then provide_source; echo "$source_dir"; exit 0; fi
  entry=$cache/llama/$VERSION-$machine
fi
if [ -d "$entry" ]; then echo "$entry"; exit 0; fi

# --- the build ---------------------------------------------------------------------------------
need cmake cmake
toolkit_libs=
if [ $cuda = ON ]; then
  nvcc=$(command -v nvcc) || die "--cuda needs nvcc. Install the CUDA toolkit, or build without --cuda."
  toolkit=$("$nvcc" --dryrun -x cu -c /dev/null 2>&1 | sed -n 's/^#\$ TOP=//p') # nvcc may be a wrapper somewhere else
  cublas=false
  for header in "$toolkit"/include/cublas_v2.h "$toolkit"/targets/*/include/cublas_v2.h /usr/include/cublas_v2.h; do
    [ ! -e "$header" ] || cublas=true
  done
  toolkit_libs=";$(cd "$toolkit" && pwd)/lib64" # where ldconfig does not know them
  $cublas || die "--cuda: nvcc is there ($nvcc), but cuBLAS's headers are not; llama.cpp's CUDA backend needs them.
Install them (apt-get install libcublas-dev, or libcublas-dev-13-0 from NVIDIA's repository), or build without --cuda."
fi
[ -n "${LLAMA_CPP_DIR:-}" ] || provide_source
lock
if [ -d "$entry" ]; then echo "$entry"; exit 0; fi
new_scratch
jobs=$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)
say "building $version for this CPU (about 3 minutes of one core; $jobs cores)"
case $(uname -s) in
  Darwin) ext=dylib; rpath='@loader_path' ;;
  *) ext=so; rpath='$ORIGIN' ;;
esac
generator=(); ! command -v ninja > /dev/null || generator=(-G Ninja)
log=$cache/llama-build.log
started=$(date +%s)
{ cmake -S "$source_dir" -B "$scratch/build" "${generator[@]}" "${OPTIONS[@]}" "-DCMAKE_INSTALL_RPATH=$rpath$toolkit_libs" &&
  cmake --build "$scratch/build" -j "$jobs" --target "${TARGETS[@]}"; } > "$log" 2>&1 || {
  grep -iE -m5 'error' "$log" >&2 || tail -20 "$log" >&2; die "the build failed; the whole log: $log"; }

made=$scratch/entry
mkdir -p "$made/lib" "$made/include" "$made/vocab"
for lib in "${LIBRARIES[@]}"; do
  found=$scratch/build/bin/lib$lib.$ext
  [ -e "$found" ] || die "the build made no lib$lib.$ext; the whole log: $log"
  # Carried under its soname: that is what the others ask the dynamic linker for.
  name=$(basename "$found")
  if [ $ext = so ]; then
    soname=$(objdump -p "$found" | sed -n 's/^ *SONAME *//p'); name=${soname:-$name}
  fi
  cp -L "$found" "$made/lib/$name"
  echo "$name" >> "$made/LIBS"
done
for tool in llama-batched-bench libllama-batched-bench-impl.so libllama-common.so.0; do
  [ ! -e "$scratch/build/bin/$tool" ] || cp -L "$scratch/build/bin/$tool" "$made/lib/"
done
cp "$source_dir"/include/llama.h "$source_dir"/ggml/include/*.h "$made/include/"
cp "$source_dir"/models/ggml-vocab-{qwen2,llama-bpe,llama-spm,phi-3}.gguf "$made/vocab/" 2> /dev/null || true
cp "$source_dir/LICENSE" "$made/LICENSE"
echo "$version" > "$made/VERSION"
mkdir -p "$cache/llama"
publish "$made" "$entry"
say "built in $(($(date +%s) - started)) s, kept in $entry"
echo "$entry"
