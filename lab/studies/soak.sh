#!/usr/bin/env bash
# Grows random trees in caches too small for them, interrupts some, and checks every log-probability and the process's memory.
#
#   lab/run soak [SECONDS] [SEED]      default: 1800 s, seed 1
#
# Exit status 0: nothing wrong was found.
set -euo pipefail
# A heap of one size that is all touched at the start, and few malloc arenas: what grows is a leak.
export MALLOC_ARENA_MAX=2 SPHERE_JAVA_OPTS="-Xms128m -Xmx128m -XX:+AlwaysPreTouch -XX:+UseSerialGC"
exec "$(dirname "$0")/../java" dev.sphere.lab.soak.RolloutSoak "${1:-1800}" "${2:-1}" 48
