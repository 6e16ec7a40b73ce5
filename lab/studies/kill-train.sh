#!/usr/bin/env bash
# kill -9 at chance moments of a training run, then --resume, again and again; at the end the same bytes as of a run that nobody disturbed.
#   lab/run kill-train OUT [KILLS]
set -euo pipefail
out=$1
kills=${2:-8}
sphere=${SPHERE:-$(dirname "$0")/../../sphere}
rm -rf "$out"
mkdir -p "$out"
awk 'BEGIN { srand(5); for (i = 0; i < 64; i++) { a = int(rand() * 90); b = int(rand() * 90)
  printf "{\"prompt\":\"What is %d+%d?\\n\",\"chosen\":\"It is %d.\",\"rejected\":\"It is %d, so %d.\"}\n", a, b, a + b, a + b + 1, i } }' \
  > "$out/pairs.jsonl"
train() { # folder
  "$sphere" train dpo --model embedded --data "$out/pairs.jsonl" --epochs 20 --save-every 1 --out "$out/$1" --resume > "$out/$1.log" 2>&1
}
train whole
RANDOM=7
for ((i = 0; i < kills; i++)); do
  { train killed; } 2> /dev/null &
  job=$!
  sleep "$((1 + RANDOM % 4)).$((RANDOM % 10))"
  child=$(pgrep -P "$job" | head -1 || true)
  kill -9 ${child:-$job} 2> /dev/null || true
  wait "$job" 2> /dev/null || true
  echo "killed with $(ls "$out/killed/checkpoints" 2> /dev/null | tail -1)"
done
train killed
cmp "$out/whole/adapter.gguf" "$out/killed/adapter.gguf"
echo "the same bytes"
