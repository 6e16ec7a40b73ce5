#!/usr/bin/env bash
# Does this tree compute what a reference commit computed? Pairs and answers byte for byte, models tensor by tensor.
#
#   lab/run same-bytes [--quick] [--reference COMMIT] [--model SMOLLM2.gguf]
#
# The reference is built in a worktree, on this machine, by the same compilers; its results are kept in
# target/same-bytes/COMMIT and are made once. Both sides run the same commands:
#   --quick     demo --quick --seed 1, a best-of-n search, a search with all three stages, train dpo on the embedded model
#   otherwise   demo --seed 1, 2 and 3 and recipes/word-problems.yaml too, and train dpo on --model, where it is given
# Exit status 0: all is equal. Models' metadata is not compared: it holds names and versions.
set -euo pipefail
cd "$(dirname "$0")/../.."
reference=d239669f quick=false model=''
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=true; shift ;;
    --reference) reference=$2; shift 2 ;;
    --model) model=$(realpath "$2"); shift 2 ;;
    *) sed -n '2,12p' "$0" >&2; exit 2 ;;
  esac
done
top=$PWD
work=$top/target/same-bytes
reference=$(git rev-parse --short=12 "$reference^{commit}")
mkdir -p "$work"
launcher=$work/$reference-tree/sphere
[ -x "$launcher" ] || git worktree add -f --detach "$work/$reference-tree" "$reference" > /dev/null

pairs=$work/rows.jsonl # preference rows for train dpo
for i in 1 2 3 4 5 6 7 8; do
  printf '{"prompt":"What is %d plus %d?","chosen":"%d plus %d is %d. The answer is \\\\boxed{%d}.","rejected":"It is %d."}\n' \
    $((7 * i)) $((i + 2)) $((7 * i)) $((i + 2)) $((8 * i + 2)) $((8 * i + 2)) $((9 * i))
done > "$pairs"

dpo=(--steps 3 --batch-pairs 4 --learning-rate 1e-4 --lora-rank 8)
compute() { # SPHERE NAME ARGS...: runs in $out/NAME unless that is done
  local sphere=$1 name=$2
  shift 2
  [ ! -f "$out/$name.done" ] || return 0
  rm -rf "${out:?}/$name"
  mkdir -p "$out/$name"
  echo "same-bytes: $name ($(basename "$out"))" >&2
  (cd "$out/$name" && "$sphere" "$@" > "../$name.log" 2>&1 < /dev/null) || {
    tail -3 "$out/$name.log" >&2; echo "same-bytes: $name failed: $out/$name.log" >&2; exit 1; }
  touch "$out/$name.done"
}
everything() { # SPHERE OUT
  local out=$2 seed
  mkdir -p "$out"
  compute "$1" best-of-n search --model embedded --problems embedded:train --limit 40 --seed 1 --strategy best-of-n --run run
  compute "$1" stages search --model embedded --small-model embedded-small --prm mc --problems embedded:train --limit 40 \
    --seed 1 --run run
  compute "$1" dpo train dpo --model embedded --pairs "$pairs" --adapter-out a.gguf "${dpo[@]}"
  if $quick; then
    compute "$1" demo-quick demo --quick --seed 1 --run run
    return
  fi
  for seed in 1 2 3; do compute "$1" "demo-$seed" demo --seed "$seed" --run run; done
  compute "$1" word-problems evolve --recipe "$top/recipes/word-problems.yaml" --run run
  [ -z "$model" ] || compute "$1" dpo-model train dpo --model "$model" --pairs "$pairs" --adapter-out a.gguf "${dpo[@]}"
}
everything "$launcher" "$work/$reference"
rm -rf "$work/here"
everything "$top/sphere" "$work/here"

bad=0 compared=0
while read -r file; do
  here=$work/here/${file#"$work/$reference/"}
  [ -e "$work/here/$(cut -d/ -f1 <<< "${file#"$work/$reference/"}").done" ] || continue # not asked for this time
  compared=$((compared + 1))
  case $file in
    *.gguf) python3 lab/studies/same_tensors.py "$file" "$here" || bad=$((bad + 1)) ;;
    *) cmp "$file" "$here" || bad=$((bad + 1)) ;;
  esac
done < <(find "$work/$reference" -name pairs.jsonl -o -name '*answers.jsonl' -o -name model.gguf -o -name a.gguf | sort)
[ $compared -gt 0 ] || { echo "same-bytes: nothing was compared"; exit 1; }
echo "same-bytes: $((compared - bad)) of $compared files are those of $reference"
exit $((bad > 0))
