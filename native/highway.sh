#!/usr/bin/env bash
# Finds Google Highway, whose headers are all that libsphere needs of it, and prints the folder to add to the compiler's;
# prints an empty line where the compiler finds them by itself. Every build of libsphere asks this script.
#
#   native/highway.sh [--version]        --version: prints the version instead
#
# First that applies:
#   SPHERE_HIGHWAY=FOLDER   the folder that holds hwy/highway.h; `pinned` passes over the system's
#   the system's            1.2 or newer, where the compiler (CXX, default c++) or Homebrew finds it
#   the cache               ${XDG_CACHE_HOME:-~/.cache}/sphere
#   npm                     the pinned package @img/sharp-libvips-dev carries the headers of Highway 1.4.0 (2 MB)
#   git                     SPHERE_HIGHWAY_GIT (default: the project's public repository), the pinned commit
# All messages go to stderr.
set -euo pipefail
umask 022

VERSION=1.4.0
PACKAGE=@img/sharp-libvips-dev@1.3.4
SHA_512=b35548abaa7cde95868b5864ed52dd7d1888e8352894662a6e908dbb8cdd1086
SHA_512+=ca8e56dd47dcc716922263ac10b676e7e6349fbbdf84fcf482dbab6438d7abd9
COMMIT=2607d3b5b0113992fe84d3848859eae13b3b52c1 # of tag 1.4.0
GIT_URL=${SPHERE_HIGHWAY_GIT:-https://github.com/google/highway.git}

what=highway
# shellcheck source=native/cache.sh
. "$(dirname "$0")/cache.sh"

# "MAJOR.MINOR" of the headers that the compiler finds with these options; nothing where there are none.
version_with() {
  { echo '#include <hwy/base.h>' | "${CXX:-c++}" "$@" -std=c++17 -E -dM -x c++ - 2> /dev/null || true; } |
    awk '$2 == "HWY_MAJOR" { major = $3 } $2 == "HWY_MINOR" { minor = $3 } END { if (major != "") print major "." minor }'
}
suffices() { [ -n "$1" ] && { [ "${1%%.*}" -gt 1 ] || { [ "${1%%.*}" = 1 ] && [ "${1##*.}" -ge 2 ]; }; }; }
found() { # FOLDER VERSION
  if [ "$show" = --version ]; then echo "$2"; else echo "$1"; fi
  exit 0
}
show=${1:-}
case $show in '' | --version) ;; *) echo "highway.sh: unknown option '$show' (known: --version)" >&2; exit 2 ;; esac
command -v "${CXX:-c++}" > /dev/null || die "no C++ compiler (${CXX:-c++}). Install one: apt-get install g++"

given=${SPHERE_HIGHWAY:-}
if [ -n "$given" ] && [ "$given" != pinned ]; then
  [ -f "$given/hwy/highway.h" ] || die "SPHERE_HIGHWAY=$given does not hold hwy/highway.h"
  version=$(version_with -I"$given")
  suffices "$version" || die "SPHERE_HIGHWAY=$given holds Highway ${version:-of an unknown version}; 1.2 or newer is needed"
  found "$(cd "$given" && pwd)" "$version"
fi
if [ "$given" != pinned ]; then
  for place in '' /opt/homebrew/include; do
    version=$(version_with ${place:+-I"$place"})
    ! suffices "$version" || found "$place" "$version"
  done
fi

folder "$cache"
entry=$cache/highway/$VERSION-${SHA_512:0:12}
is_whole() { [ -f "$entry/MANIFEST" ] && ours "$entry" && [ "$(contents "$entry")" = "$(cat "$entry/MANIFEST")" ]; }
[ ! -d "$entry" ] || ! is_whole || found "$entry" "$VERSION"
lock
if [ -d "$entry" ]; then ! is_whole || found "$entry" "$VERSION"; discard "$entry"; fi
new_scratch
mkdir "$scratch/entry"
by_npm() {
  command -v npm > /dev/null && [ -z "${SPHERE_HIGHWAY_GIT:-}" ] || return 1
  say "fetching the headers of Highway $VERSION (npm package $PACKAGE, 2 MB)"
  npm_package "$PACKAGE" "$SHA_512" && tar -xzf "$scratch/package.tgz" -C "$scratch" package/include/hwy &&
    mv "$scratch/package/include/hwy" "$scratch/entry/hwy"
}
by_git() {
  need git git
  say "fetching the headers of Highway $VERSION ($(echo "$GIT_URL" | sed 's#//[^/@]*@#//#'), tag $VERSION)"
  git -c advice.detachedHead=false clone -q -c core.autocrlf=false --depth 1 --branch "$VERSION" "$GIT_URL" \
      "$scratch/highway" 2> "$scratch/git.log" ||
    die "git clone of Highway $VERSION failed: $(tail -1 "$scratch/git.log"). Set SPHERE_HIGHWAY to a folder that holds
hwy/highway.h (1.2 or newer), SPHERE_HIGHWAY_GIT to a repository that has it, or install npm (apt-get install npm)."
  [ "$(git -C "$scratch/highway" rev-parse HEAD)" = "$COMMIT" ] ||
    die "tag $VERSION of $GIT_URL is not commit $COMMIT. Nothing was used."
  (cd "$scratch/highway" && find hwy -name '*.h' | tar -cf - -T -) | tar -xf - -C "$scratch/entry"
}
by_npm || by_git
contents "$scratch/entry" > "$scratch/entry/MANIFEST"
publish "$scratch/entry" "$entry"
found "$entry" "$VERSION"
