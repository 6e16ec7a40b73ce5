#!/usr/bin/env bash
# Makes an embedded model anew, from random weights, by lab/recipes/embedded-model.yaml (24 minutes on 2 cores).
#   lab/run embedded-model --model embedded|embedded-small --out DIR [--recipe FILE] [--threads N]
set -euo pipefail
lab=$(cd "$(dirname "$0")/.." && pwd)
[[ " $* " == *" --recipe"* ]] || set -- --recipe "$lab/recipes/embedded-model.yaml" "$@"
exec "$lab/java" dev.sphere.lab.embedded.MakeModel "$@"
