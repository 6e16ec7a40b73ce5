#!/usr/bin/env bash
# Makes the embedded problem sets anew, with their hashes: what the engine carries as resources.
#   lab/run embedded-sets [FOLDER]      default: the engine's resources
set -euo pipefail
lab=$(cd "$(dirname "$0")/.." && pwd)
exec "$lab/java" dev.sphere.lab.problems.EmbeddedSets "${1:-$lab/../engine/src/main/resources/dev/sphere/engine/embedded}"
