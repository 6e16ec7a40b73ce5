#!/usr/bin/env bash
# Controls of what was the demo until it had two rounds (recipes/word-problems.yaml): hurry, length, a base without hurry, equal numbers of pairs, pass@k (lab/notebooks/2026-11-26-demo-controls.md).
#   [SEEDS="1 2"] [CAREFUL=careful.gguf] lab/run demo-controls OUT [ROW...]
# One line of JSON a row and seed goes to OUT/results.jsonl; rows that are there are not run again. More words name the rows to run (all): names of
# arms and strategies, demo, pass, small, small-shuffled, careful. CAREFUL is the base without hurry; without it this makes one, by lab/recipes/embedded-careful.yaml.
set -euo pipefail
lab=$(cd "$(dirname "$0")/.." && pwd)
out=${1:?usage: lab/run demo-controls OUT [ROW...]}
shift
only=" $* "
sphere=${SPHERE:-$lab/../sphere}
pairs=448
mkdir -p "$out"
touch "$out/results.jsonl"

wanted() { [[ $only == "  " || $only == *" $1 "* ]] && ! grep -q "\"row\":\"$1\".*\"seed\":$2," "$out/results.jsonl"; }
# Answers of a model: made once.
answers() { # file, model, problems, flags
  [ -f "$1" ] || "$sphere" eval --model "$2" --problems "$3" --out "$1" --resume "${@:4}" > /dev/null 2> "$1.err" || { cat "$1.err" >&2; exit 1; }
}
report() { # row, seed, pairs, model's answers, base's answers
  local result
  result=$("$sphere" eval --regrade "$4" --baseline "$5" --json 2> /dev/null | tail -n 1)
  echo "{\"row\":\"$1\",\"seed\":$2,\"pairs\":$3,\"eval\":$result}" | tee -a "$out/results.jsonl"
}
train() { # row, seed, pairs' file, model (embedded), its answers
  wanted "$1" "$2" || return 0
  local name=$out/$2/$1
  rm -rf "$name" "$name.gguf"
  "$sphere" train dpo --model "${4:-embedded}" --method full --pairs "$3" --model-out "$name.gguf" --out "$name" --seed "$2" \
    --save-every 0 --loss sigmoid --beta 0.1 --learning-rate 6e-5 --epochs 2 > /dev/null 2> "$name.err" || { cat "$name.err" >&2; exit 1; }
  answers "$name.answers.jsonl" "$name.gguf" embedded:test
  report "$1" "$2" "$(wc -l < "$3")" "$name.answers.jsonl" "${5:-$out/base.jsonl}"
}

answers "$out/base.jsonl" embedded embedded:test
answers "$out/pool.jsonl" embedded embedded:train --limit 1500 --samples 16
for seed in ${SEEDS:-1 2}; do
  mkdir -p "$out/$seed"
  arms=$out/$seed/pairs
  [ -f "$arms/shuffled.jsonl" ] || "$lab/java" dev.sphere.lab.study.ControlPairs "$out/pool.jsonl" embedded:train "$arms" "$seed" $pairs
  for arm in right-over-wrong careful-over-hurried careful-wrong-over-hurried-right both-careful equal-length shuffled; do
    train $arm "$seed" "$arms/$arm.jsonl"
  done

  if wanted demo "$seed"; then
    (cat "$lab/../recipes/word-problems.yaml"; echo "seed: $seed") > "$out/$seed/demo.yaml"
    "$sphere" evolve --recipe "$out/$seed/demo.yaml" --run "$out/$seed/demo" --resume > /dev/null 2>> "$out/$seed/demo.err"
    report demo "$seed" "$(wc -l < "$out/$seed/demo/round-1/search/pairs.jsonl")" "$out/$seed/demo/round-1/answers.jsonl" "$out/base.jsonl"
  fi
  if wanted pass "$seed"; then
    answers "$out/base-16.jsonl" embedded embedded:test --samples 16
    answers "$out/$seed/demo-16.jsonl" "$out/$seed/demo/round-1/train/model.gguf" embedded:test --samples 16
    report pass "$seed" 0 "$out/$seed/demo-16.jsonl" "$out/base-16.jsonl"
    "$lab/java" dev.sphere.lab.study.Sampled "$out/base-16.jsonl" "$out/$seed/demo-16.jsonl" | tee "$out/$seed/pass.txt"
  fi

  for strategy in sphere best-of-n rejection; do # until version 0.2.0 beam, dvts and mcts too
    wanted $strategy "$seed" || continue
    run=$out/$seed/search-$strategy
    "$sphere" search --model embedded --problems embedded:train --limit 300 --run "$run" --resume --strategy $strategy \
      --budget 2000 --prm outcome --stages generation --seed "$seed" > /dev/null 2> "$run.err" || { cat "$run.err" >&2; exit 1; }
    # A choice by chance, the same for each strategy as far as their pairs are.
    awk -v seed="$seed" 'BEGIN { srand(seed) } { print rand() "\t" $0 }' "$run/pairs.jsonl" | sort -n | awk -v n=$pairs 'NR <= n' | cut -f 2- > "$run.jsonl"
    train $strategy "$seed" "$run.jsonl"
  done

  # embedded-small was trained without hurry too, but stopped in the middle of its schedule: hence the same pairs with shuffled labels beside it.
  if wanted small "$seed"; then
    sed "s|^model: .*|model: embedded-small|; /^small_model/d" "$lab/../recipes/word-problems.yaml" > "$out/small.yaml"
    echo "seed: $seed" >> "$out/small.yaml"
    "$sphere" evolve --recipe "$out/small.yaml" --run "$out/$seed/small" --resume > /dev/null 2>> "$out/$seed/small.err"
    report small "$seed" "$(wc -l < "$out/$seed/small/round-1/search/pairs.jsonl")" "$out/$seed/small/round-1/answers.jsonl" "$out/$seed/small/base-answers.jsonl"
  fi
  if [ -f "$out/$seed/small/round-1/search/pairs.jsonl" ]; then
    awk -v seed="$seed" 'BEGIN { srand(seed) } rand() < 0.5 {
      gsub(/"chosen/, "\"@"); gsub(/"rejected/, "\"chosen"); gsub(/"@/, "\"rejected") } { print }' \
      "$out/$seed/small/round-1/search/pairs.jsonl" > "$out/$seed/small-shuffled.pairs"
    train small-shuffled "$seed" "$out/$seed/small-shuffled.pairs" embedded-small "$out/$seed/small/base-answers.jsonl"
  fi

  if wanted careful "$seed"; then
    careful=${CAREFUL:-$out/careful/embedded.gguf}
    [ -f "$careful" ] || "$lab/run" embedded-model --model embedded --recipe "$lab/recipes/embedded-careful.yaml" --out "$out/careful"
    sed "s|^model: .*|model: $careful|" "$lab/../recipes/word-problems.yaml" > "$out/careful.yaml"
    echo "seed: $seed" >> "$out/careful.yaml"
    "$sphere" evolve --recipe "$out/careful.yaml" --run "$out/$seed/careful" --resume > /dev/null 2>> "$out/$seed/careful.err"
    report careful "$seed" "$(wc -l < "$out/$seed/careful/round-1/search/pairs.jsonl")" "$out/$seed/careful/round-1/answers.jsonl" "$out/$seed/careful/base-answers.jsonl"
  fi
done
