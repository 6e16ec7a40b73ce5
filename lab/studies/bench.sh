#!/usr/bin/env bash
# Sphere beside llama.cpp's loops and beside memory's speed: rollouts, trees, scoring, kernels, caches, products; figures taken in turns.
#   lab/run bench COMMAND [OPTION ...]      lab/run bench --help lists the commands, lab/run bench COMMAND --help the options
# Nothing else should run meanwhile. llama.cpp's own tools: lab/run bench-peers; parts alone: lab/run jmh.
set -euo pipefail
exec "$(dirname "$0")/../java" dev.sphere.lab.bench.Bench "$@"
