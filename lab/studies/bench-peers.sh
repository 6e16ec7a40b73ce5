#!/usr/bin/env bash
# Sphere beside llama.cpp's own tools, built from the same pinned source: prints a table, figures taken in turns.
#
#   lab/run bench-peers [--parallel 1,8,32,128] [--prompt N] [--generate N] [--repetitions N] [--no-parallel-tool]
#                       [--types q8_0,bf16,q4_k_m,q5_k_m,q4_0,iq4_xs] [--train] [MODEL.gguf ...]
#
# llama-batched-bench computes without sampling; llama-parallel samples with its default chain. Without models: random
# weights in Qwen2.5-0.5B's shape in --types, made when missing as people's files are made: BF16, then llama-quantize,
# which falls back to other types where a row is no multiple of 256; and the embedded model. --train also takes the
# training rate on each model, beside that on the first. Tools and models are kept in the cache (${XDG_CACHE_HOME:-~/.cache}/sphere/peers); SPHERE_PEERS_DIR names a build of the tools to use instead.
# SPHERE_CPU (native/cpus.sh) builds the tools and Sphere's libraries for another family than this CPU's, such as x86-64-v3.
# SPHERE names another launcher than ./sphere. Nothing else should run meanwhile.
set -euo pipefail
cd "$(dirname "$0")/../.."
parallel=1,8,32,128 prompt=32 generate=32 repetitions=3 tool=true train=false models=()
types=q8_0,bf16,q4_k_m,q5_k_m,q4_0,iq4_xs
while [ $# -gt 0 ]; do
  case $1 in
    --parallel) parallel=$2; shift 2 ;;
    --prompt) prompt=$2; shift 2 ;;
    --generate) generate=$2; shift 2 ;;
    --repetitions) repetitions=$2; shift 2 ;;
    --types) types=$2; shift 2 ;;
    --train) train=true; shift ;;
    --no-parallel-tool) tool=false; shift ;;
    -*) echo "bench-peers: unknown option '$1'; see the head of $0" >&2; exit 2 ;;
    *) models+=("$1"); shift ;;
  esac
done
sphere=${SPHERE:-./sphere}
cores=$(getconf _NPROCESSORS_ONLN)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sphere/peers
mkdir -p "$cache"

# --- the tools, from the source that the product is built from ----------------------------------------
prefix=$(bash native/provision.sh)
family=${SPHERE_CPU:-native} cpu_options=(-DGGML_NATIVE=ON)
if [ "$family" != native ]; then
  . native/cpus.sh
  cpu_family "$family"
  if [ -z "${SPHERE_NATIVE_DIR:-}" ]; then
    native/build.sh "$cache/$family/cmake" "$cache/$family/libraries" > "$cache/build.log" 2>&1 || { tail -5 "$cache/build.log" >&2; exit 1; }
    export SPHERE_NATIVE_DIR=$cache/$family/libraries/linux-$cpu_machine-$family
  fi
fi
peers=${SPHERE_PEERS_DIR:-$cache/$(basename "$prefix")}
built() { for t in "${tools[@]}"; do [ -x "$peers/bin/$t" ] || return 1; done; }
tools=(llama-batched-bench llama-quantize); ! $tool || tools+=(llama-parallel)
if ! built; then
  source=$(bash native/provision.sh --source-only)
  echo "bench-peers: building ${tools[*]} from $source (some minutes, once)" >&2
  { cmake -S "$source" -B "$peers" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON "${cpu_options[@]}" \
      -DGGML_OPENMP=ON -DLLAMA_BUILD_IS_DEV=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TOOLS=ON -DLLAMA_BUILD_EXAMPLES=ON \
      -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF &&
    cmake --build "$peers" -j "$cores" --target "${tools[@]}"; } > "$cache/build.log" 2>&1 ||
    { tail -5 "$cache/build.log" >&2; echo "bench-peers: the build failed; the whole log: $cache/build.log" >&2; exit 1; }
fi

