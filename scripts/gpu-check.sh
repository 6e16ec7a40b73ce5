#!/usr/bin/env bash
# Checks Sphere on a CUDA box with one command, and writes what it found to gpu-report.json and gpu-report.txt.
#
#   scripts/gpu-check.sh [--work DIR] [--model FILE.gguf] [--only PART,...] [--again PART,...]
#   scripts/gpu-check.sh --pack FILE.tgz       on a machine with nvcc (no GPU needed): kernel tests and benchmarks for
#                                              sm_80 sm_89 sm_90 sm_100, this script, and all of Sphere where it was
#                                              built with CUDA (./sphere --cuda --version) for the same kind of CPU
#   scripts/gpu-check.sh --prebuilt DIR        on a box without a compiler: runs what --pack carried (unpacked in DIR)
#
# Each part has at most 8 minutes (SPHERE_CHECK_SECONDS); a part that has passed is not run again, so the same command
# goes on where the last one stopped. What did not run stands in the report as such, with the reason. Exit status: 0 all
# that could run has passed, 1 something failed, 2 nothing could be checked.
#
# Rollouts and training are measured on random weights in Qwen2.5-0.5B's shape unless --model names a file. Network: only
# what the build itself needs (native/provision.sh: LLAMA_CPP_DIR carries a source along). SPHERE_NO_BUILD=1 takes the
# Sphere that is there.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
work='' model=embedded only='' again='' pack='' prebuilt=''
while [ $# -gt 0 ]; do
  case $1 in
    --work) work=$2; shift 2 ;;
    --model) model=$(realpath "$2"); shift 2 ;;
    --only) only=$2; shift 2 ;;
    --again) again=$2; shift 2 ;;
    --pack) pack=$(realpath -m "$2"); shift 2 ;;
    --prebuilt) prebuilt=$(realpath "$2"); shift 2 ;;
    *) sed -n '2,10p' "$0" >&2; exit 2 ;;
  esac
done
limit=${SPHERE_CHECK_SECONDS:-480}
keep=${SPHERE_NO_BUILD:-}
nvcc=$(command -v nvcc || { [ -x /usr/local/cuda/bin/nvcc ] && echo /usr/local/cuda/bin/nvcc; })
[ -z "$nvcc" ] || PATH=$PATH:$(dirname "$nvcc")
tests=(log_probs sampling attention optim)

# --- pack: kernels and tests, statically linked with cudart ---------------------------------------
build_tests() { # DIR ARCHITECTURES
  cmake -S "$top/native/cuda" -B "$1" -DCMAKE_BUILD_TYPE=Release -DSPHERE_CUDA=ON -DSPHERE_CUDA_TESTS=OFF \
    -DSPHERE_CUDA_DEVICE_TESTS=ON ${nvcc:+-DCMAKE_CUDA_COMPILER="$nvcc"} ${2:+-DCMAKE_CUDA_ARCHITECTURES="$2"} &&
  cmake --build "$1" -j "$(getconf _NPROCESSORS_ONLN)"
}
if [ -n "$pack" ]; then
  [ -n "$nvcc" ] || { echo "gpu-check: --pack needs nvcc" >&2; exit 2; }
  build=$top/target/gpu-pack
  build_tests "$build" "${SPHERE_CUDA_ARCHITECTURES:-80;89;90;100}" > "$build.log" 2>&1 || {
    grep -E -m5 'error|Error' "$build.log" >&2; echo "gpu-check: the build failed: $build.log" >&2; exit 1; }
  stage=$(mktemp -d)
  trap 'rm -rf "$stage"' EXIT
  box=$stage/sphere-gpu-check
  mkdir -p "$box"
  cp "$build"/cuda-*-on-device "$build"/libsphere-cuda.so "$here/gpu-check.sh" "$box/"
  git -C "$top" rev-parse HEAD > "$box/COMMIT" 2> /dev/null || echo unknown > "$box/COMMIT"
  with="kernels alone"
  if grep -aq -e '-cuda/index' "$top/cli/target/sphere-engine.jar" 2> /dev/null; then # the name of an entry
    with="kernels and Sphere"
    mkdir -p "$box/cli/target"
    cp "$top/sphere" "$box/"
    mkdir "$box/native" && cp "$top/native/tools.sh" "$box/native/"
    cp "$top/cli/target/sphere-engine.jar" "$top/cli/target/launcher-options" "$box/cli/target/"
    [ ! -f "$top/lab/target/sphere-lab.jar" ] || cp "$top/lab/target/sphere-lab.jar" "$box/"
    prefix=$(bash "$top/native/provision.sh" --cuda) && mkdir -p "$box/llama" "$box/cuda" &&
      cp -r "$prefix"/lib "$prefix"/vocab "$box/llama/"
    # A box with a driver alone has neither cudart nor cuBLAS.
    for lib in $(ldd "$prefix/lib/libggml-cuda.so.0" | awk '/lib(cudart|cublas|cublasLt)[.]so/ && $3 ~ /^\// { print $3 }'); do
      cp -L "$lib" "$box/cuda/"
    done
  fi
  tar -czf "$pack" -C "$stage" sphere-gpu-check
  echo "gpu-check: $pack ($(du -h "$pack" | cut -f1), $with); on the box: tar xzf, then sphere-gpu-check/gpu-check.sh --prebuilt sphere-gpu-check"
  exit 0
