// A search tree, drawn from left to right. A node is {kind: "max" | "min" | "both" | "pruned", prm, reward, count, outcome:
// "right" | "wrong" | "cut" | null, text, children: [node]}; the root is {text, children}. A node may have chain: "max" or "min",
// which marks the way of the first simulation's Sol_max or Sol_min.

const SVG = "http://www.w3.org/2000/svg";
const [WIDE, HIGH, RIGHT, DOWN, EDGE] = [92, 26, 44, 10, 12];
// Cividis (Nuñez, Anderton, Renslow 2018): equal steps to the eye, with and without colour vision.
const RAMP = [[0, 34, 78], [53, 69, 108], [102, 105, 112], [148, 142, 119], [200, 184, 102], [254, 232, 56]];
const CHAIN = { max: "▲", min: "▼", both: "◆", pruned: "" };
const KIND = { max: "S_max", min: "S_min", both: "S_max = S_min", pruned: "pruned" };
const OUTCOME = { right: "✓", wrong: "✗", cut: "…" };
const ENDED = { right: "right", wrong: "wrong", cut: "cut at a limit" };

function colour(score) {
  const at = Math.min(1, Math.max(0, score)) * (RAMP.length - 1);
  const i = Math.min(RAMP.length - 2, Math.floor(at));
  return RAMP[i].map((c, k) => Math.round(c + (at - i) * (RAMP[i + 1][k] - c)));
}

// Black or white, whichever is read more easily (WCAG's relative luminance; both are alike at 0.179).
function ink(rgb) {
  const [r, g, b] = rgb.map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}

function element(name, attributes, ...children) {
  const e = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([k, v]) => v !== null && e.setAttribute(k, v));
  e.append(...children);
  return e;
}

function words(node) {
  if (node.fold) {
    return `${node.fold.length} pruned`;
  }
  if (!node.parent) {
    return "the problem";
  }
  return [KIND[node.data.kind], `process reward ${node.data.prm.toFixed(3)}`,
    node.data.count > 1 ? `drawn ${node.data.count} times` : null, ENDED[node.data.outcome]].filter(w => w).join(", ");
}

// Nodes with their parents, levels and names; the pruned siblings of a step hang together in a fold.
function grown(data, parent, name) {
  const node = { data, parent, level: parent ? parent.level + 1 : 0, name, children: [] };
  const pruned = [];
  (data.children ?? []).forEach((child, i) => {
    if (child.kind === "pruned") {
      pruned.push(grown(child, node, name + i));
    } else {
      node.children.push(grown(child, node, name + (child.kind === "min" ? "-" : "+")));
    }
  });
  node.children.sort((a, b) => (a.data.kind === "min") - (b.data.kind === "min"));
  if (pruned.length > 0) {
    const fold = { fold: pruned, parent: node, level: node.level + 1, name: name + "f", children: [], open: false };
    node.children.push(fold);
  }
  return node;
}

// The nodes that are shown below one, in the order in which they are drawn.
function shown(node) {
  return node.children.flatMap(c => c.fold && c.open ? [c, ...c.fold] : [c]);
}

// Leaves one below the other, parents in the middle of their children.
function lay(node, next) {
  const below = shown(node);
  if (below.length === 0) {
    node.y = next.y;
    next.y += (node.fold ? 20 : HIGH) + DOWN;
  } else {
    below.forEach(c => lay(c, next));
    const chains = below.filter(c => !c.fold);
    const [first, last] = chains.length ? [chains[0], chains.at(-1)] : [below[0], below[0]];
    node.y = (first.y + last.y) / 2;
  }
  node.x = EDGE + node.level * (WIDE + RIGHT);
  next.nodes.push(node);
  next.level = Math.max(next.level, node.level);
}

function box(node) {
  return node.fold ? { w: 34, h: 20 } : { w: WIDE, h: HIGH };
}

