#!/usr/bin/env bash
# Builds the native libraries and gathers them, with an index of checksums, in
# RESOURCE_DIR/<platform> (for instance linux-x86_64). Maven calls this.
#
#   native/build.sh BUILD_DIR RESOURCE_DIR [--cuda]
#   native/build.sh --emulated BUILD_DIR           also what tests take for libsphere-cuda: BUILD_DIR/emulated/
#
# SPHERE_CPU says for which CPUs (native/cpus.sh): native, the default, one family, several with commas between, or all.
# A family's libraries lie in RESOURCE_DIR/<platform>-<family>. RESOURCE_DIR/cpus lists what is there, "<platform> <family>"
# a line, best first: the loader takes the first that the CPU meets. What is not in the list is taken away.
#
# With --cuda the libraries for CUDA are made too, in RESOURCE_DIR/<platform>-cuda: the right ones are chosen at run time.
# When nothing has changed it takes a fraction of a second. With SPHERE_WERROR=1 in the environment, as CI has it,
# warnings are errors.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=native/cpus.sh
. "$top/native/cpus.sh"
case $(uname -s) in Darwin) os=darwin ;; *) os=linux ;; esac
platform=$os-$(this_machine)
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
# shellcheck source=native/tools.sh
. "$top/native/tools.sh"
native_tools
nothing_lacks "native build" || exit 1
# Before llama.cpp is built for minutes.
highway=$(bash "$top/native/highway.sh")

# Ends in one line with the first error; ./sphere shows that line alone.
fail() {
  grep -E -A5 -m8 'error|Error' "$log" >&2 || tail -20 "$log" >&2
  echo "native build: $(grep -E -m1 'error|Error' "$log" || tail -1 "$log"); the whole log: $log" >&2
  exit 1
}
# make_flavour cpu|cuda FAMILY
make_flavour() {
  local cuda=OFF build=$base bundle=$resources/$platform provision=() prefix settings generator flags=-march=native needs=
  local cpu_cross=()
  if [ "$2" != native ]; then
    cpu_family "$2"
    cpu_compilers "$cpu_machine"
    flags=$cpu_flags needs=$cpu_needs build=$base-$2 bundle=$resources/$os-$cpu_machine-$2
  fi
  if [ "$1" = cuda ]; then cuda=ON; build=$build-cuda; bundle=$resources/$platform-cuda; provision=(--cuda); fi
  prefix=$(SPHERE_CPU=$2 bash "$top/native/provision.sh" ${provision[@]+"${provision[@]}"})
  settings="$prefix $bundle $cuda $werror $top $highway"
  [ "$2" = native ] || settings+=" $flags"
  mkdir -p "$build"
  log=$build/native-build.log
  if [ "$(cat "$build/settings" 2> /dev/null)" != "$settings" ]; then
    generator=(); ! command -v ninja > /dev/null || generator=(-G Ninja)
    rm -rf "$build" # objects of another machine or another llama.cpp must not live on
    mkdir -p "$build"
    cmake -S "$top" -B "$build" ${generator[@]+"${generator[@]}"} ${cpu_cross[@]+"${cpu_cross[@]}"} \
        "-DSPHERE_LLAMA_PREFIX=$prefix" "-DSPHERE_BUNDLE_DIR=$bundle" "-DSPHERE_CUDA=$cuda" \
        "-DSPHERE_CPU_FLAGS=$flags" "-DSPHERE_CPU_NEEDS=$needs" "$werror" > "$log" 2>&1 || fail
    echo "$settings" > "$build/settings"
  fi
  [ -f "$bundle/index" ] || rm -f "$build/native/bundle.stamp"
  cmake --build "$build" > "$log" 2>&1 || fail
}

mac_openmp
# Best first, each once.
asked=,${SPHERE_CPU:-native},
asked=${asked// /}
families=()
for family in native $CPU_FAMILIES_X86_64 $CPU_FAMILIES_AARCH64; do
  mine=; [ "$family" = native ] || { cpu_family "$family"; [ "$os" != linux ] || [ "$cpu_machine" != "$(this_machine)" ] || mine=yes; }
  case $asked in
    *,$family,*) families+=("$family"); asked=${asked//,$family,/,} ;;
    *,all,*) [ -z "$mine" ] || families+=("$family") ;;
  esac
done
asked=${asked//,all,/,}
asked=${asked#,} asked=${asked%,}
[ -z "$asked" ] || { cpu_family "${asked%%,*}" || exit 2; }
if [ ${#flavours[@]} = 2 ] && [ ${#families[@]} != 1 ]; then
  echo "build.sh: with CUDA the libraries are for one kind of CPU, not SPHERE_CPU=$SPHERE_CPU" >&2; exit 2
fi

list='' made=''
for family in "${families[@]}"; do
  for flavour in "${flavours[@]}"; do (make_flavour "$flavour" "$family"); done
  place=$platform
  if [ "$family" != native ]; then cpu_family "$family"; place=$os-$cpu_machine; fi
  list+="$place $family"$'\n'
  case $family in native) made+=" $platform " ;; *) made+=" $place-$family " ;; esac
done
[ ${#flavours[@]} = 1 ] || made+=" $platform-cuda "
[ "$list" = "$(cat "$resources/cpus" 2> /dev/null)"$'\n' ] || printf %s "$list" > "$resources/cpus"
echo "${SPHERE_CPU:-native}" > "$base.cpu" # the launcher builds again when it is asked for others
# Of an earlier build with CUDA or for other CPUs; Maven has copied it on, and takes nothing away.
for folder in "$resources/$os"-*/ "$resources/../../classes/native/$os"-*/; do
  name=$(basename "$folder")
  case $made in *" $name "*) ;; *) [ ! -f "$folder/index" ] || rm -rf "$folder" ;; esac
done
