#!/usr/bin/env bash
# What further simulations find under different rules of what is backed up in the tree (--backup), for lab/notebooks/2026-11-26-which-value-is-backed-up.md.
#   lab/run backup OUT [PROBLEMS]
# Searches the first PROBLEMS (default 150) of embedded:train with both embedded models, at two temperatures and by two seeds,
# with 2 to 16 simulations, and prints a table for each condition. What is there is not done again. Needs python3.
set -euo pipefail
out=${1:?usage: lab/run backup OUT [PROBLEMS]}
problems=${2:-150}
lab=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$out"
for model in embedded embedded-small; do
  for temperature in 0.8 1.6; do
    for seed in 1 2; do
      rows=$out/$model-$temperature-$seed.jsonl
      [ -f "$rows" ] || { "$lab/java" dev.sphere.lab.study.BackupStudy "$model" embedded:train "$problems" "$seed" 4 \
        "$temperature" "$rows.part" 2 4 8 16 && mv "$rows.part" "$rows"; }
    done
  done
done
python3 - "$out" << 'END'
import collections, glob, json, os, random, sys
RESAMPLES = 10_000
RULES = ["outcome", "score", "mean", "advantage"]
cells = collections.defaultdict(lambda: collections.defaultdict(collections.Counter))  # (condition, budget, rule) -> problem
for file in sorted(glob.glob(sys.argv[1] + "/*.jsonl")):
    condition = os.path.basename(file).rsplit("-", 1)[0]
    for row in map(json.loads, open(file)):
        c = cells[condition, row["budget"], row["rule"]][row["problem"]]
        c["pairs"] += min(4, row["right"] * row["wrong"])
        c["with"] += row["right"] * row["wrong"] > 0
        c["found"] += row["right"] > 0
        c["trees"] += 1
        for name in ("tokens", "chains", "simulations", "ends", "expanded", "pruned_right"):
            c[name] += row[name]

def total(problems):
    t = collections.Counter()
    for c in problems:
        t.update(c)
    return t

def rate(t):
    return 1000 * t["pairs"] / t["tokens"]

def interval(a, b):
    """95 % of the difference of two rules, resampled by problem."""
    names = list(a)
    rows = [(a[n]["pairs"], a[n]["tokens"], b[n]["pairs"], b[n]["tokens"]) for n in names]
    draw = random.Random(1)
    differences = []
    for _ in range(RESAMPLES):
        p, t, q, u = map(sum, zip(*draw.choices(rows, k=len(rows))))
        differences.append(1000 * p / t - 1000 * q / u)
    differences.sort()
    return differences[RESAMPLES // 40], differences[-RESAMPLES // 40]

means = collections.defaultdict(list)
verdicts = []
for condition in sorted({k[0] for k in cells}):
    print(f"\n**{condition}**\n")
    print("| simulations | rule | tokens | pairs | a 1,000 tokens | minus advantage (95 %) | with a pair | with a right one | own chains a 1,000 | ends a simulation | false rejects |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for budget in (2, 4, 8, 16):
        old = cells[condition, budget, "advantage"]
        rules = [k[2] for k in cells if k[:2] == (condition, budget)]
        for rule in rules:
            mine = cells[condition, budget, rule]
            t = total(mine.values())
            tested = budget in (4, 16) and rule != "advantage"
            low, high = interval(mine, old) if tested else (0, 0)
            if budget in (4, 16) and rule in RULES:
                means[rule].append(rate(t))
            versus = f"{rate(t) - rate(total(old.values())):+.3f} ({low:+.3f} to {high:+.3f})" if tested else ""
            print(f"| {budget} | {rule} | {t['tokens']} | {t['pairs']} | {rate(t):.3f} | {versus} | {t['with'] / t['trees']:.1%} | "
                  f"{t['found'] / t['trees']:.1%} | {1000 * t['chains'] / t['tokens']:.3f} | {t['ends'] / t['simulations']:.2f} | "
                  f"{t['pruned_right'] / t['expanded']:.2%} |")
print("\nMean of the conditions and of 4 and 16 simulations, pairs a 1,000 tokens:")
for rule in RULES:
    print(f"  {rule:10s} {sum(means[rule]) / len(means[rule]):.4f}")
best = max(RULES, key=lambda r: sum(means[r]))
print(f"\nThe best, {best}, minus each other rule (95 %):")
for rule in RULES:
    if rule != best:
        for condition in sorted({k[0] for k in cells}):
            for budget in (4, 16):
                low, high = interval(cells[condition, budget, best], cells[condition, budget, rule])
                print(f"  {rule:10s} {condition:20s} {budget:2d}: {low:+.3f} to {high:+.3f}{'  *' if low > 0 or high < 0 else ''}")
END