function drawn(node, prefix) {
  const { w, h } = box(node);
  const kind = node.fold ? "fold" : !node.parent ? "root" : `${node.data.kind} ${node.data.outcome ?? ""}`;
  const rgb = node.fold || !node.parent ? null : colour(node.data.prm);
  const label = node.fold ? (node.open ? "–" : "+") + node.fold.length : !node.parent ? "problem"
    : [CHAIN[node.data.kind], node.data.prm.toFixed(2), node.data.count > 1 ? "×" + node.data.count : "",
      OUTCOME[node.data.outcome] ?? ""].filter(t => t).join(" ");
  const text = element("text", { x: w / 2, y: h / 2, dy: ".35em", "text-anchor": "middle", fill: rgb ? ink(rgb) : null });
  text.append(label);
  const g = element("g", {
    class: "node " + kind, id: prefix + node.name, role: "treeitem", transform: `translate(${node.x} ${node.y})`,
    "aria-level": node.level + 1, "aria-label": words(node), "aria-selected": "false",
    "aria-expanded": node.fold ? String(node.open) : null,
  }, element("rect", { width: w, height: h, rx: 5, fill: rgb ? `rgb(${rgb})` : null }),
    element("rect", { class: "ring", x: -4, y: -4, width: w + 8, height: h + 8, rx: 8 }), text);
  return g;
}

// How often a step was drawn is the width of the way to it.
function edge(node) {
  const from = node.parent;
  const [x1, y1] = [from.x + box(from).w, from.y + box(from).h / 2];
  const [x2, y2] = [node.x, node.y + box(node).h / 2];
  const middle = (x1 + x2) / 2;
  return element("path", {
    class: "edge " + (node.fold ? "pruned" : node.data.kind) + (node.data?.chain ? " chain " + node.data.chain : ""), "stroke-width": node.fold ? 1 : Math.min(9, 1.5 * node.data.count),
    d: `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`,
  });
}

// What the panel says of a node. Texts are set as text: what comes from models cannot become markup.
function describe(node, panel) {
  const title = document.createElement("b");
  const facts = document.createElement("dl");
  const fact = (name, value) => {
    const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
    dt.textContent = name;
    dd.textContent = value;
    facts.append(dt, dd);
  };
  const text = document.createElement("div");
  text.className = "step";
  if (node.fold) {
    title.textContent = `${node.fold.length} pruned siblings`;
    text.textContent = "Enter or a click shows them.";
  } else if (!node.parent) {
    title.textContent = "The problem";
    text.textContent = node.data.text;
  } else {
    title.textContent = `Step ${node.level}: ${KIND[node.data.kind]}`;
    fact("process reward", node.data.prm.toFixed(3));
    fact("R", (node.data.reward >= 0 ? "+" : "") + node.data.reward.toFixed(3));
    fact("drawn", node.data.count === 1 ? "once" : node.data.count + " times");
    if (node.data.outcome) {
      fact("outcome", ENDED[node.data.outcome]);
    }
    text.textContent = node.data.text;
  }
  panel.replaceChildren(title, facts, text);
}

/**
 * Draws a tree into an element: the picture, and beside it a panel with the chosen node. Arrow keys walk, Enter opens and folds
 * pruned siblings, Home goes to the problem.
 *
 * @param options prefix: begins the nodes' ids (unique in the page); selected: name of the node that is chosen first; onSelect:
 *   called with the name of a node when a reader chooses it; describe: (data, panel, node) => fills the panel in another way
 * @returns {{select: function(string): boolean, update: function(object)}} update shows another tree, as the same search had it
 *   earlier or later: what was open stays open, and the chosen node chosen where it is there
 */
