#!/usr/bin/env bash
# How the log-probabilities that rollouts record differ from what scoring and the trainer's reference compute for the same tokens.
#   lab/run rollout-log-probs MODEL.gguf PROBLEMS [OUT_DIR] [N] [TOKENS]
# Draws an answer of at most TOKENS (default 160) tokens to each of the first N (default 32) problems with each kind of
# activations, and computes the drawn tokens' log-probabilities again in every way. Needs python3.
set -euo pipefail
lab=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 2 ] || { sed -n '2,5p' "$0" >&2; exit 2; }
model=$1
problems=$2
out=${3:-$(mktemp -d)}
mkdir -p "$out"
again() { "$lab/java" dev.sphere.lab.study.RolloutLogProbs "$@"; }
for drawn in bf16 int8 f32; do
  [ -f "$out/draw-$drawn.jsonl" ] || again draw "$model" $drawn "$out/draw-$drawn.jsonl" "$problems" "${4:-32}" "${5:-160}"
  [ -f "$out/score-$drawn.jsonl" ] || again score "$model" $drawn "$out/score-$drawn.jsonl" "$out/draw-$drawn.jsonl"
  for trained in bf16 int8 f32; do
    rows=$out/train-$drawn-$trained.jsonl
    [ -f "$rows" ] || again train "$model" $trained "$rows" "$out/draw-$drawn.jsonl"
  done
done
python3 - "$out" << 'END'
import json, sys
def read(name):
    return [json.loads(line)["logProbs"] for line in open(f"{sys.argv[1]}/{name}.jsonl")]
def deviation(xs):
    return (sum(x * x for x in xs) / len(xs)) ** 0.5
for drawn in ("bf16", "int8", "f32"):
    rollouts = read(f"draw-{drawn}")
    tokens = sum(map(len, rollouts))
    print(f"{len(rollouts)} rollouts in {drawn}, {tokens / len(rollouts):.0f} tokens on average")
    for name in [f"score-{drawn}"] + [f"train-{drawn}-{trained}" for trained in ("bf16", "int8", "f32")]:
        others = read(name)
        each = [b - a for x, y in zip(rollouts, others) for a, b in zip(x, y)]
        sums = [sum(y) - sum(x) for x, y in zip(rollouts, others)]
        print(f"  {name:16s} a token {deviation(each):.4f} (largest {max(map(abs, each)):.3f}), an answer {deviation(sums):.3f} "
              f"(largest {max(map(abs, sums)):.2f}, mean {sum(sums) / len(sums):+.3f}) nats")
END
