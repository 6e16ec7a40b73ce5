#!/usr/bin/env bash
# Grades a file of 1,000 hostile rows as a user would, and prints which rows took longest; none may take 2 s.
#   lab/run grade-hostile [OUT_DIR]
set -euo pipefail
lab=$(cd "$(dirname "$0")/.." && pwd)
out=${1:-$(mktemp -d)}
mkdir -p "$out"
"$lab/java" dev.sphere.lab.grade.HostileRows "$out/rows.jsonl"
time "${SPHERE:-$lab/../sphere}" grade --in "$out/rows.jsonl" --out "$out/verdicts.jsonl"
