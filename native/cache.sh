# shellcheck shell=bash
# The cache of what the native build fetches and makes, ${XDG_CACHE_HOME:-~/.cache}/sphere; sourced by provision.sh and
# highway.sh, which set `what` to the name that their messages begin with.
#
# An entry is made in a temporary folder, synced, and renamed when it is whole, so that a half-made one is never used.

# shellcheck disable=SC2154  # set by who sources this
say() { echo "$what: $*" >&2; }
die() { echo "$what: $*" >&2; exit 1; }
need() { command -v "$1" > /dev/null || die "$1 is missing. Install it: apt-get install $2"; }
if command -v sha256sum > /dev/null; then SHA=(sha256sum); SHA512=(sha512sum); else SHA=(shasum -a 256); SHA512=(shasum -a 512); fi
sha() { "${SHA[@]}" | cut -c1-"${1:-16}"; }

# What is in a folder, sorted: each file's SHA-256, each link's target; .git and MANIFEST apart.
contents() {
  (cd "$1" && find . -path ./.git -prune -o -path ./MANIFEST -o -type f -exec "${SHA[@]}" {} + &&
    find . -path ./.git -prune -o -type l -exec sh -c 'for l; do echo "$(readlink "$l") <- $l"; done' sh {} +) |
    LC_ALL=C sort
}
# Is all that is in a folder ours, with nobody else who may write to it?
ours() {
  [ -z "$(find "$1" \( ! -user "$(id -u)" -o ! -type l \( -perm -020 -o -perm -002 \) \) -print 2>&1 | head -1)" ]
}
# Makes a folder of the cache. One of another user's is refused; others lose the right to write to ours.
folder() {
  mkdir -p "$1" 2> /dev/null || die "the cache $1 cannot be written. Set XDG_CACHE_HOME to a folder that can."
  [ -O "$1" ] || die "the cache $1 belongs to another user, who could change what is built from it.
Set XDG_CACHE_HOME to a folder of your own, or give the cache to the user that builds (chown)."
  [ -z "$(find -H "$1" -prune \( -perm -020 -o -perm -002 \))" ] ||
    { chmod go-w "$1"; say "others could write to $1; not any more"; }
}
# Takes an entry away that must not be used.
discard() {
  say "$1 is damaged, or others could have changed it; it is made again"
  rm -rf "$1" || die "$1 can't be removed. Remove it by hand, or set XDG_CACHE_HOME to a folder of your own."
}
# shellcheck disable=SC2034  # read by the scripts that source this
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sphere

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
# To the disk; where sync takes no file, everything.
flush() { sync -f "$1" 2> /dev/null || sync; }
# publish FROM TO: TO appears whole or not at all, also after a power cut.
publish() {
  folder "$(dirname "$2")"
  flush "$1"
  if [ -e "$2" ]; then rm -rf "$1"; else mv "$1" "$2"; fi
  flush "$(dirname "$2")"
}
# npm_package NAME@VERSION SHA-512: its archive lies in $scratch then. Fails where npm does; a wrong checksum ends all.
npm_package() {
  local found tgz
  (cd "$scratch" && npm pack --silent "$1") > /dev/null 2> "$scratch/npm.log" || {
    say "npm pack $1 failed: $(grep -m1 -i 'err' "$scratch/npm.log" || tail -1 "$scratch/npm.log")"; return 1; }
  tgz=("$scratch"/*.tgz)
  found=$("${SHA512[@]}" < "${tgz[0]}" | cut -c1-128)
  [ "$found" = "$2" ] || die "checksum of $1 is wrong: expected SHA-512 $2, found $found.
Nothing was used. A proxy or mirror may have changed it."
  mv "${tgz[0]}" "$scratch/package.tgz"
  say "checksum of $1 verified (SHA-512)"
}
