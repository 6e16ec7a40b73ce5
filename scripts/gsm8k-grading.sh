#!/usr/bin/env bash
# Grades GSM8K's published model solutions and compares each verdict with the flag that came with it.
#   scripts/gsm8k-grading.sh EXAMPLE_MODEL_SOLUTIONS.jsonl [OUT_DIR]
# The file is grade_school_math/data/example_model_solutions.jsonl of openai/grade-school-math (MIT): 1,319 problems, four
# models, 5,276 solutions. Needs a built cli/target/sphere-engine.jar (./sphere builds it) and a JDK 25 (JAVA_HOME or PATH).
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 1 ] || { sed -n '2,5p' "$0" >&2; exit 2; }
[ -f "$1" ] || { echo "gsm8k-grading: $1: no such file" >&2; exit 2; }
solutions=$1
out=${2:-$(mktemp -d)}
mkdir -p "$out"
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
jar=$here/cli/target/sphere-engine.jar
"$java" -cp "$jar" "$here/scripts/Gsm8kRows.java" rows "$solutions" "$out/rows.jsonl" "$out/flags.txt"
"$java" --enable-native-access=ALL-UNNAMED -jar "$jar" grade --in "$out/rows.jsonl" --out "$out/verdicts.jsonl"
"$java" -cp "$jar" "$here/scripts/Gsm8kRows.java" compare "$out/verdicts.jsonl" "$out/flags.txt"
