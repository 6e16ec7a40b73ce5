#!/usr/bin/env bash
# Grows random trees in caches too small for them, interrupts some, and checks every log-probability and the process's memory.
#
#   scripts/soak.sh [SECONDS] [SEED]      default: 1800 s, seed 1
#
# Exit status 0: nothing wrong was found. Build first (./sphere --version does).
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
jar=$top/cli/target/sphere-engine.jar
[ -f "$jar" ] || { echo "soak: $jar is missing. Build it: mvn -q -DskipTests package" >&2; exit 2; }
java=java
for home in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
  if grep -q '^JAVA_VERSION="\(2[5-9]\|[3-9][0-9]\)' "$home/release" 2> /dev/null; then java=$home/bin/java; break; fi
done
# A heap of one size that is all touched at the start, and few malloc arenas: what grows is a leak.
MALLOC_ARENA_MAX=2 exec "$java" -Xms128m -Xmx128m -XX:+AlwaysPreTouch -XX:+UseSerialGC \
  --enable-native-access=ALL-UNNAMED -cp "$jar" dev.sphere.engine.decode.RolloutSoak "${1:-1800}" "${2:-1}" 48
