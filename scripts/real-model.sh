#!/usr/bin/env bash
# Does a small model get better with its own data? Two rounds on easy word problems, with controls, for any GGUF.
#
#   scripts/real-model.sh MODEL.gguf [OUT]        OUT: default runs/real-model
#
# Agreement with llama.cpp; the base on problems that neither search nor training sees; then each round: a probe and a search, DPO,
# an evaluation against the round before; then controls. What is done is not done again, so the same command goes on where it
# was broken off. OUT/results.jsonl holds a line a figure, OUT/summary.txt what was found, OUT/pairs-to-read.txt 20 pairs to be read.
# SmolLM2-135M takes about two hours on two cores; the time of a larger model grows with its size.
#
# Environment: PROBLEMS (a round, 600), TESTS (400), SEED (1), STEPS (of the optimizer in the first round, 40), REPLAY (1: a later round
# also learns from the pairs of the rounds before it, with half of STEPS more for each; 0: from its own alone), RATE (learning rate, 1e-4),
# LOSS (sigmoid,sft),
# QUESTION (the user's turn; {question} stands for the problem), CONTROLS (1; 0: rounds alone), AGREE (1; 0: no comparison
# with llama.cpp), TRAINED (a copy of MODEL in another type to train and search, for instance BF16; default: MODEL), MERGE_TYPE (type of the merged
# models; default: what keeps the update).
set -euo pipefail
model=${1:?usage: scripts/real-model.sh MODEL.gguf [OUT]}
out=${2:-runs/real-model}
top=$(cd "$(dirname "$0")/.." && pwd)
sphere=${SPHERE:-$top/sphere}
problems=${PROBLEMS:-600} tests=${TESTS:-400} seed=${SEED:-1} steps=${STEPS:-40} rate=${RATE:-1e-4} loss=${LOSS:-sigmoid,sft}
question=${QUESTION:-"{question} Write the calculation in one line. End with: The answer is"}
mkdir -p "$out"
results=$out/results.jsonl
touch "$results"
log() { echo "$(date +%H:%M:%S) $*" >&2; }

# record NAME COMMAND...: runs a command whose last line is a JSON object, once; keeps the object as the result of that name.
record() {
  local name=$1 from json
  shift
  ! grep -q "^{\"name\":\"$name\"" "$results" || return 0
  log "$name"
  from=$(date +%s)
  json=$("$@" 2> "$out/$name.err" | tail -n 1) || { tail -n 5 "$out/$name.err" >&2; exit 1; }
  echo "{\"name\":\"$name\",\"wall_seconds\":$(($(date +%s) - from)),\"result\":$json}" >> "$results"
}
# field NAME KEY: a value of a recorded result.
field() {
  python3 - "$results" "$1" "$2" << 'PY'
import json, sys
print(next(row["result"][sys.argv[3]] for row in map(json.loads, open(sys.argv[1])) if row["name"] == sys.argv[2]))
PY
}

easy() { "$top/lab/java" dev.sphere.lab.problems.EasyProblems "$@"; }
[ -f "$out/train.jsonl" ] || easy train $((problems * 2)) "$seed" "$out/train.jsonl"
[ -f "$out/test.jsonl" ] || easy test "$tests" 1 "$out/test.jsonl"
head -n "$problems" "$out/train.jsonl" > "$out/train-1.jsonl"
tail -n "$problems" "$out/train.jsonl" > "$out/train-2.jsonl"

