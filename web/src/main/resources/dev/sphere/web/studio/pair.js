// A pair: what both sides have in common folded, the rest beside each other, the answer as it was read marked in it, and what the
// policy thinks of each token before and after training.
import { html, nothing } from "./lib/lit-html.js";
import { get, post, link, crumbs, put } from "./shell.js";
import { visible, set, percent, count } from "./text.js";

const FLAGS = { chosen_wrong: "chosen is wrong", same: "both say the same", misread: "answer misread" };
const FORMS = { box: "in a box", hashes: "after ####", marker: "after “the answer is”", whole: "the whole text", line: "the last line",
  math: "a guess: the last formula", number: "a guess: the last number", sentence: "a guess: after the last “is”", prose: "a guess: the text as it stands", nothing: "none was found" };
const MODES = [["text", "Text"], ["before", "log π before"], ["after", "log π after"], ["change", "log π − log π_ref"]];
const MOST_UNASKED = 400e6; // bytes of a model that is loaded without being asked

/** How much text both sides begin with: whole lines, or whole words where that is all. */
function common(a, b) {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) {
    n++;
  }
  const line = a.lastIndexOf("\n", n - 1) + 1;
  return n === a.length || n === b.length ? Math.min(n, a.lastIndexOf("\n", n - 1) + 1 || 0) : line;
}

// Blue: more probable than under the reference; orange: less; the token of the pair that changed most has the full colour. Before and
// after: the paler, the more probable.
function shade(mode, token, most) {
  if (mode === "change") {
    const d = token.after - token.before;
    return [d >= 0 ? "more" : "less", Math.abs(d) / most];
  }
  const surprise = -(mode === "after" ? token.after : token.before);
  return ["surprise", Math.min(1, surprise / 4)];
}

function tokenTitle(token) {
  const parts = [`log π_ref ${token.before.toFixed(3)} (${percent(Math.exp(token.before))})`];
  if (token.after !== undefined) {
    parts.push(`log π ${token.after.toFixed(3)} (${percent(Math.exp(token.after))})`, `difference ${(token.after - token.before).toFixed(3)}`);
  }
  return parts.join(", ");
}

/** Tokens from a place in the text on, with their shades. */
function tokens(all, mode, from, until, mark, most) {
  let at = 0;
  return html`<span class="heat">${all.map(t => {
    const begin = at;
    at += t.special ? 0 : t.text.length;
    if (begin < from || begin >= until && !(t.special && until === Infinity)) {
      return nothing;
    }
    const [name, strength] = shade(mode, t, most);
    const inAnswer = mark && !t.special && begin < mark.to && at > mark.from;
    return html`<span class="token ${name} ${inAnswer ? "answer" : ""} ${t.special ? "special" : ""}" .style=${`--heat:${(100 * strength).toFixed(0)}%`} title=${tokenTitle(t)}>${visible(t.text)}</span>`;
  })}</span>`;
}

const sum = (all, of) => all.reduce((a, t) => a + of(t), 0);

