#!/usr/bin/env bash
# What preference training gains from each strategy's pairs, at the same budget of tokens a problem.
# Numbers of pairs, and so of steps, differ between the strategies: lab/run demo-controls makes them equal.
#   [SEED=1] lab/run strategies OUT [PROBLEMS] [BUDGET] [PRM]
# Until version 0.2.0 beam, dvts and mcts were among them: search --strategy had these.
# Searches the first PROBLEMS (default 300) of embedded:train by every strategy with BUDGET tokens each (default 2000) and
# the process reward PRM (default outcome), trains on the pairs with the settings of recipes/word-problems.yaml, and evaluates on embedded:test.
# One line of JSON a strategy goes to OUT/results.jsonl; strategies that are there are not run again.
set -euo pipefail
out=${1:?usage: lab/run strategies OUT [PROBLEMS] [BUDGET] [PRM]}
problems=${2:-300}
budget=${3:-2000}
prm=${4:-outcome}
seed=${SEED:-1}
sphere=${SPHERE:-$(dirname "$0")/../../sphere}
mkdir -p "$out"
touch "$out/results.jsonl"
base=$out/base-answers.jsonl
[ -f "$base" ] || "$sphere" eval --model embedded --problems embedded:test --out "$base" > /dev/null 2>&1

for strategy in sphere best-of-n rejection; do
  ! grep -q "\"row\":\"$strategy\"" "$out/results.jsonl" || continue
  run=$out/$strategy
  search=$("$sphere" search --model embedded --problems embedded:train --limit "$problems" --run "$run" --resume \
    --strategy "$strategy" --budget "$budget" --prm "$prm" --stages generation --seed "$seed" --json 2> /dev/null | tail -n 1)
  tokens=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["tokens"])' <<< "$search")
  rm -rf "$run.train" "$run.gguf"
  "$sphere" train dpo --model embedded --method full --pairs "$run/pairs.jsonl" --model-out "$run.gguf" \
    --out "$run.train" --seed "$seed" --save-every 0 --loss sigmoid --beta 0.1 --learning-rate 6e-5 --epochs 2 \
    > /dev/null 2> "$run.err" || { cat "$run.err" >&2; exit 1; }
  result=$("$sphere" eval --model "$run.gguf" --problems embedded:test --baseline "$base" --json 2> /dev/null | tail -n 1)
  echo "{\"row\":\"$strategy\",\"pairs\":$(wc -l < "$run/pairs.jsonl"),\"seed\":$seed,\"search_tokens\":${tokens:-0},\"search\":$search,\"eval\":$result}" |
    tee -a "$out/results.jsonl"
done