# measure NAME MODEL BASELINE [ADAPTER]: held-out problems, and what the model could do before.
measure() {
  local name=$1 model=$2 baseline=$3 adapter=()
  [ -z "${4:-}" ] || adapter=(--adapter "$4")
  [ -z "$baseline" ] || baseline=$out/$baseline-answers.jsonl
  record "$name-test" "$sphere" eval --model "$model" "${adapter[@]}" --problems "$out/test.jsonl" --question "$question" --max-tokens 100 \
    --out "$out/$name-answers.jsonl" --markdown "$out/$name-test.md" ${baseline:+--baseline "$baseline"} --resume --json
  for kept in chat text; do
    record "$name-$kept" "$sphere" score --model "$model" "${adapter[@]}" \
      --in "$top/lab/studies/real-model/$kept.jsonl" --out "$out/$name-$kept.jsonl" --json
  done
}
# sampled NAME MODEL: pass@k and maj@k of 8 samples of the first 200 test problems.
sampled() {
  record "$1-samples" "$sphere" eval --model "$2" --problems "$out/test.jsonl" --limit 200 --no-greedy --samples 8 --question "$question" \
    --max-tokens 100 --out "$out/$1-samples.jsonl" --resume --json
}
# search NAME MODEL PROBLEMS [FLAGS]: pairs in OUT/NAME.
search() {
  local name=$1 model=$2 file=$3
  shift 3
  record "$name-search" "$sphere" search --model "$model" --problems "$file" --run "$out/$name" --resume --question "$question" \
    --separator $'\n' --max-tokens 60 --max-step-tokens 48 --depth 6 --pairing any --stages generation --parallel 32 --seed "$seed" --json "$@"
}
sphere_search() {
  search "$@" --prm mc --rollouts 4 --candidates 5 --early-stop --probe 16 --pass-rate 0.06..0.6
}
# dpo NAME MODEL PAIRS STEPS: the adapter OUT/NAME.gguf.
dpo() {
  record "$1-train" "$sphere" train dpo --model "$2" --pairs "$3" --adapter-out "$out/$1.gguf" --resume --learning-rate "$rate" --loss "$loss" --beta 0.1 \
    --lora-rank 16 --batch-pairs 16 --steps "$4" --seed "$seed" --json
}

# imitate NAME MODEL PAIRS STEPS: the adapter OUT/NAME.gguf, by the distinct chosen solutions of the pairs.
imitate() {
  python3 - "$3" "$out/$1.jsonl" << 'PY'
import json, sys
with open(sys.argv[2], "w") as rows:
    for prompt, chosen in dict.fromkeys((p["prompt"], p["chosen"]) for p in map(json.loads, open(sys.argv[1]))):
        print(json.dumps({"prompt": prompt, "completion": chosen}), file=rows)
PY
  record "$1-train" "$sphere" train sft --model "$2" --data "$out/$1.jsonl" --adapter-out "$out/$1.gguf" --resume --learning-rate "$rate" \
    --lora-rank 16 --batch-size 16 --steps "$4" --seed "$seed" --json
}

if [ "${AGREE:-1}" != 0 ] && [ ! -f "$out/agreement.json" ]; then
  log agreement
  "$top/lab/java" dev.sphere.lab.agree.Agreement "$model" "$out/agreement.json" > "$out/agreement.txt" ||
    log "not all of llama.cpp's tokens and log-probabilities: see $out/agreement.txt"
  python3 "$top/lab/templates/compare.py" --model "$model" > "$out/template.txt" || log "the chat template differs: see $out/template.txt"
fi

base=${TRAINED:-$model}
measure base "$base" ""
sampled base "$base"
before=base
now=$base
for round in 1 2; do
  sphere_search "round-$round" "$now" "$out/train-$round.jsonl"
  pairs=$out/round-$round/pairs.jsonl more=0
  if [ "${REPLAY:-1}" != 0 ] && [ $round -gt 1 ]; then
    pairs=$out/replay-$round.jsonl more=$((steps * (round - 1) / 2))
    for ((earlier = 1; earlier <= round; earlier++)); do cat "$out/round-$earlier/pairs.jsonl"; done > "$pairs"
  fi
  dpo "sphere-$round" "$now" "$pairs" $((steps + more))
  measure "sphere-$round" "$now" $before "$out/sphere-$round.gguf"
  record "merge-$round" "$sphere" model merge --model "$now" --adapter "$out/sphere-$round.gguf" --out "$out/merged-$round.gguf" \
    ${MERGE_TYPE:+--type "$MERGE_TYPE"} --json
  now=$out/merged-$round.gguf
  before=sphere-$round
done
measure merged-1 "$out/merged-1.gguf" sphere-1
sampled sphere-2 "$now"

