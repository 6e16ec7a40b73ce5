#!/usr/bin/env bash
# The study of rounds: all arms of lab/notebooks/2026-11-26-do-rounds-teach.md on a base that has seen classes 1 to 3 of a task alone.
#   [BASE=1] [SEED=1] [ROUNDS=3] lab/run rounds TASK OUT [ARM...]
# TASK is chain, bind or countdown. Arms: sphere-1, sphere-12, sphere-123 (by stages), sphere-sft, star, independent, one-round, one-round-1, classes-1-3, shuffled; all of them
# without a name, none (the base alone). A line of JSON an arm and round goes to OUT/results.jsonl; what is there is not run again. Then: lab/java dev.sphere.lab.study.RoundsReport OUT
# sphere-sft (the search of sphere-123, and imitation of the right solutions that it paid for) and one-round-1 (one-round by the first stage alone) came later than the plan.
# Equal for all arms: TOKENS generated a round (default 1200000; a round stops at the first part of its problems that exceeds it) and TRAINED tokens that
# the optimizer sees a round (default 250000, by the number of steps). Both are in the results as they came out.
# LOSS (sigmoid,sft), WEIGHTS (0.03,1), BETA (0.1), RATE, SFT_RATE and BATCH (16 pairs a step) are chosen on the validation set of base 1 (VALIDATE=1 evaluates there, and not on the test set). PROBLEMS
# ("1000 100 150", a class of search, validation and test), BASE_ROWS (40000 dialogues, each learned once), LONGEST (operations of their longest problem, idle ones among
# them: 11, in countdown 5), FROM (what a base is made from: embedded-small) and SAMPLES (64, for pass@k of the base) make a
# smaller study, for a try. BUDGET (1000) are the tokens a problem of the arms that draw independently.
set -euo pipefail
lab=$(cd "$(dirname "$0")/.." && pwd)
task=${1:?usage: lab/run rounds TASK OUT [ARM...]}
out=${2:?usage: lab/run rounds TASK OUT [ARM...]}
shift 2
[ $# -gt 0 ] || set -- sphere-1 sphere-12 sphere-123 sphere-sft star independent one-round one-round-1 classes-1-3 shuffled
sphere=${SPHERE:-$lab/../sphere}
base=${BASE:-1} seed=${SEED:-1} rounds=${ROUNDS:-3} tokens=${TOKENS:-1200000} trained=${TRAINED:-250000}
rate=${RATE:-3e-5} sft_rate=${SFT_RATE:-1e-4}
held="test"
[ -z "${VALIDATE:-}" ] || held="validation"
depth=16 longest=${LONGEST:-11} batch=128 # of a search, in lines; of the base's problems, in operations; of the base's training, in dialogues
case $task in
  bind) depth=24 batch=32 ;; # a look-up and an operation for each of the nine; looking up takes many steps to learn
  countdown) longest=${LONGEST:-5} batch=32 ;; # six numbers
esac
parts=20 # of a round's problems: what is searched at a time
mkdir -p "$out"
touch "$out/results.jsonl"

quiet() { "$@" > /dev/null 2> "$out/last.err" || { cat "$out/last.err" >&2; exit 1; }; }
number() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; } # of a JSON object, not of what is in it

sets=$out/sets
# shellcheck disable=SC2086  # PROBLEMS are several numbers
[ -f "$sets/$task-sft.jsonl" ] || quiet "$lab/java" dev.sphere.lab.study.StudySets "$task" "$sets" ${PROBLEMS:-1000 100 150} "${BASE_ROWS:-40000}" "$longest"

bases=$out/base-$base
# A base: all weights of an embedded model learn classes 1 to 3, in the order of the file: short problems first. Another base has other dialogues.
make() { # embedded model, base, corpus
  [ ! -f "$bases/$2.gguf" ] || return 0
  mkdir -p "$bases"
  [ -f "$bases/$2-start.gguf" ] || quiet "$lab/java" dev.sphere.lab.study.StudyStart "$1" "$bases/$2-start.gguf" "embedded-$2"
  quiet "$sphere" train sft --model "$bases/$2-start.gguf" --method full --data "$3" --model-out "$bases/$2.gguf" \
    --out "$bases/$2.run" --resume --seed "$base" --batch-size $batch --epochs 1 --order given --learning-rate 1e-3 --schedule wsd --warmup 40 \
    --weight-decay 0.1 --max-grad-norm 1 --max-length 1400 --save-every 100
}
corpus=$sets/$task-base-$base.jsonl
make "${FROM:-embedded-small}" "$task" "$corpus"
small() { # the model of stage 3, which knows less, whatever the base is made from
  [ -f "$bases/quarter.jsonl" ] || awk 'NR % 4 == 1' "$corpus" > "$bases/quarter.jsonl"
  make embedded-small "$task-small" "$bases/quarter.jsonl"
}
evaluate() { # model, answers, flags
  [ -f "$2" ] || quiet "$sphere" eval --model "$1" --problems "$sets/$task-$held.jsonl" --max-tokens 512 --out "$2" --resume "${@:3}"
}
# pass@64 of the base says which classes it cannot solve.
[ "$held" = validation ] || evaluate "$bases/$task.gguf" "$bases/$held.jsonl" --samples "${SAMPLES:-64}"
evaluate "$bases/$task.gguf" "$bases/$held.jsonl"

