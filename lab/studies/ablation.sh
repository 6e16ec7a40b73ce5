#!/usr/bin/env bash
# The stages' ablation, the controls and the step-level rows of lab/notebooks/2026-11-25-embedded-experiments.md, from one run on word problems:
#   ./sphere evolve --recipe recipes/word-problems.yaml --run runs/words
#   lab/run ablation runs/words/round-1/search runs/ablation
# Every row trains the embedded model with that recipe's settings, but for what the row's name says, and evaluates it on
# embedded:test. One line of JSON a row goes to OUT/results.jsonl; rows that are there are not run again. More words name the rows to run (all).
set -euo pipefail
search=$1
out=$2
shift 2
only=" $* "
seed=${SEED:-1}
sphere=${SPHERE:-$(dirname "$0")/../../sphere}
mkdir -p "$out"
touch "$out/results.jsonl"
pairs=$search/pairs.jsonl

stages() { grep -E "\"stage\":\"($1)\"" "$pairs" > "$out/$2.jsonl"; }
stages generation stage-1
stages 'generation|correction' stages-1-2
cp "$pairs" "$out/stages-1-2-3.jsonl"
# Labels by the toss of a coin: chosen and rejected change places in half of the rows.
awk 'BEGIN { srand(7) } rand() < 0.5 {
    gsub(/"chosen/, "\"@"); gsub(/"rejected/, "\"chosen"); gsub(/"@/, "\"rejected") } { print }' \
  "$pairs" > "$out/shuffled.jsonl"

base=$out/base-answers.jsonl
[ -f "$base" ] || "$sphere" eval --model embedded --problems embedded:test --out "$base" > /dev/null 2>&1

row() { # name, pairs (rows of OUT, or the search's own folder), flags of train dpo
  local name=$1 data=$out/$2.jsonl
  [ "$2" != run ] || data=$search
  shift 2
  [[ $only == "  " || $only == *" $name "* ]] || return 0
  ! grep -q "\"row\":\"$name\"" "$out/results.jsonl" || return 0
  rm -rf "${out:?}/$name" "$out/$name.gguf"
  "$sphere" train dpo --model embedded --method full --pairs "$data" --model-out "$out/$name.gguf" \
    --out "$out/$name" --seed "$seed" --save-every 0 --json "$@" > "$out/$name.json" 2> "$out/$name.err" || { cat "$out/$name.err" >&2; exit 1; }
  local result
  result=$("$sphere" eval --model "$out/$name.gguf" --problems embedded:test --baseline "$base" --json 2> /dev/null | tail -n 1)
  echo "{\"row\":\"$name\",\"pairs\":$(grep -o '"rows":[0-9]*' "$out/$name.json" | tail -n 1 | tr -dc 0-9),\"seed\":$seed,\"train\":$(tail -n 1 "$out/$name.json"),\"eval\":$result}" | tee -a "$out/results.jsonl"
}
dpo=(--loss sigmoid --beta 0.1 --learning-rate 6e-5)
words=("${dpo[@]}" --epochs 2)
row stage-1 stage-1 "${words[@]}"
row stages-1-2 stages-1-2 "${words[@]}"
row stages-1-2-3 stages-1-2-3 "${words[@]}"
row sft-on-chosen stages-1-2-3 --loss sft --learning-rate 6e-5 --epochs 2
row sft-on-chosen-faster stages-1-2-3 --loss sft --learning-rate 1e-4 --epochs 2
row shuffled shuffled "${words[@]}"
row first-step stages-1-2-3 "${words[@]}" --reject-first-step '\n'
row mixed stages-1-2-3 --loss sigmoid,sft --loss-weights 0.1,1 --beta 0.1 --reject-first-step '\n' --learning-rate 1e-4 --epochs 2
# Step-level pairs: the two first steps that differ (Step-DPO), and every S_max against its sibling S_min in the trees.
row step-pairs stages-1-2-3 "${words[@]}" --step-pairs '\n'
row step-pairs-longer stages-1-2-3 "${dpo[@]}" --step-pairs '\n' --epochs 4
row siblings run "${words[@]}" --siblings
row siblings-one-epoch run "${dpo[@]}" --siblings --epochs 1
row siblings-margin run "${words[@]}" --siblings --sibling-margin 0.5
row wpo stages-1-2-3 "${words[@]}" --wpo
row weighted-imitation stages-1-2-3 --loss sigmoid,sft --loss-weights 1,0.1 --beta 0.1 --learning-rate 6e-5 --epochs 2