fi

work=${work:-${prebuilt:-$top/target}/gpu-check}
mkdir -p "$work" || exit 2
report=$work/parts.tsv # part, state (passed, failed, skipped, unfinished), seconds, detail
touch "$report"
for part in ${again//,/ }; do sed -i "/^$part\t/d" "$report"; done

# --- parts ----------------------------------------------------------------------------------------
# A part is a function; its log is $work/PART.log, its facts are lines of $work/PART.json (one object a line).
# It returns 0 passed, 1 failed, 3 skipped (the reason in $reason), 4 goes on in the background.
binary() { echo "${prebuilt:-$work/kernels}/cuda-$1-on-device"; }
has_gpu() { nvidia-smi -L > /dev/null 2>&1; }
need_gpu() { has_gpu || { reason="no usable NVIDIA GPU (nvidia-smi -L)"; return 3; }; }
home=${prebuilt:-$top} # of Sphere
[ -z "$prebuilt" ] || [ ! -d "$prebuilt/cuda" ] || export LD_LIBRARY_PATH=$prebuilt/cuda${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
sphere() { SPHERE_DEVICE=${device:-cuda} "$home/sphere" "$@"; }
llama() { if [ -n "$prebuilt" ]; then echo "$prebuilt/llama"; else bash "$top/native/provision.sh" --cuda 2> /dev/null || bash "$top/native/provision.sh"; fi; }

part_machine() {
  { uname -srm; nvidia-smi || echo "no nvidia-smi"; [ -z "$nvcc" ] || nvcc --version; } 2>&1
  has_gpu || { reason="no usable NVIDIA GPU (nvidia-smi -L)"; return 3; }
  nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv,noheader |
    while IFS=, read -r name driver memory cap; do
      printf '{"gpu":"%s","driver":"%s","memory":"%s","compute_capability":"%s"}\n' "$name" "${driver# }" "${memory# }" "${cap# }"
    done > "$work/machine.json"
}
part_kernels_build() {
  [ -z "$prebuilt" ] || { reason="carried along (--prebuilt)"; return 3; }
  [ -n "$nvcc" ] || { reason="no nvcc; use --pack on a machine that has it, and --prebuilt here"; return 3; }
  build_tests "$work/kernels" ""
}
part_kernels() {
  need_gpu || return; local failed=0 t
  for t in "${tests[@]}"; do
    [ -x "$(binary "$t")" ] || { reason="$(binary "$t") was not built"; return 3; }
    echo "== $t"; "$(binary "$t")" || failed=1
  done
  return $failed
}
part_sanitizer() {
  need_gpu || return
  local tool; tool=$(command -v compute-sanitizer || { [ -x /usr/local/cuda/bin/compute-sanitizer ] && echo /usr/local/cuda/bin/compute-sanitizer; })
  [ -n "$tool" ] || { reason="no compute-sanitizer"; return 3; }
  local t mode failed=0
  for t in "${tests[@]}"; do
    [ -x "$(binary "$t")" ] || { reason="$(binary "$t") was not built"; return 3; }
    for mode in memcheck racecheck; do
      echo "== $mode $t"; "$tool" --tool $mode --error-exitcode 9 "$(binary "$t")" || failed=1
    done
  done
  return $failed
}
part_bandwidth() {
  need_gpu || return
  [ -x "$(binary bench)" ] || { reason="$(binary bench) was not built"; return 3; }
  "$(binary bench)" | tee "$work/bandwidth.out"; local status=${PIPESTATUS[0]}
  grep '^{' "$work/bandwidth.out" > "$work/bandwidth.json"
  return "$status"
}
part_sphere_build() { # ggml-cuda takes longer than a part may: it is built in the background
  need_gpu || return
  if [ -n "$prebuilt" ] || [ -n "${SPHERE_NO_BUILD:-}" ]; then
    [ -f "$home/cli/target/sphere-engine.jar" ] || { reason="Sphere was not carried along"; return 3; }
    SPHERE_NO_BUILD=1 sphere --version; return
  fi
  [ -n "$nvcc" ] || { reason="no nvcc"; return 3; }
  if [ -f "$work/sphere-build.status" ]; then
    local status; status=$(cat "$work/sphere-build.status"); rm -f "$work/sphere-build.status" "$work/sphere-build.pid"
    tail -30 "$work/sphere-build.log"; return "$status"
  fi
  if ! { [ -f "$work/sphere-build.pid" ] && kill -0 "$(cat "$work/sphere-build.pid")" 2> /dev/null; }; then
    setsid nohup bash -c '"$1" --cuda --version > "$2.log" 2>&1; echo $? > "$2.status"' - "$top/sphere" "$work/sphere-build" \
      > /dev/null 2>&1 < /dev/null &
    echo $! > "$work/sphere-build.pid"
  fi
  while [ ! -f "$work/sphere-build.status" ]; do sleep 2; done
  part_sphere_build
}
built() {
  [ "$(state_of sphere_build)" = passed ] || { reason="there is no Sphere with CUDA here (part sphere_build)"; return 1; }
  export SPHERE_NO_BUILD=1
}
# Random weights in Qwen2.5-0.5B's shape, made once: the embedded model is too small to say anything about a GPU.
random_model() { # TYPE
  local file=$work/random-0.5b-$1.gguf
  [ -f "$file" ] || { device=cpu sphere model random --like qwen2.5-0.5b --vocab "$(llama)/vocab/ggml-vocab-qwen2.gguf" \
    --type "$1" --out "$file.part" >&2 && mv "$file.part" "$file"; } && echo "$file"
}
measured() { if [ "$model" = embedded ]; then random_model bf16; else echo "$model"; fi; }
part_doctor() {
  need_gpu || return; built || return 3
  sphere doctor --json | tee "$work/doctor.out"; local status=${PIPESTATUS[0]}
  tail -1 "$work/doctor.out" > "$work/doctor.json"; return "$status"
}
rows() { # prompts and completions for scoring
  for i in $(seq 1 64); do
    printf '{"prompt":"Tom has %d apples and buys %d more. How many does he have?","completion":"Tom has %d + %d = %d apples.\\n"}\n' \
      "$i" $((i * 3)) "$i" $((i * 3)) $((i * 4))
  done
}
differ() { # NAME SCORES SCORES: the largest difference of a token, which must be 1e-3 at most
  local numbers='s/.*"token_logprobs":\[\([^]]*\)\].*/\1/p'
  paste -d' ' <(sed -n "$numbers" "$2" | tr , '\n') <(sed -n "$numbers" "$3" | tr , '\n') |
    awk -v name="$1" 'NF == 2 { d = $1 - $2; d = d < 0 ? -d : d; if (d > m) m = d; n++ }
         END { printf "{\"products\":\"%s\",\"tokens\":%d,\"largest_difference\":%.3g,\"aim\":1e-3}\n", name, n, m; exit !(n > 0 && m <= 1e-3) }'
}
part_agreement() { # CPU and CUDA in F32: 1e-3 a token, as it is (cuBLAS may round factors to TF32) and without TF32
  need_gpu || return; built || return 3
  local m status; m=$(random_model f32) || return 1
  rows > "$work/rows.jsonl"
  device=cpu sphere score --model "$m" --in "$work/rows.jsonl" --out "$work/cpu.jsonl" || return 1
  device=cuda sphere score --model "$m" --in "$work/rows.jsonl" --out "$work/cuda.jsonl" || return 1
  NVIDIA_TF32_OVERRIDE=0 device=cuda sphere score --model "$m" --in "$work/rows.jsonl" --out "$work/exact.jsonl" || return 1
  differ default "$work/cpu.jsonl" "$work/cuda.jsonl" | tee "$work/agreement.json"; status=${PIPESTATUS[0]}
  differ "without TF32" "$work/cpu.jsonl" "$work/exact.jsonl" | tee -a "$work/agreement.json"
  return "$status"
}
number() { sed -n "s/.*\"$1\": *\([0-9.eE+-]*\).*/\1/p" | tail -1; }
part_rollouts() { # beside llama-batched-bench on the same GPU: generation alone, 128 tokens of prompt, 64 generated
  need_gpu || return; built || return 3
  local n m bench ours theirs share status=0
  m=$(measured) || return 1
  bench=${LLAMA_BATCHED_BENCH:-$(llama)/lib/llama-batched-bench}
  : > "$work/rollouts.json"
  for n in ${SPHERE_CHECK_PARALLEL:-1 8 32 128 256}; do
    sphere bench rollouts --model "$m" --prompt 128 --generate 64 --parallel "$n" --repetitions 3 --json \
      > "$work/rollouts.$n" 2>&1 || { tail -5 "$work/rollouts.$n"; status=1; continue; }
    ours=$(number generation_tokens_per_second < "$work/rollouts.$n") share=$(number drawing_share < "$work/rollouts.$n") theirs=
    [ ! -x "$bench" ] || theirs=$("$bench" -m "$m" -ngl 99 -fa on -npp 128 -ntg 64 -npl "$n" -b 2048 -ub 512 \
      -c $((n * 192 + 256)) --output-format jsonl 2> "$work/batched-bench.log" | number speed_tg)
    awk -v n="$n" -v o="$ours" -v t="${theirs:-0}" -v s="${share:-0}" 'BEGIN {
      printf "{\"sequences\":%d,\"sphere\":%.0f,\"llama_batched_bench\":%s,\"ratio\":%s,\"aim\":0.97,\"drawing_share\":%.4f,\"drawing_aim\":0.03}\n",
        n, o, (t > 0 ? sprintf("%.0f", t) : "null"), (t > 0 ? sprintf("%.3f", o / t) : "null"), s }' | tee -a "$work/rollouts.json"
  done
  [ -x "$bench" ] || echo '{"note":"llama-batched-bench was not there (LLAMA_BATCHED_BENCH)"}' | tee -a "$work/rollouts.json"
  grep -q '"sequences"' "$work/rollouts.json" || status=1
  return $status
}
part_dpo() { # tokens a second of training
  need_gpu || return; built || return 3
  local m; m=$(measured) || return 1
  local length=${SPHERE_CHECK_LENGTH:-512}
  sphere bench train --model "$m" --pairs 2 --length "$length" --prompt $((length / 4)) --steps 5 --json > "$work/dpo.out" 2>&1 ||
    { tail -5 "$work/dpo.out"; return 1; }
  tail -1 "$work/dpo.out" | tee "$work/dpo.json"
}
part_demo() {
  need_gpu || return; built || return 3
  sphere demo --quick --json > "$work/demo.out" 2>&1; local status=$?
  tail -20 "$work/demo.out"; tail -1 "$work/demo.out" | grep '^{' > "$work/demo.json"; return $status
}
part_split() { # one model over all GPUs, and one process a GPU over a problem set, merged
  need_gpu || return; built || return 3
  local gpus i; gpus=$(nvidia-smi -L | grep -c '^GPU')
  [ "$gpus" -gt 1 ] || { reason="one GPU"; return 3; }
  rows > "$work/rows.jsonl"; : > "$work/split.json"
  device=cuda sphere score --model "$model" --in "$work/rows.jsonl" --out "$work/one.jsonl" &&
    SPHERE_SPLIT_MODE=layer device=cuda sphere score --model "$model" --in "$work/rows.jsonl" --out "$work/layers.jsonl" &&
    differ layers "$work/one.jsonl" "$work/layers.jsonl" | tee -a "$work/split.json" || return 1
  local runs=() pids=() failed=0
  for ((i = 0; i < gpus; i++)); do
    rm -rf "$work/shard$i"; runs+=("$work/shard$i")
    device=cuda:$i sphere search --model "$model" --problems embedded:test --limit $((4 * gpus)) --rollouts 4 \
      --shard $((i + 1))/$gpus --run "$work/shard$i" > "$work/shard$i.log" 2>&1 & pids+=($!)
  done
  for i in "${pids[@]}"; do wait "$i" || failed=1; done
  [ $failed = 0 ] || { tail -2 "$work"/shard*.log; return 1; }
  rm -rf "$work/merged"
  sphere run merge --out "$work/merged" "${runs[@]}" && echo "{\"gpus\":$gpus,\"merged\":true}" | tee -a "$work/split.json"
}
part_jmh() { # the JMH benchmarks that compute: calls, draws, steps, rollouts
  need_gpu || return; built || return 3
  local jar=${prebuilt:-$top/lab/target}/sphere-lab.jar product=$home/cli/target/sphere-engine.jar
  if [ -z "$prebuilt" ] && [ -z "$keep" ]; then
    command -v mvn > /dev/null || { reason="no Maven"; return 3; }
    (cd "$top" && mvn -q -B -pl lab -am -DskipTests -Dsphere.native.options=with-cuda package) || return 1
  fi
  [ -f "$jar" ] || { reason="there is no $jar"; return 3; }
  SPHERE_DEVICE=cuda "${JAVA_HOME:+$JAVA_HOME/bin/}java" --enable-native-access=ALL-UNNAMED -cp "$jar:$product" org.openjdk.jmh.Main \
    'Call|Sampling|Step|Rollout' -f 1 -wi 2 -w 2 -i 3 -r 2 -rf csv -rff "$work/jmh.csv" || return 1
  awk -F, 'NR > 1 { gsub(/"/, ""); printf "{\"benchmark\":\"%s\",\"mode\":\"%s\",\"score\":%s,\"unit\":\"%s\"}\n", $1, $2, $5, $7 }' \
    "$work/jmh.csv" | tee "$work/jmh.json"
}

parts=(machine kernels_build kernels sanitizer bandwidth sphere_build doctor agreement rollouts dpo demo split jmh)
state_of() { awk -F'\t' -v p="$1" '$1 == p { s = $2 } END { print s }' "$report"; }
record() { sed -i "/^$1\t/d" "$report"; printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$(printf %s "$4" | tr '\t\n"\\' '    ')" >> "$report"; }

if [ "${1:-}" = '' ] && [ -n "${SPHERE_CHECK_PART:-}" ]; then # the time-boxed child
  reason=
  "part_$SPHERE_CHECK_PART"; status=$?
  printf %s "$reason" > "$work/$SPHERE_CHECK_PART.reason"
  exit $status
fi
self=(bash "$0" --work "$work"); [ -z "$prebuilt" ] || self+=(--prebuilt "$prebuilt"); [ "$model" = embedded ] || self+=(--model "$model")
for part in "${parts[@]}"; do
  [ -z "$only" ] || [[ ",$only," = *",$part,"* ]] || continue
  [ "$(state_of "$part")" != passed ] || { echo "gpu-check: $part has passed before"; continue; }
  echo "gpu-check: $part ..."
  began=$(date +%s)
  rm -f "$work/$part.reason"
  SPHERE_CHECK_PART=$part timeout -k 10 "$limit" "${self[@]}" > "$work/$part.log" 2>&1
  status=$?
  took=$(($(date +%s) - began))
  detail=$(cat "$work/$part.reason" 2> /dev/null)
  case $status in
    0) state=passed ;;
    3) state=skipped ;;
    124 | 137) state=unfinished; detail="more than $limit s; run the same command again" ;;
    *) state=failed; detail=$(grep -v '^{' "$work/$part.log" | grep -E -m1 '^sphere: |FAILED|[Ee]rror|failed' ||
      tail -1 "$work/$part.log"); detail=${detail:0:400} ;;
  esac
  record "$part" $state $took "$detail"
  echo "gpu-check: $part $state in $took s${detail:+: $detail}"
