#!/usr/bin/env bash
# Search strategies (sphere, best-of-n, beam, dvts, mcts, rejection) on the same problems at the same budget of tokens.
#   lab/run compare --model embedded --prm prm.gguf --problems embedded:test --limit 200 --budgets 500,1000,2000 [--out DIR]
#   lab/run compare --help lists the options
set -euo pipefail
exec "$(dirname "$0")/../java" dev.sphere.lab.strategy.Compare "$@"
