#!/usr/bin/env bash
# Process rewards and strategies on the embedded model, for lab/notebooks/2026-11-25-embedded-experiments.md.
#   lab/run rewards OUT [PROBLEMS]
# Trains a reward model on the Monte Carlo labels of a search over the first PROBLEMS (default 400) of embedded:train,
# measures it beside mc, implicit and random (eval prm), and compares the strategies with it at equal cost (lab/run compare).
# What is there is not done again.
set -euo pipefail
out=${1:?usage: lab/run rewards OUT [PROBLEMS]}
problems=${2:-400}
sphere=${SPHERE:-$(dirname "$0")/../../sphere}
mkdir -p "$out"

# 1. Labels: every candidate of the trees has its share of right rollouts.
"$sphere" search --model embedded --problems embedded:train --limit "$problems" --run "$out/search" --resume \
  --candidates 4 --rollouts 8 --pairing any --stages generation --seed 1 --json | tail -n 1 > "$out/search.json"

# 2. Reward models of our own (two label tokens; two classes on the hidden state), and a policy that DPO made better,
#    for the implicit reward.
for form in token head; do
  [ -f "$out/prm-$form.gguf" ] || "$sphere" train prm --model embedded --run "$out/search" --form $form \
    --model-out "$out/prm-$form.gguf" --out "$out/prm-$form.train" --method full --learning-rate 3e-4 --epochs 2 --seed 1 \
    --save-every 0 > /dev/null
done
[ -f "$out/dpo.gguf" ] || "$sphere" train dpo --model embedded --run "$out/search" --model-out "$out/dpo.gguf" \
  --out "$out/dpo.train" --method full --learning-rate 6e-5 --epochs 2 --seed 1 --save-every 0 > /dev/null

# 3. Is a reward worth its price? The implicit one judges the same solutions: of the base, by the log-ratio.
measure() { # name, reward
  [ -f "$out/prm-$1.json" ] || "$sphere" eval prm --model embedded --prm "$2" --steps embedded:steps \
    --problems embedded:validation --limit 300 --samples 8 --json | tail -n 1 > "$out/prm-$1.json"
  echo "$1: $(cat "$out/prm-$1.json")"
}
measure random random
measure token "$out/prm-token.gguf"
measure head "$out/prm-head.gguf"
measure implicit "implicit:$out/dpo.gguf,embedded"
measure small "implicit:embedded,embedded-small"
measure mc mc

# 4. Strategies at equal cost, chosen by the reward model, which does not know the answers.
[ -f "$out/compare/compare.json" ] || "$(dirname "$0")/../java" dev.sphere.lab.strategy.Compare --model embedded --prm "$out/prm-token.gguf" \
  --problems embedded:validation --limit 200 --budgets 500,1500 --seed 1 --out "$out/compare" > /dev/null
cat "$out/compare/compare.md"
