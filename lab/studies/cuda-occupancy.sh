#!/usr/bin/env bash
# The table of registers, shared memory, spills and occupancy in docs/guides/cuda.md, from what .ci/cuda left behind.
#
#   .ci/cuda && lab/run cuda-occupancy [target/cuda/nvcc]
#
# Occupancy is worked out: blocks that an SM holds, by threads, registers (given out by 256 a warp) and shared memory
# (1 KiB a block is the system's), times the block's threads over the SM's.
set -euo pipefail
cd "$(dirname "$0")/../.."
for file in "${1:-target/cuda/nvcc}"/*.txt; do c++filt < "$file"; done | awk '
  # A block of each kernel: threads, and bytes of dynamic shared memory (attention: tiles of D + 1 and of 33 columns).
  function threads(k) { return k ~ /^(log_probs|sample)/ ? 512 : k ~ /^attention/ ? 128 : 256 }
  function dynamic(k,   d, wide, square) {
    if (k !~ /^attention/) return 0
    d = k; gsub(/[^0-9]/, "", d)
    wide = k ~ /^attention_kernel/ ? 2 : 4; square = k ~ /dkv/ ? 2 : 1
    return 4 * 32 * (wide * (d + 1) + square * 33)
  }
  function least(a, b) { return a < b ? a : b }
  function occupancy(sm, t, regs, shared,   most, blocks, kib) {
    most = sm == 89 ? 1536 : 2048
    kib = sm == 80 ? 164 : sm == 89 ? 100 : 228
    blocks = least(int(most / t), sm == 89 ? 24 : 32)
    blocks = least(blocks, int(65536 / (t / 32 * int((regs * 32 + 255) / 256) * 256)))
    blocks = least(blocks, int(kib * 1024 / (shared + 1024)))
    return int(100 * blocks * t / most + 0.5)
  }
  /Compiling entry function/ {
    sm = $0; sub(/.*for .sm_/, "", sm); sub(/[^0-9].*/, "", sm)
    k = $0; sub(/.*function ./, "", k); sub(/. for .sm_.*/, "", k)
    sub(/^void /, "", k); gsub(/sphere::cuda::|\(anonymous namespace\)::|attend::|draw::/, "", k); sub(/\(.*/, "", k); gsub(/\(int\)/, "", k)
  }
  /bytes spill stores/ { spill[k, sm] = $0; sub(/.*frame, /, "", spill[k, sm]); sub(/ .*/, "", spill[k, sm]) }
  /Used [0-9]+ registers/ {
    r = $0; sub(/.*Used /, "", r); regs[k, sm] = r + 0
    s = 0; if ($0 ~ /bytes smem/) { s = $0; sub(/ bytes smem.*/, "", s); sub(/.* /, "", s) }
    shared[k] = sm == 90 ? s + dynamic(k) : shared[k]; static_[k, sm] = s + dynamic(k)
    if (!(k in seen)) { seen[k]; order[++n] = k }
  }
  END {
    print "| kernel | threads | shared memory | registers (80, 89, 90, 100) | spill stores, bytes | occupancy, % |"
    print "|---|---|---|---|---|---|"
    split("80 89 90 100", sms, " ")
    for (i = 1; i <= n; i++) {
      k = order[i]; r = o = p = ""; any = 0
      for (j = 1; j <= 4; j++) {
        sm = sms[j]; c = j > 1 ? ", " : ""
        r = r c regs[k, sm]; p = p c spill[k, sm]; any += spill[k, sm]
        o = o c occupancy(sm, threads(k), regs[k, sm], static_[k, sm])
      }
      printf "| `%s` | %d | %d | %s | %s | %s |\n", k, threads(k), shared[k], r, any ? p : "0", o
    }
  }' | { read -r a; read -r b; printf '%s\n%s\n' "$a" "$b"; cat; }
