#!/usr/bin/env bash
# One machine's speed by kind of CPU: a round on word problems, scoring, rollouts and training, with libraries (llama.cpp's too) for each family.
#   lab/run cpu-families [FAMILY ...]      default: native x86-64-v3 (native/cpus.sh)
#   MODELS="A.gguf B.gguf"                 of rollouts and training; default: what bench-peers makes of TYPES (q8_0,q4_k_m)
#   DEMOS=1, REPETITIONS=1                 how often: rounds, the others
# Nothing else should run meanwhile.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ $# -gt 0 ] || set -- native x86-64-v3
sphere=${SPHERE:-./sphere}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. native/cpus.sh
$sphere doctor > /dev/null # builds what is not built
for family in "$@"; do
  echo "## $family"
  echo
  unset SPHERE_NATIVE_DIR
  if [ "$family" != native ]; then
    cpu_family "$family"
    SPHERE_CPU=$family native/build.sh "$work/cmake" "$work/libraries" > "$work/build.log" 2>&1 || { tail -5 "$work/build.log" >&2; exit 1; }
    export SPHERE_NATIVE_DIR=$work/libraries/linux-$cpu_machine-$family
  fi
  for _ in $(seq "${DEMOS:-1}"); do
    from=$(date +%s%N)
    $sphere evolve --recipe recipes/word-problems.yaml --run "$work/demo" > "$work/demo.txt" 2>&1 || { tail -5 "$work/demo.txt" >&2; exit 1; }
    echo "round: $((($(date +%s%N) - from) / 1000000000)) s; $(grep -E '^Round 1: base' "$work/demo.txt" | head -1)"
    rm -rf "$work/demo"
  done
  lab/run bench score --trees 32 --pairs 4
  echo
  # shellcheck disable=SC2086  # MODELS are several files
  SPHERE_CPU=$family lab/studies/bench-peers.sh --no-parallel-tool --train --parallel 1,8,32 --repetitions "${REPETITIONS:-1}" --types "${TYPES:-q8_0,q4_k_m}" ${MODELS:-}
  echo
done
