#!/usr/bin/env bash
# Grades GSM8K's published model solutions and compares each verdict with the flag that came with it.
#   lab/run gsm8k-grading EXAMPLE_MODEL_SOLUTIONS.jsonl [OUT_DIR]
# The file is grade_school_math/data/example_model_solutions.jsonl of openai/grade-school-math (MIT): 1,319 problems, four
# models, 5,276 solutions.
set -euo pipefail
lab=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 1 ] || { sed -n '2,5p' "$0" >&2; exit 2; }
[ -f "$1" ] || { echo "gsm8k-grading: $1: no such file" >&2; exit 2; }
solutions=$1
out=${2:-$(mktemp -d)}
mkdir -p "$out"
"$lab/java" dev.sphere.lab.grade.Gsm8kRows rows "$solutions" "$out/rows.jsonl" "$out/flags.txt"
"${SPHERE:-$lab/../sphere}" grade --in "$out/rows.jsonl" --out "$out/verdicts.jsonl"
"$lab/java" dev.sphere.lab.grade.Gsm8kRows compare "$out/verdicts.jsonl" "$out/flags.txt"
