#!/usr/bin/env bash
# scripts/gpu-check.sh on a made-up box: that it goes on where it stopped, keeps to its time, and says what did not run.
set -euo pipefail
script=$1
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
mkdir -p "$box/bin" "$box/carried"
printf '#!/bin/sh\ncase "$*" in -L) echo "GPU 0: made up";; *) echo "made up, 580.1, 80000 MiB, 9.0";; esac\n' > "$box/bin/nvidia-smi"
for t in log_probs sampling attention optim; do printf '#!/bin/sh\necho run >> "%s/ran"\n' "$box" > "$box/carried/cuda-$t-on-device"; done
printf '#!/bin/sh\necho "{\\"kernel\\":\\"copy\\",\\"gb_per_s\\":3000}"\nsleep 60\n' > "$box/carried/cuda-bench-on-device"
echo 0123abc > "$box/carried/COMMIT"
chmod +x "$box"/bin/* "$box"/carried/cuda-*
check() { PATH=$box/bin:$PATH SPHERE_CHECK_SECONDS=8 bash "$script" --prebuilt "$box/carried" --work "$box/work" "$@" > "$box/out" 2>&1; }
state() { grep -o "\"part\":\"$1\",\"state\":\"[a-z]*\"" "$box/work/gpu-report.json" | sed 's/.*:"//; s/"//'; }
fail() { echo "gpu-check: $*"; cat "$box/out"; exit 1; }

status=0; check || status=$?
[ $status = 1 ] || fail "an unfinished part must give exit status 1, not $status"
[ "$(state machine)" = passed ] && [ "$(state kernels)" = passed ] || fail "the kernel tests did not pass"
[ "$(state bandwidth)" = unfinished ] || fail "a part over its time is $(state bandwidth), not unfinished"
[ "$(state sphere_build)" = skipped ] && [ "$(state jmh)" = skipped ] || fail "what could not run is not listed as skipped"
grep -q '"commit":"0123abc"' "$box/work/gpu-report.json" || fail "no commit"
python3 -m json.tool < "$box/work/gpu-report.json" > /dev/null 2>&1 || ! command -v python3 > /dev/null || fail "no JSON"

# Mended, and called again: what passed is not run again.
sed -i 's/^sleep.*//' "$box/carried/cuda-bench-on-device"
check || fail "the second call failed"
[ "$(state bandwidth)" = passed ] || fail "the benchmark did not pass"
[ "$(wc -l < "$box/ran")" = 4 ] || fail "the kernel tests ran again"
grep -q '"gb_per_s":3000' "$box/work/gpu-report.json" || fail "no figures in the report"

# A failure is told; --again asks for a part once more.
printf '#!/bin/sh\necho "FAILED: wrong numbers"; exit 1\n' > "$box/carried/cuda-optim-on-device"
if check --again kernels; then fail "a failing kernel must give exit status 1"; fi
[ "$(state kernels)" = failed ] && grep -q 'FAILED: wrong numbers' "$box/work/gpu-report.json" || fail "the failure is not told"
echo "gpu-check: passed"
