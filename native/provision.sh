#!/usr/bin/env bash
# Provides a built llama.cpp and prints the folder that holds it (include/, lib/, vocab/, VERSION, LIBS, LICENSE,
# ORIGIN, MANIFEST; with --cuda lib/llama-batched-bench too).
#
#   native/provision.sh [--cuda] [--source-only]
#   SPHERE_CPU=FAMILY native/provision.sh        for another CPU than this one: see native/cpus.sh
#
# Where the source comes from, first that applies:
#   LLAMA_CPP_DIR   a checkout of your own; built out of tree, cached by its commit and changes
#   LLAMA_CPP_TAG   this tag, from LLAMA_CPP_GIT; your word for a source that Sphere has not pinned
#   the cache       ${XDG_CACHE_HOME:-~/.cache}/sphere
#   npm             the pinned package node-llama-cpp carries llama.cpp's source as a git bundle
#   git             LLAMA_CPP_GIT (default: the project's public repository); the files must be those that are pinned
# All messages go to stderr; only the folder goes to stdout. A cache entry is made in a temporary folder, synced, and
# renamed when it is whole, so that a half-made one is never used. Its name says from which source it was built, ORIGIN
# says it in words. It is used as long as its files are those of MANIFEST (SHA-256), are ours and no one else can write
# to them; otherwise it is made again.
set -euo pipefail
umask 022

VERSION=0.5.0
COMMIT=de3ff815ea7d559ee917f063901b8986f038abc6   # of the bundle, where the release is one squashed commit
PACKAGE=node-llama-cpp@3.22.1
INTEGRITY=6e5b488a9b9699cd76dc7eed30880318a4ac4ab866865418795502e3c5d38d55 # SHA-512
INTEGRITY+=bb5c624988927209d95333343f2e25a83e4183a5c2f816f883a60c3ba9f4e20f
# Of the source's files, whichever way they came; contents() says of what it is the SHA-256.
SOURCE=5017ac4ab18278cd0b4aa71ba189b4073602cfffc37c626965f4e0768e1edfb7
TAG=${LLAMA_CPP_TAG:-v$VERSION}
GIT_URL=${LLAMA_CPP_GIT:-https://github.com/ggml-org/llama.cpp.git}

cuda=OFF source_only=false
for arg in "$@"; do
  case $arg in
    --cuda) cuda=ON ;;
    --source-only) source_only=true ;;
    *) echo "provision.sh: unknown option '$arg' (known: --cuda, --source-only)" >&2; exit 2 ;;
  esac
done

# shellcheck source=native/cpus.sh
. "$(dirname "$0")/cpus.sh"
family=${SPHERE_CPU:-native}
cpu_cross=()
if [ "$family" = native ]; then
  cpu_machine=$(this_machine) CPU=(-DGGML_NATIVE=ON)
else
  [ "$family" != all ] || { echo "provision.sh: SPHERE_CPU=all is native/build.sh's; here a family at a time" >&2; exit 2; }
  cpu_family "$family" || exit 2
  cpu_compilers "$cpu_machine" || exit 1
  CPU=("${cpu_options[@]}")
