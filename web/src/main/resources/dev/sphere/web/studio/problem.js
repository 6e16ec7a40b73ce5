// A problem: its trees, drawn and replayed, what the chosen node says, what the stages made of it.
import { html, render, nothing } from "./lib/lit-html.js";
import { drawTree, treeLegend } from "./tree.js";
import { get, follow, link, crumbs, put } from "./shell.js";
import { visible, set, percent, count } from "./text.js";
import { growTree, searchSettings, simulate } from "./search.js";

const KIND = { max: "S_max", min: "S_min", both: "S_max = S_min, the only step", pruned: "pruned" };
const ENDED = { right: "right", wrong: "wrong", cut: "cut at a limit" };
const REASONS = { not_applicable: "not applicable", disabled: "switched off" };

const words = label => REASONS[label] ?? label.replaceAll("_", " ");
const signed = n => (n >= 0 ? "+" : "−") + Math.abs(n).toFixed(3);
const number = n => !Number.isFinite(n) ? "∞ (never visited: comes first)" : n.toFixed(3);

function searchName(name) {
  return name.startsWith("correction:") ? "correction of " + (name.slice(11) || "the attempt") : name;
}

/** What the panel says of a node. */
function panel(node, walked, settings, simulations) {
  if (!node.step) {
    return html`<h3>The problem</h3><div class="text">${set(node.text)}</div>
      ${walked.solutions.length ? html`<p class="small">${walked.solutions.length} of ${simulations} simulations are through.</p>` : nothing}`;
  }
  const s = node.step;
  const sum = s.logprobs.reduce((a, b) => a + b, 0);
  const above = node.parent.step;
  const t = walked.terms(node);
  const draws = node.parent.expansion.draws;
  return html`<h3>Step ${node.depth}: ${KIND[node.kind]}${node.outcome ? html` · <span class=${node.outcome === "right" ? "right" : "wrong"}>${ENDED[node.outcome]}</span>` : nothing}</h3>
    <div class="text">${set(s.text.trim())}</div>
    <dl><dt>process reward</dt><dd>${s.prm.toFixed(3)}${s.rollouts ? html` <small>of ${s.rollouts} rollouts</small>`
      : node.kind === "both" && s.prm === 0 && !s.terminal ? html` <small>not rolled out: it had no rival</small>` : nothing}</dd>
    <dt>R, with the advantage</dt><dd>${signed(s.reward)}${above ? html` <small>= ${s.prm.toFixed(3)} + ${settings.advantageWeight} · (${s.prm.toFixed(3)} − ${above.prm.toFixed(3)})</small>` : nothing}</dd>
    <dt>drawn</dt><dd>${s.count} of ${draws} times <small>first at draw ${s.draw + 1}</small></dd>
    <dt>log-probability</dt><dd>${sum.toFixed(3)} <small>${s.tokens.length} tokens, ${(sum / Math.max(1, s.tokens.length)).toFixed(3)} a token</small></dd>
    <dt>ended by</dt><dd>${{ stop: "the separator or a complete answer", end: "the end token", length: "a limit" }[s.finish] ?? s.finish}</dd></dl>
    ${node.kind === "pruned" ? html`<p class="small">Pruned: its R lies between S_max's and S_min's, or it was cut. It was never expanded.</p>`
      : html`<h4>UCT at this point of the search</h4><dl><dt>visits N</dt><dd>${t.n} <small>parent ${walked.terms(node.parent).n}</small></dd>
        <dt>mean reward Q</dt><dd>${t.q.toFixed(3)}</dd><dt>exploration</dt><dd>${number(t.explore)} <small>${settings.uct.toFixed(2)} · √(ln N(parent) / N)</small></dd>
        <dt>UCT</dt><dd><b>${number(t.q + t.explore)}</b></dd></dl>`}`;
}

