#!/usr/bin/env bash
# Makes a release of the commit that is checked out: one jar for every CPU, its SHA-256, and a list of what is in it.
#
#   scripts/release.sh [--twice] [FOLDER]        (default: target/release)
#
#   sphere-engine-VERSION.jar          native libraries for each family of linux-x86_64 and of linux-aarch64
#   sphere-engine-VERSION.jar.sha256   as sha256sum -c reads it
#   sphere-engine-VERSION.cdx.json     SBOM (CycloneDX): the Java libraries, llama.cpp, Google Highway, the compilers
#
# It is built in a fresh clone, with nothing of yours: changes that are not committed are not in it. The same commit and
# compilers give the same bytes, wherever it is built; --twice builds in two folders, llama.cpp too, and compares.
# llama.cpp costs some 3 minutes of one core for each kind of CPU, and less than one for each further family of it; it is
# kept in the cache (with --twice: built anew).
#
# SPHERE_CPU       other families than all (native/cpus.sh), for a trial
# MAVEN_OPTIONS    more options for Maven, such as -o
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
twice=false out=$top/target/release
for arg in "$@"; do
  case $arg in
    --twice) twice=true ;;
    -*) echo "release.sh: unknown option '$arg' (known: --twice)" >&2; exit 2 ;;
    *) out=$arg ;;
  esac
done
say() { echo "release: $*" >&2; }
die() { echo "release: $*" >&2; exit 1; }
if command -v sha256sum > /dev/null; then SHA=(sha256sum); else SHA=(shasum -a 256); fi
# shellcheck source=native/cpus.sh
. "$top/native/cpus.sh"
[ "$(uname -sm)" = "Linux x86_64" ] || die "a release is built on Linux on x86-64, which has compilers for both kinds of CPU"
export SPHERE_CPU=${SPHERE_CPU:-all,${CPU_FAMILIES_AARCH64// /,}}
unset LLAMA_CPP_DIR LLAMA_CPP_TAG SPHERE_NATIVE_DIR CC CXX CFLAGS CXXFLAGS
commit=$(git -C "$top" rev-parse HEAD)
[ -z "$(git -C "$top" status --porcelain)" ] || say "what is not committed is left out"
# The time in the jar is the commit's.
stamp=$(TZ=UTC0 git -C "$top" log -1 --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ)
started=$(date +%s)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# build NAME: $work/NAME/sphere-engine.jar and bom.json
build() {
  local clone=$work/$1/sphere
  say "building; what Maven says is in $work/$1/log"
  git clone -q --no-hardlinks "$top" "$clone"
  git -C "$clone" -c advice.detachedHead=false checkout -q "$commit"
  # shellcheck disable=SC2086  # MAVEN_OPTIONS is a list
  (cd "$clone" && mvn -q -B ${MAVEN_OPTIONS:-} -pl cli -am -DskipTests "-Dproject.build.outputTimestamp=$stamp" \
      -Dduckdb.other.3=none package \
      org.cyclonedx:cyclonedx-maven-plugin:2.9.1:makeBom -DoutputFormat=json -DincludeBomSerialNumber=false \
      -DincludeProvidedScope=false) > "$work/$1/log" 2>&1 || { tail -30 "$work/$1/log" >&2; die "the build failed"; }
  mv "$clone/cli/target/sphere-engine.jar" "$clone/cli/target/bom.json" "$work/$1/"
}

version=$(sed -n 's:^  <version>\(.*\)</version>:\1:p' "$top/pom.xml" | head -1)
name=sphere-engine-$version
say "$name, commit $commit, for $SPHERE_CPU"
build one
jar=$work/one/sphere-engine.jar
if $twice; then
  say "the second time"
  export XDG_CACHE_HOME=$work/cache
  unset CMAKE_C_COMPILER_LAUNCHER CMAKE_CXX_COMPILER_LAUNCHER # by the compilers, not by what one of them cached
  build two
  cmp "$jar" "$work/two/sphere-engine.jar" || {
    for n in one two; do unzip -q "$work/$n/sphere-engine.jar" -d "$work/$n/x"; done
    diff -rq "$work/one/x" "$work/two/x" >&2 || true
    die "the same commit gave other bytes"
  }
  cmp "$work/one/bom.json" "$work/two/bom.json" || die "the same commit gave another SBOM"
  unset XDG_CACHE_HOME
fi

# --- what is in it, beside Java's libraries ---
highway=$(bash "$top/native/highway.sh" --version)
llama=$(sed -n 's/^VERSION=//p' "$top/native/provision.sh")
source_sha=$(sed -n 's/^SOURCE=//p' "$top/native/provision.sh")
component() { # NAME VERSION LICENCE PURL PROPERTY VALUE
  printf '    {"type": "library", "name": "%s", "version": "%s", "licenses": [{"license": {"id": "%s"}}],\n' "$1" "$2" "$3"
  printf '     "purl": "%s", "properties": [{"name": "sphere:%s", "value": "%s"}]},\n' "$4" "$5" "$6"
}
{
  component llama.cpp "$llama" MIT "pkg:github/ggml-org/llama.cpp@v$llama" "sha256 of the source's files" "$source_sha"
  if [ -n "$highway" ] && grep -rqs 'hwy/highway.h' "$top/native/src"; then
    component highway "$highway" Apache-2.0 "pkg:github/google/highway@$highway" use "headers, compiled into libsphere"
  fi
  component libsphere "$version" Apache-2.0 "pkg:generic/libsphere@$version" "commit and compilers" \
    "$commit; $(c++ --version | head -1); $(aarch64-linux-gnu-g++ --version 2> /dev/null | head -1)"
} > "$work/components"
# At the outer level: the SBOM's tools have a list of that name too.
sed "/^  \"components\" : \[/r $work/components" "$work/one/bom.json" > "$work/sbom"
[ "$(grep -c '"name": "llama.cpp"' "$work/sbom")" = 1 ] || die "the SBOM has no list of components"

mkdir -p "$out"
cp "$jar" "$out/$name.jar"
cp "$work/sbom" "$out/$name.cdx.json"
(cd "$out" && "${SHA[@]}" "$name.jar" > "$name.jar.sha256" && cat "$name.jar.sha256")

# --- what a machine needs ---
say "$(($(wc -c < "$out/$name.jar") / 1000000)) MB, in $(($(date +%s) - started)) s; $(unzip -l "$jar" 'native/*/index' | grep -c /index) families"
mkdir "$work/libraries"
unzip -q "$jar" 'native/*' -d "$work/libraries"
for machine in x86_64 aarch64; do
  needs=$(find "$work/libraries" -path "*linux-$machine*.so*" -exec readelf -W -V {} + |
    grep -oE '\b(GLIBC|GLIBCXX|GOMP)_[0-9.]+' | sort -uV | awk -F_ '{ last[$1] = $2 } END { for (l in last) printf "%s %s  ", l, last[l] }') || true
  [ -z "$needs" ] || say "linux-$machine needs at least: $needs"
done
if grep -rlF -e "$work" -e "$HOME/" "$work/libraries"; then die "the libraries above name a folder of this machine"; fi
