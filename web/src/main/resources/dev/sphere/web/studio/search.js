// What a search's expansions say: its tree, and the visits that its simulations made.

/** An outcome in a word: right, wrong, cut; null on the way. */
export function outcome(step) {
  return !step.terminal ? null : step.truncated ? "cut" : step.correct ? "right" : "wrong";
}

/**
 * The tree of the first expansions of a search, as tree.js draws it. A node's step is the candidate on record, its path the choices
 * from the root; expansion is what was found below it.
 *
 * @param expansions records of tree.jsonl of one search, in their order
 * @param shown how many of them
 */
export function growTree(expansions, shown, question) {
  const byPath = new Map(expansions.slice(0, shown).map(e => [e.path, e]));
  const node = (path, step, parent, kind) => ({ path, step, parent, kind, depth: parent ? parent.depth + 1 : 0, expansion: byPath.get(path) ?? null,
    text: step ? step.text.trim() : question, prm: step?.prm, reward: step?.reward, count: step?.count, outcome: step ? outcome(step) : null, children: [] });
  const grow = n => {
    const e = n.expansion;
    e?.candidates.forEach((c, i) => {
      const kind = i === e.max && i === e.min ? "both" : i === e.max ? "max" : i === e.min ? "min" : "pruned";
      const child = node(n.path + (kind === "min" ? "-" : kind === "pruned" ? "/" + i : "+"), c, n, kind);
      n.children.push(child);
      if (kind !== "pruned") {
        grow(child);
      }
    });
    return n;
  };
  return grow(node("", null, null, "root"));
}

/** S_max and S_min below a node: none, one for both, or two. */
export function survivors(node) {
  return node.children.filter(c => c.kind !== "pruned").sort((a, b) => (a.kind === "min") - (b.kind === "min"));
}

/** How the search is told to choose, from the run's identity. */
export function searchSettings(settings) {
  return {
    uct: Number(settings["search.uct"] ?? Math.SQRT2),
    outcomeWeight: Number(settings["search.outcomeWeight"] ?? 1),
    simulations: Number(settings["search.simulations"] ?? 1),
    backup: (settings["search.backup"] ?? "advantage").toLowerCase(), // runs that do not name it did that
    advantageWeight: Number(settings["search.advantageWeight"] ?? 1),
  };
}

/**
 * Walks a search's simulations again: how often each node was visited and what was backed up, as far as the tree has grown.
 * The same rules as in the engine's SphereSearch: the first begins at the root, the others at the node that UCT chooses.
 */
export function simulate(root, settings) {
  const seen = new Map();
  const of = n => seen.get(n) ?? seen.set(n, { n: 0, sum: 0, expanded: false }).get(n);
  const q = n => of(n).n === 0 ? 0 : of(n).sum / of(n).n;
  const explore = n => of(n).n === 0 ? Infinity : settings.uct * Math.sqrt(Math.log(of(n.parent).n) / of(n).n);
  const terminal = n => n.step !== null && n.step.terminal;
  const exhausted = n => terminal(n) || of(n).expanded && survivors(n).every(exhausted);
  const follow = (n, last) => {
    while (!terminal(n)) {
      const below = survivors(n);
      if (below.length === 0) {
        return null; // the search has not come there yet
      }
      of(n).expanded = true;
      n = below[last ? below.length - 1 : 0];
    }
    return n;
  };
  const backUp = end => {
    let reward = end.step.correct ? settings.outcomeWeight : 0;
    if (settings.backup === "score") {
      reward += end.step.prm;
    } else if (settings.backup === "advantage") {
      reward += end.step.reward;
    } else if (settings.backup === "mean") {
      let sum = 0;
      for (let n = end; n.step !== null; n = n.parent) {
        sum += n.step.prm;
      }
      reward += sum / end.depth;
    }
    for (let n = end; n !== null; n = n.parent) {
      of(n).n++;
      of(n).sum += reward;
    }
  };
  const solutions = [];
  for (let i = 0; i < settings.simulations && !exhausted(root); i++) {
    let leaf = root;
    while (of(leaf).expanded) {
      leaf = survivors(leaf).filter(c => !exhausted(c))
        .reduce((best, c) => best === null || q(c) + explore(c) > q(best) + explore(best) ? c : best, null);
    }
    const max = follow(leaf, false);
    const min = max === null ? null : follow(leaf, true);
    if (max === null || min === null) {
      break;
    }
    backUp(max);
    if (min !== max) {
      backUp(min);
    }
    solutions.push({ max, min });
  }
  const mark = (end, chain) => {
    for (let n = end; n && n.parent; n = n.parent) {
      n.chain ??= chain;
    }
  };
  mark(solutions[0]?.max, "max");
  mark(solutions[0]?.min, "min");
  return { solutions, terms: n => ({ n: of(n).n, q: q(n), explore: n.parent ? explore(n) : 0 }) };
}
