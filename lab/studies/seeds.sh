#!/usr/bin/env bash
# Rows of ablation.sh or strategies.sh over several seeds, as a Markdown table: mean change of accuracy over the seeds with
# its 95 % interval (Student's t over seeds: training and search vary, the problems are the same), the extremes, pairs.
#   lab/run seeds OUT-1/results.jsonl OUT-2/results.jsonl ...
set -euo pipefail
[ $# -gt 0 ] || { echo "usage: lab/run seeds RESULTS.jsonl..." >&2; exit 2; }
awk '
function number(key,   s) {
  if (!match($0, "\"" key "\":-?[0-9.eE+-]+")) return ""
  s = substr($0, RSTART, RLENGTH); sub(/^.*:/, "", s); return s + 0
}
BEGIN { split("12.706 4.303 3.182 2.776 2.571 2.447 2.365 2.306 2.262", t, " ") }
{
  match($0, /"row":"[^"]*"/); row = substr($0, RSTART + 7, RLENGTH - 8)
  if (!(row in n)) order[++rows] = row
  d = 100 * number("difference"); k = ++n[row]
  sum[row] += d; squares[row] += d * d; accuracy[row] += 100 * number("accuracy"); pairs[row] += number("pairs")
  if (k == 1 || d < low[row]) low[row] = d
  if (k == 1 || d > high[row]) high[row] = d
  tokens[row] += number("search_tokens")
}
END {
  print "| row | seeds | pairs | accuracy | change (95 %) | lowest to highest | pairs per million tokens |"
  print "|---|---|---|---|---|---|---|"
  for (i = 1; i <= rows; i++) {
    r = order[i]; k = n[r]; mean = sum[r] / k; spread = ""
    if (k > 1) {
      half = t[k - 1] * sqrt((squares[r] - k * mean * mean) / (k - 1) / k)
      spread = sprintf(" (%+.1f to %+.1f)", mean - half, mean + half)
    }
    printf "| %s | %d | %.0f | %.1f %% | %+.1f%s | %+.1f to %+.1f | %s |\n", r, k, pairs[r] / k, accuracy[r] / k, mean, \
      spread, low[r], high[r], tokens[r] ? sprintf("%.0f", 1e6 * pairs[r] / tokens[r]) : ""
  }
}' "$@"
