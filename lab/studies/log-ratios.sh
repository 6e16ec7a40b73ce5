#!/usr/bin/env bash
# What rounding does to log-ratios: a model with an adapter that changes next to nothing against the same model without.
#   lab/run log-ratios MODEL.gguf EXAMPLE_MODEL_SOLUTIONS.jsonl [OUT_DIR]
# Makes 64 pairs of GSM8K's published model solutions (see gsm8k-grading), trains 6 steps of DPO at a learning rate of 1e-8
# with beta 1, and scores 32 completions with the adapter and without, with each kind of activations. Every margin and every
# log-ratio should be 0. Needs python3.
set -euo pipefail
lab=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 2 ] || { sed -n '2,6p' "$0" >&2; exit 2; }
[ -f "$2" ] || { echo "log-ratios: $2: no such file" >&2; exit 2; }
model=$1
out=${3:-$(mktemp -d)}
mkdir -p "$out"
sphere=${SPHERE:-$lab/../sphere}
python3 - "$2" "$out" << 'END'
import json, random, sys
models = ["6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"]
pairs = []
for line in open(sys.argv[1]):
    row = json.loads(line)
    right = [row[m]["solution"] for m in models if row[m]["is_correct"]]
    wrong = [row[m]["solution"] for m in models if not row[m]["is_correct"]]
    if right and wrong and len(right[0]) > 300 and len(wrong[0]) > 300:
        pairs.append({"prompt": row["question"], "chosen": right[0], "rejected": wrong[0]})
random.seed(1)
random.shuffle(pairs)
pairs = pairs[:64]
with open(sys.argv[2] + "/pairs.jsonl", "w") as f:
    f.writelines(json.dumps(p) + "\n" for p in pairs)
with open(sys.argv[2] + "/rows.jsonl", "w") as f:
    for i, p in enumerate(pairs[:16]):
        for side in ("chosen", "rejected"):
            f.write(json.dumps({"id": f"{i}{side}", "prompt": p["prompt"], "completion": p[side]}) + "\n")
END
"$sphere" train dpo --model "$model" --pairs "$out/pairs.jsonl" --adapter-out "$out/adapter.gguf" --out "$out/train" \
  --learning-rate 1e-8 --beta 1 --steps 6 --batch-pairs 8 --seed 0
for activations in int8 bf16 f32; do
  "$sphere" score --model "$model" --activations $activations --in "$out/rows.jsonl" --out "$out/without-$activations.jsonl"
  "$sphere" score --model "$model" --activations $activations --in "$out/rows.jsonl" --out "$out/with-$activations.jsonl" \
    --adapter "$out/adapter.gguf"
done
python3 - "$out" << 'END'
import json, sys
out = sys.argv[1]
def logprobs(name):
    return [json.loads(line)["logprob"] for line in open(f"{out}/{name}.jsonl")]
def deviation(xs):
    return (sum(x * x for x in xs) / len(xs)) ** 0.5
margins = [json.loads(line)["rewards/margins"] for line in open(f"{out}/train/metrics.jsonl")]
print("margins in training:", ", ".join(f"{m:.2f}" for m in margins))
exact = logprobs("without-f32")
for kind in ("int8", "bf16", "f32"):
    before, after = logprobs(f"without-{kind}"), logprobs(f"with-{kind}")
    ratios = [a - b for a, b in zip(after, before)]
    off = deviation([b - e for b, e in zip(before, exact)])
    print(f"{kind}: log-ratio {deviation(ratios):.3f} (largest {max(map(abs, ratios)):.3f}), against f32 {off:.2f} nats")
END