export const pairView = {
  about: ["run", "problem", "n"],
  async open(params, show) {
    const id = params.get("run") ?? "";
    const problem = params.get("problem") ?? "";
    const n = Number(params.get("n") ?? 0);
    let p = await get("pair", { run: id, problem, n });
    let mode = params.get("mode") ?? "text";
    let trained = params.get("trained") ?? p.trained.find(t => t.beside)?.id ?? "";
    let heat = null;
    let state = ""; // why there is no heat yet
    let asked = 0;
    let note = "";

    async function compute() {
      const mine = ++asked;
      heat = null;
      state = "The log-probabilities are being computed …";
      draw();
      try {
        const answer = await get("heat", { run: id, problem, n, ...trained ? { trained } : {} });
        if (mine === asked) {
          heat = answer;
          state = "";
        }
      } catch (error) {
        if (mine === asked) {
          state = error.message;
        }
      }
      draw();
    }
    const choose = (name, value) => {
      put({ [name]: value === "text" ? "" : value });
      if (name === "mode") {
        mode = value;
      } else {
        trained = value;
        heat = null;
      }
      if (mode !== "text" && heat === null && p.missing === "" && p.modelBytes < MOST_UNASKED) {
        compute();
      } else {
        draw();
      }
    };
    const flag = async label => {
      const next = p.flag === label ? null : label;
      try {
        const answer = await post("flag", { run: id, problem, n }, { flag: next });
        p = { ...p, flag: next, flagged: answer.flagged };
        note = next === null ? "The flag is taken back." : "The flag is kept in the run's flags.jsonl.";
      } catch (error) {
        note = error.message;
      }
      draw();
    };

    const most = () => Math.max(0.05, ...[...heat.chosen, ...heat.rejected].map(t => Math.abs((t.after ?? t.before) - t.before)));

    function side(name) {
      const s = p[name];
      const shared = common(p.chosen.text, p.rejected.text);
      const mark = s.from < 0 ? null : { from: s.from, to: s.to, title: "the answer, as it was read" };
      const rest = mark && { ...mark, from: mark.from - shared, to: mark.to - shared };
      const all = heat?.[name];
      const body = mode !== "text" && all && (mode === "before" || all[0]?.after !== undefined) ? tokens(all, mode, shared, Infinity, mark, most()) : set(s.text.slice(shared), rest);
      return html`<section class="side ${name}"><h2>${name} <span class=${s.right ? "right" : "wrong"}>${s.right ? "✓ right" : "✗ wrong"}</span></h2>
        <div class="text">${body}</div>
        <dl class="known"><dt>answer as read</dt><dd>${s.answer ? html`<b>${set(s.answer)}</b>` : "none"} <span class="small">${FORMS[s.form] ?? s.form}${s.answer && s.from < 0 ? ", in other words" : ""}</span></dd>
          <dt>known answer</dt><dd><b>${set(p.answer)}</b> <span class="small">${s.how}</span></dd>
          ${all ? html`<dt>log π_ref</dt><dd>${sum(all, t => t.before).toFixed(2)} <span class="small">${all.length} tokens, ${(sum(all, t => t.before) / Math.max(1, all.length)).toFixed(3)} a token</span></dd>
          ${all[0]?.after === undefined ? nothing : html`<dt>log π − log π_ref</dt><dd><b>${sum(all, t => t.after - t.before).toFixed(2)}</b></dd>`}` : nothing}</dl></section>`;
    }

    function draw() {
      const shared = common(p.chosen.text, p.rejected.text);
      const lines = p.chosen.text.slice(0, shared).trim().split("\n").filter(l => l.trim()).length;
      const afterThere = trained !== "";
      const margin = heat?.chosen[0]?.after === undefined ? null
        : sum(heat.chosen, t => t.after - t.before) - sum(heat.rejected, t => t.after - t.before);
      show(html`<div class="title"><h1>Pair ${n + 1} of ${p.of}</h1><span class="small">from ${p.stage}</span><span class="spread"></span>
          <span class="toolbar">${n > 0 ? html`<a class="button" href=${link("pair", { run: id, problem, n: n - 1 })}>← pair ${n}</a>` : nothing}
          ${n + 1 < p.of ? html`<a class="button" href=${link("pair", { run: id, problem, n: n + 1 })}>pair ${n + 2} →</a>` : nothing}</span></div>
        <div class="question text">${set(p.question)}</div>
        <details class="small"><summary>The prompt as the model saw it</summary><pre>${visible(p.prompt)}</pre></details>
        <div class="tree-bar"><div class="tabs" role="group" aria-label="what is shown">${MODES.map(([key, words]) => html`<button type="button" aria-pressed=${mode === key ? "true" : "false"}
            ?disabled=${key !== "text" && p.missing !== "" || (key === "after" || key === "change") && !afterThere} @click=${() => choose("mode", key)}>${words}</button>`)}</div>
          <label class="inline">trained by <select .value=${trained} ?disabled=${p.trained.length === 0} @change=${e => choose("trained", e.target.value)}>
            <option value="" ?selected=${trained === ""}>${p.trained.length ? "none" : "no training found"}</option>${p.trained.map(t => html`<option value=${t.id} ?selected=${t.id === trained}>${visible(t.id)}</option>`)}</select></label></div>
        ${p.missing ? html`<p class="small">No log-probabilities: ${visible(p.missing)}. The tree of the <a href=${link("problem", { run: id, problem })}>problem</a> has those of each step, as they were recorded.</p>`
          : mode !== "text" && heat === null ? html`<p class="small" role="status">${state ? visible(state) : html`The model has ${count(Math.round(p.modelBytes / 1e6))} MB. <button type="button" class="link" @click=${compute}>Compute the log-probabilities</button>`}</p>`
          : mode === "text" ? nothing : html`<p class="small legend">${mode === "change" ? html`<span class="token more" .style=${"--heat:80%"}>more probable</span> <span class="token less" .style=${"--heat:80%"}>less probable</span> after training than under the reference, full colour: ${most().toFixed(2)} nats`
            : html`<span class="token surprise" .style=${"--heat:10%"}>expected</span> <span class="token surprise" .style=${"--heat:90%"}>surprising</span>`}; the answer is underlined${margin === null ? nothing : html`; margin ${margin.toFixed(2)} nats`}</p>`}
        ${lines > 0 ? html`<details class="shared" ?open=${lines < 3}><summary>${lines} ${lines === 1 ? "line" : "lines"} in common</summary><div class="text">${mode !== "text" && heat && (mode === "before" || heat.chosen[0]?.after !== undefined)
          ? tokens(heat.chosen, mode, 0, shared, null, most()) : set(p.chosen.text.slice(0, shared).trimEnd())}</div></details>` : nothing}
        <div class="sides">${side("chosen")}${side("rejected")}</div>
        <section class="card flags"><h2>Is this a good pair?</h2><div class="tabs" role="group" aria-label="flags">${Object.entries(FLAGS).map(([key, words]) => html`<button type="button"
            aria-pressed=${p.flag === key ? "true" : "false"} @click=${() => flag(key)}>${words}</button>`)}</div>
          <p class="small" role="status">${note ? visible(note) + " " : ""}${count(p.flagged)} of ${count(p.pairs)} pairs of this run are flagged${p.pairs ? ` (${percent(p.flagged / p.pairs)})` : ""}.
            <code>train dpo --drop-flagged</code> leaves them out.</p></section>`);
    }

    crumbs([id === "." ? "this folder" : id, link("run", { run: id })], [problem, link("problem", { run: id, problem })], ["pair " + (n + 1)]);
    draw();
    if (mode !== "text" && p.missing === "" && p.modelBytes < MOST_UNASKED) {
      compute();
    }
    return { update: now => {
      mode = now.get("mode") ?? "text";
      draw();
    } };
  },
};
