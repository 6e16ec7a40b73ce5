#!/usr/bin/env bash
# Where the CPU time of a whole search goes, native code included: samples of Linux's perf, summed by kind.
#
#   lab/run profile-search [arguments of sphere search; default: 100 problems of the embedded model]
#
# Needs perf (apt-get install linux-perf) and the right to use it (root, or kernel.perf_event_paranoid <= 1).
# SPHERE names another launcher than ./sphere. The recording stays in the folder that is printed.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v perf > /dev/null || { echo "profile-search: perf is missing. Install it: apt-get install linux-perf" >&2; exit 2; }
work=$(mktemp -d)
if [ $# = 0 ]; then
  set -- --model embedded --small-model embedded-small --problems embedded:train --limit 100 --rollouts 4 --run "$work/run"
fi
begin=$(date +%s.%N)
perf record -q -e cpu-clock -F 499 -o "$work/perf.data" -- ${SPHERE:-./sphere} search "$@" > "$work/search.log" 2>&1 || {
  tail -3 "$work/search.log" >&2; exit 1; }
end=$(date +%s.%N)
perf report -q -i "$work/perf.data" --sort dso,symbol --stdio --percent-limit 0.01 2> /dev/null |
  grep -E '^ +[0-9]' | sed -E 's/ +- +- *$//' > "$work/symbols.txt"
awk '
  { share = $1 + 0; dso = $2; name = $0; sub(/^ *[0-9.]+% +[^ ]+ +\[.\] */, "", name)
    if (dso ~ /libggml/ && name ~ /flash_attn/ || dso ~ /libsphere/ && name ~ /ttention|score_block|mix_chunk|visible|attend|::weights\(|::token\(/) kind = "attention"
    else if (dso ~ /libggml/ && name ~ /mul_mat|vec_dot|gemm|tinyBLAS|sgemm|llamafile|quantize_row|from_float|to_bf16|cpu_fp32/) kind = "matrix products"
    else if (dso ~ /libsphere/ && name ~ /one_row|product|tile|[Pp]anel|convert|::pack/) kind = "matrix products"
    else if (dso ~ /libsphere/ && name ~ /rms_norm|rotate|add_bias|sphere::add\(|swiglu|to_half|turns|square_sums|decoder|Cells/)
      kind = "the rest of the decode step (norms, rotations, sums, cells)"
    else if (dso ~ /libsphere/) kind = "sampling and log-probabilities"
    else if (dso ~ /libggml|libgomp/) kind = "the rest of ggml (norms, rotations, activations, barriers)"
    else if (dso ~ /libllama/) kind = "llama.cpp outside of ggml"
    else if (dso ~ /libjvm/) kind = "the JVM (compiler, garbage collector)"
    else if (dso ~ /perf-[0-9]+|anon|JIT|\[unknown\]/) kind = "Java"
    else if (dso ~ /kernel/) kind = "the operating system"
    else kind = "libc and others"
    sum[kind] += share; total += share }
  END { for (k in sum) printf "%6.1f %%  %s\n", 100 * sum[k] / total, k }' "$work/symbols.txt" | sort -rn
samples=$(perf script -i "$work/perf.data" -F time 2> /dev/null | wc -l)
awk -v s="$samples" -v b="$begin" -v e="$end" -v c="$(nproc)" 'BEGIN {
  printf "%.1f s of CPU in %.1f s: %.0f %% of %d cores\n", s / 499, e - b, 100 * s / 499 / (e - b) / c, c }'
echo "--- the longest"
head -25 "$work/symbols.txt"
echo "recording: $work"
