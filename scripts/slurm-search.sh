#!/usr/bin/env bash
# One search over a Slurm array: each task searches its shard, in a folder of its own in RUN. Change the lines below, then
#
#   sbatch --array=1-8 scripts/slurm-search.sh
#   ./sphere run merge runs/gsm8k             # when all have ended; names what is missing
#
# A task that was requeued, or that runs twice, harms nothing. To start some shards again: sbatch --array=3,7 (SHARDS stays).
#SBATCH --job-name=sphere-search
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --time=08:00:00
#SBATCH --requeue
#SBATCH --signal=B:TERM@120
#SBATCH --output=sphere-search-%A-%a.log
## For a GPU a task: #SBATCH --gpus-per-task=1
set -euo pipefail

SHARDS=${SHARDS:-8} # the array is 1-SHARDS, or some of these
MODEL=${MODEL:-model.gguf}
PROBLEMS=${PROBLEMS:-gsm8k_train.jsonl}
RUN=${RUN:-runs/gsm8k} # on a file system that all nodes see

cd "${SLURM_SUBMIT_DIR:-.}"
exec ./sphere search --model "$MODEL" --problems "$PROBLEMS" --run "$RUN" --shard "auto/$SHARDS"
