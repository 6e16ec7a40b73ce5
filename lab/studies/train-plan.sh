#!/usr/bin/env bash
# What --dry-run says a run will take beside what it then takes: peak memory and seconds (docs/explanation/benchmarks.md).
#   lab/run train-plan OUT [SETTING ...]
# Models of random weights are made in OUT; VOCAB is a GGUF with Qwen2's vocabulary (llama.cpp's models/ggml-vocab-qwen2.gguf), or PEERS a
# folder that has qwen2.5-0.5b-random-{bf16,q8_0}.gguf already; the 7B one is 8 GB. MODEL: the file that "model-lora" trains on, for which one must ask. One line of JSON a setting goes to OUT/plan.jsonl.
set -euo pipefail
out=$1
shift
sphere=${SPHERE:-$(dirname "$0")/../../sphere}
mkdir -p "$out"

rows() { # name, rows, words of the prompt, words of a completion: every two rows share their prompt
  [ -f "$out/$1.jsonl" ] || awk -v n="$2" -v p="$3" -v c="$4" 'BEGIN {
    srand(3); split("one two three four five six seven eight nine ten is so then there are left more less", w, " ")
    for (i = 0; i < n; i++) {
      if (i % 2 == 0) { t = ""; for (k = 0; k < p; k++) t = t w[1 + int(rand() * 18)] " " }
      a = ""; b = ""; for (k = 0; k < c; k++) { a = a " " w[1 + int(rand() * 18)]; b = b " " w[1 + int(rand() * 18)] }
      printf "{\"prompt\":\"%s\",\"chosen\":\"%s\",\"rejected\":\"%s\"}\n", t, a, b
    } }' > "$out/$1.jsonl"
}
model() { # shape, type: a file
  local peer=${PEERS:-$HOME/.cache/sphere/peers}/$1-random-$2.gguf
  if [ -f "$peer" ]; then echo "$peer"; return; fi
  [ -f "$out/$1-$2.gguf" ] || "$sphere" model random --like "$1" ${VOCAB:+--vocab "$VOCAB"} --type "$2" --out "$out/$1-$2.gguf" > /dev/null
  echo "$out/$1-$2.gguf"
}
setting() { # name, then flags of train dpo
  local name=$1 plan run
  shift
  plan=$("$sphere" train dpo "$@" --out "$out/$name" --dry-run --json | tail -n 1)
  rm -rf "${out:?}/$name"
  run=$("$sphere" train dpo "$@" --out "$out/$name" --save-every 0 --json 2> /dev/null | tail -n 1)
  rm -rf "${out:?}/$name"
  echo "{\"setting\":\"$name\",\"plan\":$plan,\"run\":$run}" | tee -a "$out/plan.jsonl" | python3 -c '
import json, sys
r = json.loads(sys.stdin.readline()); p, m = r["plan"], r["run"]
print("| %s | %d | %d | %+.0f %% | %.1f | %.1f | %+.0f %% |" % (r["setting"], p["peak_bytes"] >> 20, m["peak_memory_bytes"] >> 20,
      100 * (p["peak_bytes"] / m["peak_memory_bytes"] - 1), p["seconds"], m["seconds"], 100 * (p["seconds"] / m["seconds"] - 1)))'
}
all=(embedded-full embedded-lora embedded-lora-more 30m-full 0.5b-bf16 0.5b-bf16-small 0.5b-q8_0 0.5b-bf16-more 7b-q8_0)
[ $# -gt 0 ] || set -- "${all[@]}"
rows short 64 40 30
rows more 640 40 30
rows long 8 400 100
for name in "$@"; do
  case $name in
    embedded-full) setting $name --model embedded --method full --data "$out/short.jsonl" --epochs 4 ;;
    embedded-lora) setting $name --model embedded --data "$out/short.jsonl" --epochs 4 ;;
    embedded-lora-more) setting $name --model embedded --data "$out/more.jsonl" --epochs 2 ;;
    model-lora) setting $name --model "${MODEL:?a GGUF file}" --data "$out/short.jsonl" --batch-pairs 8 --steps 4 ;;
    30m-full) setting $name --model "$(model qwen2-30m f32)" --method full --data "$out/long.jsonl" --batch-pairs 4 ;;
    0.5b-bf16) setting $name --model "$(model qwen2.5-0.5b bf16)" --data "$out/long.jsonl" --batch-pairs 4 --steps 1 ;;
    0.5b-bf16-small) setting $name --model "$(model qwen2.5-0.5b bf16)" --data "$out/long.jsonl" --batch-pairs 2 --steps 2 \
      --micro-batch-tokens 1024 --activation-mib 256 ;;
    0.5b-bf16-more) setting $name --model "$(model qwen2.5-0.5b bf16)" --data "$out/long.jsonl" --batch-pairs 2 --steps 2 \
      --lora-rank 64 --activation-mib 4096 ;;
    7b-q8_0) setting $name --model "$(model qwen2.5-7b q8_0)" --data "$out/short.jsonl" --batch-pairs 1 --steps 1 ;;
    0.5b-q8_0) setting $name --model "$(model qwen2.5-0.5b q8_0)" --data "$out/long.jsonl" --batch-pairs 2 --steps 2 ;;
    *) echo "no setting $name; there are ${all[*]}" >&2; exit 2 ;;
  esac
done