# --- the models -----------------------------------------------------------------------------------------
if [ ${#models[@]} = 0 ]; then
  plain=$cache/qwen2.5-0.5b-random-bf16.gguf
  [ -f "$plain" ] || { $sphere model random --like qwen2.5-0.5b --vocab "$prefix/vocab/ggml-vocab-qwen2.gguf" \
    --type bf16 --out "$plain.part" > /dev/null && mv "$plain.part" "$plain"; }
  for type in ${types//,/ }; do
    file=$cache/qwen2.5-0.5b-$type.gguf
    if [ "$type" = bf16 ]; then file=$plain
    elif [ ! -f "$file" ]; then
      "$peers/bin/llama-quantize" "$plain" "$file.part" "$type" "$cores" > "$cache/quantize.log" 2>&1 ||
        { tail -3 "$cache/quantize.log" >&2; exit 1; }
      mv "$file.part" "$file"
    fi
    models+=("$file")
  done
  models+=(engine/src/main/resources/dev/sphere/engine/embedded/embedded.gguf)
fi

# --- measuring: one run a call, in turns ------------------------------------------------------------------
number() { sed -n "s/.*\"$1\": *\\([0-9.eE+-]*\\).*/\\1/p" | tail -1; }
# batched MODEL N: "generation whole" in tokens a second
batched() {
  local attempt
  for attempt in 1 2 3 4 5 6; do # now and then the tool ends well without its line
    "$peers/bin/llama-batched-bench" -m "$1" -c $(($2 * (prompt + generate) + 256)) -b 2048 -ub 512 -npp "$prompt" \
      -ntg "$generate" -npl "$2" -t "$cores" -fa on --output-format jsonl > "$cache/peer.out" 2> "$cache/peer.log" || true
    if grep '"speed_tg"' "$cache/peer.out" > "$cache/peer.json"; then break; fi
    if [ "$attempt" = 6 ]; then tail -3 "$cache/peer.log" >&2; return 1; fi
  done
  echo "$(number speed_tg < "$cache/peer.json")" \
    "$(number t < "$cache/peer.json" | awk -v n=$(($2 * generate)) '{ print n / $1 }')"
}
# ours MODEL N [more options]: the same two
ours() {
  local model=$1 n=$2 times=1; shift 2
  # Steps of a small model are so short that the JVM's compiler is at work in the first thousands.
  [ "$(wc -c < "$model")" -gt 20000000 ] || times=$((n < 16 ? 800 / n : 50))
  $sphere bench rollouts --model "$model" --prompt "$prompt" --generate "$generate" --parallel "$n" \
    --repetitions $times --json "$@" > "$cache/ours.json"
  echo "$(number generation_tokens_per_second < "$cache/ours.json")" "$(number tokens_per_second < "$cache/ours.json")"
}
median() { tr ' ' '\n' | grep . | sort -g | awk '{ a[NR] = $1 } END { print NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2 }'; }
column() { awk -v c="$1" '{ print $c }' | median; }

echo "Machine: $(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo 2> /dev/null | head -1), $cores cores, built for $family; commit" \
  "$(git rev-parse --short HEAD 2> /dev/null || echo unknown); prompts $prompt, generated $generate, $repetitions" \
  "runs each in turns, medians; load before: $(cut -d' ' -f1 /proc/loadavg 2> /dev/null || echo unknown)"
echo
echo "| model | sequences | llama-batched-bench, generation (tokens/s) | Sphere, generation | ratio | llama-batched-bench, prompts included | Sphere, prompts included | ratio |"
echo "|---|---|---|---|---|---|---|---|"
for model in "${models[@]}"; do
  for n in ${parallel//,/ }; do
    theirs=() mine=()
    for ((i = 0; i < repetitions; i++)); do
      if ((i % 2 == 0)); then theirs+=("$(batched "$model" "$n")"); mine+=("$(ours "$model" "$n")")
      else mine+=("$(ours "$model" "$n")"); theirs+=("$(batched "$model" "$n")"); fi
    done
    tg=$(printf '%s\n' "${theirs[@]}" | column 1) tw=$(printf '%s\n' "${theirs[@]}" | column 2)
    mg=$(printf '%s\n' "${mine[@]}" | column 1) mw=$(printf '%s\n' "${mine[@]}" | column 2)
    awk -v m="$(basename "$model" .gguf)" -v n="$n" -v tg="$tg" -v mg="$mg" -v tw="$tw" -v mw="$mw" \
      'BEGIN { printf "| %s | %d | %.0f | %.0f | %.2f | %.0f | %.0f | %.2f |\n", m, n, tg, mg, mg / tg, tw, mw, mw / tw }'
  done
done

if $train; then
  echo
  echo "| model | training (tokens/s) | of the first model's |"
  echo "|---|---|---|"
  first=
  for model in "${models[@]}"; do
    mine=()
    for ((i = 0; i < repetitions; i++)); do
      $sphere bench train --model "$model" --sharing none --json > "$cache/train.json"
      mine+=("$(number tokens_per_second < "$cache/train.json")")
    done
    m=$(printf '%s\n' "${mine[@]}" | median)
    first=${first:-$m}
    awk -v n="$(basename "$model" .gguf)" -v m="$m" -v f="$first" 'BEGIN { printf "| %s | %.0f | %.2f |\n", n, m, m / f }'
  done
fi

if $tool; then
  echo
  echo "| model | sequences | llama-parallel, its own prompts (tokens/s) | Sphere, prompts of the same length | ratio |"
  echo "|---|---|---|---|---|"
  n=32
  for model in "${models[@]}"; do
    case $model in *embedded*) continue ;; esac # its vocabulary has no room for llama-parallel's prompts
    theirs=() mine=()
    for ((i = 0; i < repetitions; i++)); do
      # A system prompt that all share, then a question each.
      "$peers/bin/llama-parallel" -m "$model" -np $n -ns $n -n "$generate" -pps -c 16384 -b 2048 -ub 512 -t "$cores" \
        -fa on --ignore-eos -s 1 > "$cache/parallel.log" 2>&1 || { tail -3 "$cache/parallel.log" >&2; exit 1; }
      theirs+=("$(sed -n 's/.*Total gen tokens: *[0-9]*, speed: *\([0-9.]*\).*/\1/p' "$cache/parallel.log" | tail -1)")
      system=$(sed -n 's/.*system tokens = \([0-9]*\).*/\1/p' "$cache/parallel.log" | tail -1)
      asked=$(sed -n 's/.*Total prompt tokens: *\([0-9]*\),.*/\1/p' "$cache/parallel.log" | tail -1)
      mine+=("$(prompt=$((system + asked / n)) ours "$model" $n --shared "$system" | cut -d' ' -f2)")
    done
    t=$(printf '%s\n' "${theirs[@]}" | median) m=$(printf '%s\n' "${mine[@]}" | median)
    awk -v m="$(basename "$model" .gguf)" -v n=$n -v t="$t" -v o="$m" \
      'BEGIN { printf "| %s | %d | %.0f | %.0f | %.2f |\n", m, n, t, o, o / t }'
  done
fi