# Searches parts of a round's problems until the tokens are spent: run, model, problems, budget, flags. Says how many were generated.
search() {
  local run=$1 spent=0 i=1 made=() found
  [ ! -f "$run.tokens" ] || { cat "$run.tokens"; return; }
  while [ "$i" -le $parts ] && [ "$spent" -lt "$4" ]; do
    found=$("$sphere" search --model "$2" --problems "$3" --run "$run-$i" --shard $i/$parts --resume --seed "$seed" \
      --depth $depth --json "${@:5}" 2> "$out/last.err" | tail -n 1) || { cat "$out/last.err" >&2; exit 1; }
    spent=$((spent + $(number tokens <<< "$found")))
    made+=("$run-$i")
    i=$((i + 1))
  done
  [ -d "$run" ] || { if [ ${#made[@]} -gt 1 ]; then quiet "$sphere" run merge --out "$run" "${made[@]}"; else cp -r "${made[0]}" "$run"; fi; }
  echo $spent | tee "$run.tokens"
}
# Trains until the optimizer has seen so many tokens: kind (dpo, sft), model, out, budget, flags. Says how many.
train() {
  local plan each steps
  plan=$("$sphere" train "$1" --model "$2" --method full --out "$3.run" --dry-run --json "${@:5}" 2> "$out/last.err" | tail -n 1) || { cat "$out/last.err" >&2; exit 1; }
  number rows <<< "$plan" > "$3.rows"
  each=$(($(number tokens <<< "$plan") / $(number steps <<< "$plan")))
  steps=$((($4 + each / 2) / each))
  [ "$steps" -gt 0 ] || steps=1 # 0 would be a whole epoch
  rm -rf "$3.run"
  quiet "$sphere" train "$1" --model "$2" --method full --model-out "$3.gguf" --out "$3.run" --seed "$seed" --save-every 0 --type f32 --steps "$steps" "${@:5}"
  tail -n 1 "$3.run/metrics.jsonl" | number num_tokens
}

tree=(--prm mc --max-tokens 512 --rollouts 4 --candidates 5 --early-stop --pairing any --probe 8 --pass-rate 0.1..0.9)
samples=(--strategy best-of-n --budget "${BUDGET:-1000}" --prm outcome --stages generation)
dpo=(--loss "${LOSS:-sigmoid,sft}" --loss-weights "${WEIGHTS:-0.03,1}" --beta "${BETA:-0.1}" --learning-rate "$rate" --batch-pairs "${BATCH:-16}")
[ "$*" != none ] || exit 0
for arm in "$@"; do
  model=$bases/$task.gguf
  last=$rounds
  case $arm in one-round*) last=1 ;; esac
  for round in $(seq "$last"); do
    here=$out/$base-$seed/$arm/$round
    mkdir -p "$here"
    if ! grep -q "\"arm\":\"$arm\",\"base\":$base,\"seed\":$seed,\"round\":$round,\"set\":\"$held\"" "$out/results.jsonl"; then
      # Fresh problems each round; the one round has all of them.
      awk -v n="$last" -v r="$round" 'NR % n == r % n' "$sets/$task-search.jsonl" > "$here/problems.jsonl"
      budget=$((tokens * rounds / last)) optimizer=$((trained * rounds / last)) spent=0
      case $arm in
        sphere-1|shuffled|one-round-1) kind=trees-1 flags=("${tree[@]}" --stages generation) ;;
        sphere-12) kind=trees-12 flags=("${tree[@]}" --stages "generation,correction") ;;
        sphere-123|sphere-sft|one-round) small; kind=trees-123 flags=("${tree[@]}" --small-model "$bases/$task-small.gguf") ;;
        star|independent) kind=samples flags=("${samples[@]}") ;;
        classes-1-3) kind="" ;;
        *) echo "rounds: no arm $arm" >&2; exit 2 ;;
      esac
      # In round 1 all arms search from the base, so those of a kind share the search.
      run=$here/search
      [ "$round" != 1 ] || [ "$last" = 1 ] || run=$out/$base-$seed/round-1-$kind
      [ -z "$kind" ] || spent=$(search "$run" "$model" "$here/problems.jsonl" $budget "${flags[@]}")
      pairs=$run/pairs.jsonl
      if [ "$arm" = shuffled ]; then
        awk -v seed="$seed" 'BEGIN { srand(seed) } rand() < 0.5 {
          gsub(/"chosen/, "\"@"); gsub(/"rejected/, "\"chosen"); gsub(/"@/, "\"rejected") } { print }' "$pairs" > "$here/shuffled.jsonl"
        pairs=$here/shuffled.jsonl
      fi
      if [ "$arm" != classes-1-3 ] && [ ! -s "$pairs" ]; then
        echo "rounds: $arm, round $round: nothing to train on; the arm ends here" >&2
        echo "{\"arm\":\"$arm\",\"base\":$base,\"seed\":$seed,\"round\":$round,\"set\":\"$held\",\"generated\":$spent,\"trained\":0,\"pairs\":0}" >> "$out/results.jsonl"
        break
      fi
      case $arm in
        sphere-sft|star) seen=$(train sft "$model" "$here/model" $optimizer --run "$run" --learning-rate "$sft_rate") ;;
        classes-1-3) seen=$(train sft "$model" "$here/model" $optimizer --data "$sets/$task-sft.jsonl" --learning-rate "$sft_rate") ;;
        *) seen=$(train dpo "$model" "$here/model" $optimizer --pairs "$pairs" "${dpo[@]}") ;;
      esac
      evaluate "$here/model.gguf" "$here/$held.jsonl"
      echo "{\"arm\":\"$arm\",\"base\":$base,\"seed\":$seed,\"round\":$round,\"set\":\"$held\",\"generated\":$spent,\"trained\":${seen%.*},\"pairs\":$(cat "$here/model.rows"),\"eval\":$("$sphere" eval --regrade "$here/$held.jsonl" --baseline "$bases/$held.jsonl" --json 2> /dev/null | tail -n 1)}" | tee -a "$out/results.jsonl"
    fi
    model=$here/model.gguf
    [ -f "$model" ] || break
  done
done
