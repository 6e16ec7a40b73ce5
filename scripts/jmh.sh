#!/usr/bin/env bash
# Runs the JMH benchmarks and reports ratios against the committed results. Reports only: a noisy machine fails nothing.
#
#   scripts/jmh.sh [--update] [JMH's own arguments, for instance: Grading -f 1]
#
# Results go to bench/target/jmh.json; --update puts them in the place of the committed ones, bench/results/jmh.json, where
# those of benchmarks that were not run stay.
set -euo pipefail
cd "$(dirname "$0")/.."
update=false; if [ "${1:-}" = --update ]; then update=true; shift; fi
[ -n "${JAVA_HOME:-}" ] && grep -q '^JAVA_VERSION="2[5-9]' "$JAVA_HOME/release" 2> /dev/null ||
  for JAVA_HOME in /usr/lib/jvm/*; do if grep -q '^JAVA_VERSION="2[5-9]' "$JAVA_HOME/release" 2> /dev/null; then break; fi; done
export JAVA_HOME
[ -n "${SPHERE_JMH_SKIP_BUILD:-}" ] || mvn -q -B -Pjmh -pl bench -am -DskipTests package
"$JAVA_HOME/bin/java" --enable-native-access=ALL-UNNAMED -jar bench/target/benchmarks.jar \
  -prof gc -rf json -rff bench/target/jmh.json -v EXTRA -o bench/target/jmh.log "$@"
results=bench/results/jmh.json
$update && into=$results || into=
"$JAVA_HOME/bin/java" -cp bench/target/benchmarks.jar dev.sphere.bench.Compare $results bench/target/jmh.json $into
