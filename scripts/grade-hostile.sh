#!/usr/bin/env bash
# Grades a file of 1,000 hostile rows as a user would, and prints which rows took longest; none may take 2 s.
#   scripts/grade-hostile.sh [OUT_DIR]
# Needs a built cli/target/sphere-engine.jar (./sphere builds it) and a JDK 25 (JAVA_HOME or PATH).
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
out=${1:-$(mktemp -d)}
mkdir -p "$out"
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
jar=$here/cli/target/sphere-engine.jar
"$java" -cp "$jar" "$here/scripts/HostileRows.java" "$out/rows.jsonl"
time "$java" --enable-native-access=ALL-UNNAMED -jar "$jar" grade --in "$out/rows.jsonl" --out "$out/verdicts.jsonl"