fi
OPTIONS=(
  -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON
  "${CPU[@]}" -DGGML_OPENMP=ON "-DGGML_CUDA=$cuda"
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

what=llama.cpp
# shellcheck source=native/cache.sh
. "$(dirname "$0")/cache.sh"
folder "$cache"
version_of() { sed -nE 's/^set\(LLAMA_VERSION_(MAJOR|MINOR|PATCH) ([0-9]*)\)$/\2/p' "$1/CMakeLists.txt" |
  paste -sd. -; }
# The line WHAT of an ORIGIN.
origin() { sed -n "s/^$2: //p" "$1/ORIGIN" 2> /dev/null; }

# --- the source --------------------------------------------------------------------------------
# A cached source is $cache/src/NAME: ORIGIN (where it is from, its digest) and source/.
if [ -n "${LLAMA_CPP_TAG:-}" ]; then source_id=$(echo "$GIT_URL $TAG" | sha 12); else source_id=${SOURCE:0:12}; fi

fetch_by_npm() {
  need tar tar
  say "fetching the source (npm package $PACKAGE, 36 MB)"
  npm_package "$PACKAGE" "$INTEGRITY" || return 1
  tar -xzf "$scratch/package.tgz" -C "$scratch" package/llama/gitRelease.bundle
  git clone -q -c core.autocrlf=false "$scratch/package/llama/gitRelease.bundle" "$made/source" 2> "$scratch/git.log" ||
    die "git clone of the bundle failed: $(tail -1 "$scratch/git.log")"
  git -C "$made/source" checkout -q "$COMMIT" || die "the bundle of $PACKAGE lacks commit $COMMIT"
  from="npm package $PACKAGE, SHA-512 $INTEGRITY"
}
fetch_by_git() {
  from="$(echo "$GIT_URL" | sed 's#//[^/@]*@#//#'), tag $TAG" # without a password
  say "fetching the source ($from)"
  git -c advice.detachedHead=false clone -q -c core.autocrlf=false --depth 1 --branch "$TAG" "$GIT_URL" "$made/source" \
      2> "$scratch/git.log" || die "git clone of $TAG from $GIT_URL failed: $(tail -1 "$scratch/git.log")
Set LLAMA_CPP_GIT to a repository that has $TAG, LLAMA_CPP_DIR to a checkout, or install npm (apt-get install npm)."
}
# Is the cached source there, ours alone, and what it was when it was fetched? What is pinned must be what is pinned.
source_is_whole() {
  local digest=$SOURCE
  [ -z "${LLAMA_CPP_TAG:-}" ] || digest=$(origin "$entry" sha256)
  [ -d "$entry/source" ] && ours "$entry" && [ "$(contents "$entry/source" | sha 64)" = "$digest" ]
}
provide_source() {
  local entry=$cache/src/$VERSION-$source_id made from found
  source_dir=$entry/source
  [ ! -d "$entry" ] || ! source_is_whole || return 0
  need git git
  lock
  if [ -d "$entry" ]; then ! source_is_whole || return 0; discard "$entry"; fi
  new_scratch
  made=$scratch/entry
  mkdir "$made"
  if command -v npm > /dev/null && [ -z "${LLAMA_CPP_GIT:-}${LLAMA_CPP_TAG:-}" ]; then
    fetch_by_npm || { rm -rf "$made/source"; fetch_by_git; }
  else
    fetch_by_git
  fi
  found=$(version_of "$made/source")
  [ "$found" = "$VERSION" ] || die "the source is llama.cpp $found, but Sphere needs $VERSION.
For another version set LLAMA_CPP_DIR to your checkout: the struct layouts are then compared at load."
  found=$(contents "$made/source" | sha 64)
  if [ -n "${LLAMA_CPP_TAG:-}" ]; then
    say "LLAMA_CPP_TAG=$TAG: commit $(git -C "$made/source" rev-parse HEAD), taken at your word"
  elif [ "$found" != "$SOURCE" ]; then
    die "the files of $from are not those that Sphere was made with: expected SHA-256 $SOURCE, found $found.
Nothing was used. If you trust this source, say so with LLAMA_CPP_TAG=$TAG, or set LLAMA_CPP_DIR to a checkout of it."
  else
    say "the source's files are those that are pinned (SHA-256)"
  fi
  printf '%s\n' "from: $from" "commit: $(git -C "$made/source" rev-parse HEAD)" "sha256: $found" > "$made/ORIGIN"
  publish "$made" "$entry"
  rm -rf "$scratch"; scratch=
}

# --- the key: version, options, compiler, this CPU or the family -----------------------------------
cpu_features() {
  if [ "$family" != native ]; then echo "$family $cpu_machine"
  elif [ -r /proc/cpuinfo ]; then
    grep -m1 -E '^(model name|CPU part)' /proc/cpuinfo || true
    grep -m1 -iE '^(flags|features)' /proc/cpuinfo || true
  else sysctl -n machdep.cpu.brand_string machdep.cpu.features hw.optional 2> /dev/null || true; fi
}
source_state() {
  if git -C "$1" rev-parse HEAD > /dev/null 2>&1; then
    git -C "$1" rev-parse HEAD; git -C "$1" status --porcelain; git -C "$1" diff HEAD
  else contents "$1"; fi
}
compiler=${CXX:-c++}
command -v "$compiler" > /dev/null || die "no C++ compiler ($compiler). Install one: apt-get install g++"
compilers() { "$compiler" --version | head -1; "${CC:-cc}" --version 2> /dev/null | head -1 || true; }
intrinsics=$(cd "$(dirname "$0")/src/common" && pwd)/amx_intrinsics.h # included into each C++ file of llama.cpp
machine=$({ cpu_features; compilers; cat "$intrinsics"
  if [ $cuda = ON ]; then nvcc --version 2> /dev/null || true; fi; uname -sm; printf '%s\n' "${OPTIONS[@]}"; } | sha)
# Of llama.cpp's libraries ggml-cpu alone depends on the CPU. The others are the same in all entries with the same COMMON.
common=$({ compilers; uname -sm; echo "$cpu_machine" "${CFLAGS:-}" "${CXXFLAGS:-}"
  printf '%s\n' "${OPTIONS[@]}" | grep -vxFe "$(printf '%s\n' "${CPU[@]}")"; } | sha)

if [ -n "${LLAMA_CPP_DIR:-}" ]; then
  [ -f "$LLAMA_CPP_DIR/include/llama.h" ] ||
    die "LLAMA_CPP_DIR=$LLAMA_CPP_DIR is no llama.cpp checkout (it has no include/llama.h)."
  source_dir=$(cd "$LLAMA_CPP_DIR" && pwd)
  version=$(version_of "$source_dir")
  if $source_only; then echo "$source_dir"; exit 0; fi
  source_id=$({ echo "$source_dir"; source_state "$source_dir"; } | sha 12)
else
  version=$VERSION
  if $source_only; then provide_source; echo "$source_dir"; exit 0; fi
fi
name=${version:-unknown}-$source_id-$machine
entry=$cache/llama/$name
is_whole() { # ENTRY
  [ -f "$1/MANIFEST" ] && ours "$1" && [ "$(origin "$1" entry)" = "${1##*/}" ] &&
    [ "$(contents "$1")" = "$(cat "$1/MANIFEST")" ]
}
if [ -d "$entry" ] && is_whole "$entry"; then echo "$entry"; exit 0; fi

# --- the build ---------------------------------------------------------------------------------
need cmake cmake
mac_openmp
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
if [ -d "$entry" ]; then
  if is_whole "$entry"; then echo "$entry"; exit 0; fi
  discard "$entry"
fi
new_scratch
jobs=$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)
other='' long='about 3 minutes' # an entry that has all but ggml-cpu
for found in "$cache/llama/${name%-*}"-*; do
  [ $cuda = ON ] || [ "$(origin "$found" common)" != "$common" ] || ! is_whole "$found" || other=$found