# Twenty pairs for a reader, spread over the first round.
python3 - "$out/round-1/pairs.jsonl" > "$out/pairs-to-read.txt" << 'PY'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
for i in range(min(20, len(rows))):
    row = rows[i * len(rows) // min(20, len(rows))]
    print(f"{i + 1}. {row['prompt'][-240:]!r}\n   + {row['chosen']!r}\n   - {row['rejected']!r}")
PY

if [ "${CONTROLS:-1}" != 0 ]; then
  # Imitation of what the pairs of a round choose, from the model that the round began with, in as many steps.
  imitate sft "$base" "$out/round-1/pairs.jsonl" "$steps"
  measure sft "$base" base "$out/sft.gguf"
  imitate sft-2 "$out/merged-1.gguf" "$pairs" $((steps + more))
  measure sft-2 "$out/merged-1.gguf" sphere-1 "$out/sft-2.gguf"

  # Labels at random.
  python3 - "$out/round-1/pairs.jsonl" "$out/shuffled.jsonl" "$seed" << 'PY'
import json, random, sys
draw = random.Random(int(sys.argv[3]))
with open(sys.argv[2], "w") as shuffled:
    for line in open(sys.argv[1]):
        p = json.loads(line)
        row = {k: p[k] for k in ("prompt", "chosen", "rejected")}
        if draw.random() < 0.5:
            row["chosen"], row["rejected"] = row["rejected"], row["chosen"]
        print(json.dumps(row), file=shuffled)
PY
  dpo shuffled "$base" "$out/shuffled.jsonl" "$steps"
  measure shuffled "$base" base "$out/shuffled.gguf"

  spent=$(field round-1-search tokens)
  search best-of-n "$base" "$out/train-1.jsonl" --strategy best-of-n --budget $((spent / problems))
  dpo best-of-n "$base" "$out/best-of-n/pairs.jsonl" "$steps"
  measure best-of-n "$base" base "$out/best-of-n.gguf"

  # The whole budget in one round.
  sphere_search one-round "$base" "$out/train-2.jsonl"
  cat "$out/round-1/pairs.jsonl" "$out/one-round/pairs.jsonl" > "$out/one-round-pairs.jsonl"
  dpo one-round "$base" "$out/one-round-pairs.jsonl" $((steps * 2))
  measure one-round "$base" base "$out/one-round.gguf"
fi

python3 - "$results" "$out" << 'PY' | tee "$out/summary.txt"
import json, sys
done = {}
for line in open(sys.argv[1]):
    row = json.loads(line)
    done[row["name"]] = row
out = sys.argv[2]
def nats(name, kind):
    if f"{name}-{kind}" not in done:
        return float("nan")
    total = tokens = 0
    for line in open(f"{out}/{name}-{kind}.jsonl"):
        row = json.loads(line)
        total -= row["logprob"]
        tokens += len(row["tokens"])
    return total / tokens
against = {"sphere-2": "sphere-1", "merged-1": "sphere-1", "sft-2": "sphere-1"}
print(f"{'arm':12} {'right':>7} {'of':>4} {'against':>9} {'won':>4} {'lost':>4} {'p':>7}   nats a token: chat, text")
for name in ["base", "sphere-1", "merged-1", "sphere-2", "best-of-n", "sft", "sft-2", "shuffled", "one-round"]:
    if f"{name}-test" not in done:
        continue
    r = done[f"{name}-test"]["result"]
    c = r.get("comparison") or {"won": 0, "lost": 0, "p_value": 1}
    print(f"{name:12} {r['correct']:7} {r['n']:4} {against.get(name, 'base'):>9} {c['won']:4} {c['lost']:4} {c['p_value']:7.2g}   "
          f"{nats(name, 'chat'):.3f} {nats(name, 'text'):.3f}")
for name, row in done.items():
    if name.endswith("-search"):
        r = row["result"]
        print(f"{name}: {r['problems']} problems, {r['pairs']['all']} pairs, {r['tokens']} tokens, {row['wall_seconds']} s")
PY