function stages(p, id, problem) {
  const rows = p.stages.map(s => {
    const before = p.stages.slice(0, p.stages.indexOf(s)).reduce((n, t) => n + t.pairs.length, 0);
    const right = s.attempts.filter(a => a.correct).length;
    return html`<tr><th scope="row">${s.stage}</th><td>${s.pairs.length ? s.pairs.map((pair, i) => html`<a class="button small-button" href=${link("pair", { run: id, problem, n: before + i })}>pair ${before + i + 1}${pair.stage !== s.stage ? ` (${pair.stage})` : ""}</a> `)
      : html`<span class="small">${words(s.reason)}</span>`}</td><td>${s.attempts.length ? html`${right} of ${s.attempts.length} right` : "–"}</td></tr>`;
  });
  return html`<table class="stages"><thead><tr><th>stage</th><th>pairs, or why none</th><th>solutions</th></tr></thead><tbody>${rows}</tbody></table>`;
}

function solutions(p) {
  const all = p.stages.flatMap(s => s.attempts.map(a => ({ ...a, stage: s.stage })));
  return all.length === 0 ? nothing : html`<h2>Solutions</h2>${all.map(a => html`<details class="solution"><summary><span class=${a.correct ? "right" : "wrong"}>${a.truncated ? "✂ cut" : a.correct ? "✓ right" : "✗ wrong"}</span>
    ${searchName(a.search)}, simulation ${a.simulation + 1}, Sol_${a.chain} <span class="small">answer: ${words(a.form ?? "not looked for")}</span></summary><div class="text box">${set(a.text)}</div></details>`)}`;
}

function probe(p) {
  const draws = p.probe.at(-1)?.draws ?? [];
  return draws.length === 0 ? nothing : html`<h2>Probe: ${draws.filter(d => d.solved).length} of ${draws.length} draws right</h2>${draws.map((d, i) => html`<details class="solution"><summary>
    <span class=${d.solved ? "right" : "wrong"}>${d.solved ? "✓" : "✗"} draw ${i + 1}</span> <span class="small">${d.tokens.length} tokens${d.finish === "length" ? ", cut" : ""}</span></summary><div class="text box">${set(d.text)}</div></details>`)}`;
}