export function drawTree(place, data, options = {}) {
  const prefix = options.prefix ?? "t0:";
  let root = grown(data, null, "");
  const view = document.createElement("div");
  view.className = "tree-view";
  view.tabIndex = 0;
  view.setAttribute("role", "tree");
  view.setAttribute("aria-label", options.label ?? "search tree");
  const panel = document.createElement("div");
  panel.className = "tree-panel";
  panel.tabIndex = 0;
  panel.setAttribute("role", "region");
  panel.setAttribute("aria-label", "the chosen node");
  panel.setAttribute("aria-live", "polite");
  place.classList.add("tree");
  place.append(view, panel);
  let nodes = [];
  let chosen = root;

  function paint() {
    const next = { y: EDGE, nodes: [], level: 0 };
    lay(root, next);
    nodes = next.nodes;
    const svg = element("svg", { width: EDGE * 2 + next.level * (WIDE + RIGHT) + WIDE, height: next.y + EDGE - DOWN, role: "presentation" },
      element("g", {}, ...nodes.filter(n => n.parent).map(edge)));
    nodes.sort((a, b) => a.level - b.level || a.y - b.y).forEach(n => svg.append(drawn(n, prefix)));
    view.replaceChildren(svg);
    mark();
  }

  function mark() {
    view.querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
    view.querySelector("#" + CSS.escape(prefix + chosen.name)).setAttribute("aria-selected", "true");
    view.setAttribute("aria-activedescendant", prefix + chosen.name);
    (options.describe && !chosen.fold ? () => options.describe(chosen.data, panel, chosen) : () => describe(chosen, panel))();
  }

  function reveal() {
    const { w, h } = box(chosen);
    const clamp = (now, from, size, all) => from - 2 * EDGE < now ? from - 2 * EDGE : from + size + 2 * EDGE > now + all ? from + size + 2 * EDGE - all : now;
    view.scrollTo(clamp(view.scrollLeft, chosen.x, w, view.clientWidth), clamp(view.scrollTop, chosen.y, h, view.clientHeight));
  }

  function select(node, told = true) {
    chosen = node;
    mark();
    reveal();
    if (told) {
      options.onSelect?.(node.name);
    }
  }

  function toggle(fold) {
    fold.open = !fold.open;
    chosen = fold;
    paint();
    reveal();
  }

  function find(name, node = root) {
    if (node.name === name) {
      return node;
    }
    for (const child of node.children.flatMap(c => c.fold ? [c, ...c.fold] : [c])) {
      const found = find(name, child);
      if (found) {
        return found;
      }
    }
    return null;
  }

  view.addEventListener("click", event => {
    const node = nodes.find(n => prefix + n.name === event.target.closest(".node")?.id);
    if (node?.fold) {
      toggle(node);
    } else if (node) {
      select(node);
    }
  });
  view.addEventListener("keydown", event => {
    const column = nodes.filter(n => n.level === chosen.level);
    const at = column.indexOf(chosen);
    const steps = {
      ArrowRight: () => chosen.fold && !chosen.open ? toggle(chosen) : chosen.fold ? select(chosen.fold[0]) : shown(chosen)[0] && select(shown(chosen)[0]),
      ArrowLeft: () => chosen.fold?.length && chosen.open ? toggle(chosen) : chosen.parent && select(chosen.parent),
      ArrowUp: () => at > 0 && select(column[at - 1]),
      ArrowDown: () => at < column.length - 1 && select(column[at + 1]),
      Home: () => select(root),
      Enter: () => chosen.fold && toggle(chosen),
      " ": () => chosen.fold && toggle(chosen),
    };
    if (steps[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      steps[event.key]();
    }
  });

  const api = {
    select(name) {
      const node = find(name);
      if (node && !nodes.includes(node)) { // in a fold
        node.parent.children.filter(c => c.fold?.includes(node)).forEach(c => { c.open = true; });
        paint();
      }
      if (node) {
        select(node, false);
      }
      return node !== null;
    },
  };
  api.update = changed => {
    const name = chosen.name;
    const open = new Set();
    const folds = (node, visit) => node.children.forEach(c => c.fold ? visit(c) : folds(c, visit));
    folds(root, fold => fold.open && open.add(fold.name));
    root = grown(changed, null, "");
    folds(root, fold => { fold.open = open.has(fold.name); });
    chosen = root;
    for (let at = name; at !== "" && chosen === root; at = at.slice(0, -1)) { // or the nearest above it
      const there = find(at);
      chosen = there && (!there.parent || there.parent.children.includes(there) || there.parent.children.some(c => c.open && c.fold.includes(there)))
        ? there : root;
    }
    paint();
  };
  paint();
  if (options.selected) {
    api.select(options.selected);
  }
  return api;
}

/** What colours, borders and widths say, as a line for below a tree. */
export function treeLegend() {
  const legend = document.createElement("div");
  legend.className = "legend";
  const add = (...parts) => {
    const span = document.createElement("span");
    span.append(...parts);
    legend.append(span);
  };
  const ramp = document.createElement("span");
  ramp.className = "ramp";
  RAMP.forEach(rgb => {
    const i = document.createElement("i");
    i.style.background = `rgb(${rgb})`;
    ramp.append(i);
  });
  add("process reward 0", ramp, "1");
  add("▲ S_max  ▼ S_min  ◆ both");
  add("✓ solid: right  ✗ dashed: wrong  … dotted: cut");
  add("wide line: drawn often");
  add("+3: pruned siblings, press to open");
  return legend;
}