done
[ -z "$other" ] || { TARGETS=(ggml-cpu); long='less than a minute'; }
say "building $version for ${family/native/this CPU} ($long of one core; $jobs cores)"
case $(uname -s) in
  Darwin) ext=dylib; rpath='@loader_path' ;;
  *) ext=so; rpath='$ORIGIN' ;;
esac
generator=(); ! command -v ninja > /dev/null || generator=(-G Ninja)
log=$cache/llama-build.log
started=$(date +%s)
# What goes to other machines names no path of this one: the same source gives the same bytes.
paths="'-ffile-prefix-map=$source_dir=llama.cpp'"
{ cmake -S "$source_dir" -B "$scratch/build" ${generator[@]+"${generator[@]}"} ${cpu_cross[@]+"${cpu_cross[@]}"} "${OPTIONS[@]}" \
    "-DCMAKE_INSTALL_RPATH=$rpath$toolkit_libs" "-DCMAKE_C_FLAGS=${CFLAGS:-} $paths" "-DCMAKE_CXX_FLAGS=${CXXFLAGS:-} $paths -include '$intrinsics'" &&
  cmake --build "$scratch/build" -j "$jobs" --target "${TARGETS[@]}"; } > "$log" 2>&1 || {
  grep -iE -m5 'error' "$log" >&2 || tail -20 "$log" >&2; die "the build failed; the whole log: $log"; }

made=$scratch/entry
mkdir -p "$made/lib" "$made/include" "$made/vocab"
for lib in "${LIBRARIES[@]}"; do
  found=$scratch/build/bin/lib$lib.$ext
  [ -z "$other" ] || [ "$lib" = ggml-cpu ] || found=$(echo "$other/lib/lib$lib."*)
  [ -e "$found" ] || die "the build made no lib$lib.$ext; the whole log: $log"
  # Carried under its soname: that is what the others ask the dynamic linker for.
  file=$(basename "$found")
  # (readelf reads another machine's libraries too; on macOS the name stands behind @rpath/.)
  if [ $ext = so ]; then soname=$(LC_ALL=C readelf -d "$found" | sed -n 's/.*(SONAME).*\[\(.*\)\]$/\1/p')
  else soname=$(otool -D "$found" | sed -n '2s#.*/##p'); fi
  file=${soname:-$file}
  cp -L "$found" "$made/lib/$file"
  echo "$file" >> "$made/LIBS"
done
for tool in llama-batched-bench libllama-batched-bench-impl.so libllama-common.so.0; do
  [ ! -e "$scratch/build/bin/$tool" ] || cp -L "$scratch/build/bin/$tool" "$made/lib/"
done
cp "$source_dir"/include/llama.h "$source_dir"/ggml/include/*.h "$made/include/"
cp "$source_dir"/models/ggml-vocab-{qwen2,llama-bpe,llama-spm,phi-3}.gguf "$made/vocab/" 2> /dev/null || true
cp "$source_dir/LICENSE" "$made/LICENSE"
echo "$version" > "$made/VERSION"
# Of what libsphere declares again from ggml's own headers (attention_hook.cpp): a checkout's version number tells little.
(cd "$source_dir/ggml/src" && cat ggml-cpu/traits.h ggml-backend-impl.h ggml-cpu/ggml-cpu-impl.h) 2> /dev/null |
  sha 64 > "$made/INTERNALS" || true
if [ -n "${LLAMA_CPP_DIR:-}" ]; then
  commit=$(git -C "$source_dir" rev-parse HEAD 2> /dev/null || echo none)
  [ -z "$(git -C "$source_dir" status --porcelain 2> /dev/null)" ] || commit+=" and changes"
  printf '%s\n' "from: $source_dir" "commit: $commit"
else cat "$(dirname "$source_dir")/ORIGIN"; fi > "$made/ORIGIN"
printf '%s\n' "entry: $name" "common: $common" "compiler: $("$compiler" --version | head -1)" >> "$made/ORIGIN"
contents "$made" > "$made/MANIFEST"
publish "$made" "$entry"
say "built in $(($(date +%s) - started)) s, kept in $entry"
echo "$entry"