export const problemView = {
  about: ["run", "problem"],
  async open(params, show) {
    const id = params.get("run") ?? "";
    const name = params.get("problem") ?? "";
    let p = await get("problem", { run: id, problem: name });
    const settings = searchSettings(p.settings);
    let search = "";
    let shown = Infinity;
    let drawn = null;
    let drawnOf = null; // the search that the picture is of
    let playing = 0;
    const place = document.createElement("div");
    place.className = "tree-place";
    const legend = treeLegend();

    const searches = () => {
      const all = new Map();
      p.tree.forEach(e => all.set(e.search, [...all.get(e.search) ?? [], e]));
      return all;
    };
    const read = now => {
      const all = searches();
      search = all.has(now.get("search")) ? now.get("search") : all.keys().next().value ?? "";
      const at = Number(now.get("shown") ?? NaN);
      shown = Number.isFinite(at) ? at : Infinity;
    };
    const stop = () => {
      clearInterval(playing);
      playing = 0;
    };

    function picture(expansions, node) {
      const root = growTree(expansions, shown, p.problem.question);
      // Stages other than the first may begin with a solution of their own; each search has simulations of its own.
      const simulations = search === "generation" ? settings.simulations : Math.max(settings.simulations, ...p.stages.flatMap(s => s.attempts)
        .filter(a => a.search === search).map(a => a.simulation + 1), 1);
      const walked = simulate(root, { ...settings, simulations });
      const describe = (data, into) => render(panel(data, walkedNow.walked, settings, simulations), into);
      walkedNow.walked = walked;
      if (drawn === null || drawnOf !== search) {
        place.replaceChildren();
        drawn = drawTree(place, root, { prefix: "node:", selected: node || undefined, describe, label: "search tree of " + searchName(search),
          onSelect: path => put({ node: path }) });
        drawnOf = search;
      } else {
        drawn.update(root);
      }
    }
    const walkedNow = { walked: null };

    function draw(node) {
      const all = searches();
      const expansions = all.get(search) ?? [];
      const at = Math.min(shown, expansions.length);
      const slide = n => {
        shown = n >= expansions.length ? Infinity : n;
        put({ shown: Number.isFinite(shown) ? shown : "" });
        draw();
      };
      const play = () => {
        if (playing) {
          stop();
          draw();
          return;
        }
        if (at >= expansions.length) {
          slide(0);
        }
        playing = setInterval(() => {
          const now = Math.min(shown, expansions.length);
          slide(now + 1);
          if (now + 1 >= expansions.length) {
            stop();
            draw();
          }
        }, Math.max(60, Math.min(700, 12000 / Math.max(1, expansions.length))));
        draw();
      };
      show(html`<div class="title"><h1>${visible(name)}</h1><span class="spread"></span><span class="toolbar">
          ${p.previous ? html`<a class="button" href=${link("problem", { run: id, problem: p.previous })} rel="prev">← ${visible(p.previous)}</a>` : nothing}
          ${p.next ? html`<a class="button" href=${link("problem", { run: id, problem: p.next })} rel="next">${visible(p.next)} →</a>` : nothing}</span></div>
        ${p.cut ? html`<div class="warning">This problem has more records than are shown here.</div>` : nothing}
        <div class="split"><div class="question text">${set(p.problem.question)}</div>
        <dl class="known"><dt>known answer</dt><dd><b>${set(p.problem.answer)}</b></dd>${Object.entries(p.problem.metadata ?? {}).map(([k, v]) => html`<dt>${visible(k)}</dt><dd>${visible(v)}</dd>`)}</dl></div>
        ${stages(p, id, name)}
        ${expansions.length === 0 ? html`<p class="empty">${p.progress.behind ? "The logs are being read; the tree comes as soon as it is found." : "There is no tree of this problem: it was not searched yet, or by a strategy that grows none."}</p>` : html`
        <div class="tree-bar"><div class="tabs" role="group" aria-label="searches">${[...all.keys()].map(s => html`<button type="button" aria-pressed=${s === search ? "true" : "false"}
            @click=${() => { stop(); search = s; shown = Infinity; put({ search: s, shown: "", node: "" }); draw(); }}>${searchName(s)} <small>${all.get(s).length}</small></button>`)}</div>
          <div class="replay"><button type="button" @click=${play} aria-label=${playing ? "stop the replay" : "replay the search"}>${playing ? "❚❚" : "▶"}</button>
            <input type="range" min="0" max=${expansions.length} .value=${String(at)} @input=${e => { stop(); slide(Number(e.target.value)); }} aria-label="expansions that are shown">
            <output>${at} of ${expansions.length} expansions</output></div></div>
        ${place}${legend}
        <p class="small">Keys: <kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd> walk, <kbd>Enter</kbd> opens pruned siblings, <kbd>Home</kbd> goes to the problem.</p>`}
        ${solutions(p)}${probe(p)}`);
      if (expansions.length > 0) {
        picture(expansions, node);
      }
    }

    crumbs([id === "." ? "this folder" : id, link("run", { run: id })], [name]);
    read(params);
    draw(params.get("node"));
    const end = follow(() => ({ run: id, problem: name, tree: p.tree.length, stages: p.stages.length }), {
      tree: e => {
        if (!p.tree.some(t => t.search === e.search && t.path === e.path)) { // a connection that was lost begins where it began
          p.tree.push(e);
          search ||= e.search;
          p.progress.behind = false;
          draw();
        }
      },
      stages: s => {
        if (!p.stages.some(t => t.stage === s.stage)) {
          p.stages.push(s);
          draw();
        }
      },
    });
    return { close: () => { end(); stop(); }, update: now => { stop(); read(now); draw(); const n = now.get("node"); if (n !== null) { drawn?.select(n); } } };
  },
};
