#!/usr/bin/env bash
# What preference training gains from each strategy's pairs, at the same budget of tokens a problem.
#   scripts/strategies.sh OUT [PROBLEMS] [BUDGET] [PRM]
# Searches the first PROBLEMS (default 300) of embedded:train by every strategy with BUDGET tokens each (default 2000) and
# the process reward PRM (default outcome), trains on the pairs (the demo's settings), and evaluates on 1,000 problems.
set -euo pipefail
out=${1:?usage: scripts/strategies.sh OUT [PROBLEMS] [BUDGET] [PRM]}
problems=${2:-300}
budget=${3:-2000}
prm=${4:-outcome}
sphere=${SPHERE:-$(dirname "$0")/../sphere}
mkdir -p "$out"
"$sphere" eval --model embedded --problems embedded:test --out "$out/base.jsonl" --json | tail -1 > "$out/base.json"
for strategy in sphere best-of-n beam dvts mcts rejection; do
  run=$out/$strategy
  "$sphere" search --model embedded --problems embedded:train --limit "$problems" --run "$run" --resume \
    --strategy "$strategy" --budget "$budget" --prm "$prm" --stages generation --json | tail -1 > "$run.search.json"
  "$sphere" train dpo --model embedded --method full --pairs "$run/pairs.jsonl" --model-out "$run.gguf" \
    --out "$run.train" --seed 1 --save-every 0 --loss sigmoid,sft --loss-weights 0.1,1 --beta 0.1 \
    --reject-first-step '\n' --learning-rate 3e-4 --epochs 3 > /dev/null
  "$sphere" eval --model "$run.gguf" --problems embedded:test --baseline "$out/base.jsonl" --json | tail -1 \
    > "$run.eval.json"
  echo "$strategy: $(cat "$run.search.json")"
  echo "  $(cat "$run.eval.json")"
done