done

# --- the report -----------------------------------------------------------------------------------
for part in "${parts[@]}"; do [ -n "$(state_of "$part")" ] || record "$part" skipped 0 "not asked for"; done
commit=$(cat "${prebuilt:-/nowhere}/COMMIT" 2> /dev/null || git -C "$top" rev-parse HEAD 2> /dev/null || echo unknown)
{
  printf '{"date":"%s","commit":"%s","parts":[' "$(date -u +%FT%TZ)" "$commit"
  first=true
  while IFS=$'\t' read -r part state seconds detail; do
    $first || printf ,
    first=false
    printf '\n {"part":"%s","state":"%s","seconds":%s,"detail":"%s","facts":[' "$part" "$state" "$seconds" "$detail"
    [ "$state" = skipped ] || [ ! -s "$work/$part.json" ] || grep '^{' "$work/$part.json" | paste -sd,
    printf ']}'
  done < "$report"
  printf '\n]}\n'
} > "$work/gpu-report.json"
{
  echo "Sphere on CUDA, $(date -u +%F), commit $commit"
  while IFS=$'\t' read -r part state seconds detail; do printf '%-14s %-10s %4s s  %s\n' "$part" "$state" "$seconds" "$detail"; done < "$report"
  [ ! -s "$work/bandwidth.json" ] || sed 's/[{}"]//g; s/,/  /g' "$work/bandwidth.json"
  for part in agreement rollouts dpo jmh; do [ ! -s "$work/$part.json" ] || sed "s/^/$part: /; s/[{}\"]//g; s/,/  /g" "$work/$part.json"; done
} | tee "$work/gpu-report.txt"
echo "gpu-check: $work/gpu-report.json"
! cut -f2 "$report" | grep -qE '^(failed|unfinished)$' || exit 1
cut -f2 "$report" | grep -q '^passed$' || exit 2
