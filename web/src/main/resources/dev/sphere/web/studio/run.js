// A search run: figures, why there was no pair, and the table of its problems, of which only what is on the screen is loaded.
import { html, nothing } from "./lib/lit-html.js";
import { get, follow, link, crumbs, put, failed } from "./shell.js";
import { visible, percent, count } from "./text.js";
import { state } from "./runs.js";

const ROW = 46; // px, as in studio.css
const CHUNK = 100;
const FILTERS = ["text", "reason", "stage", "reward", "field", "value", "sort", "desc"];

/** Rows of a long table by their numbers: chunks that are fetched when they come into sight, and let go when they are far. */
function windowed(fetchChunk, changed) {
  let chunks = new Map();
  let generation = 0;
  return {
    clear() { generation++; chunks = new Map(); },
    /** Asks again for what is around a row; it stays on the screen until the answer is there. */
    refresh(near) {
      const at = Math.floor(near / CHUNK);
      const mine = generation;
      for (const k of [...chunks.keys()]) {
        if (Math.abs(k - at) > 1) {
          chunks.delete(k);
        } else {
          fetchChunk(k * CHUNK, CHUNK).then(rows => {
            if (mine === generation && chunks.has(k)) {
              chunks.set(k, rows);
              changed();
            }
          }).catch(failed);
        }
      }
    },
    row(i) {
      const at = Math.floor(i / CHUNK);
      const chunk = chunks.get(at);
      if (chunk === undefined) {
        chunks.set(at, null);
        const mine = generation;
        fetchChunk(at * CHUNK, CHUNK).then(rows => {
          if (mine === generation) {
            chunks.set(at, rows);
            if (chunks.size > 12) {
              [...chunks.keys()].sort((a, b) => Math.abs(b - at) - Math.abs(a - at)).slice(0, 2).forEach(k => chunks.delete(k));
            }
            changed();
          }
        }).catch(failed);
      }
      return chunk?.[i - at * CHUNK] ?? null;
    },
  };
}

const short = n => n < 1e6 ? count(n) : n < 1e9 ? (n / 1e6).toFixed(1) + " M" : (n / 1e9).toFixed(2) + " G";

// What tokens are drawn for, in the order of a problem's way through the run.
const USES = { probe: "solutions of the probe", generation: "candidates of generation", correction: "candidates of correction", diversity: "candidates of diversity",
  solutions: "solutions", repeated: "draws equal to a candidate", rollouts: "rollouts of the process reward" };

/** All tokens that are known to have been drawn. */
function drawn(f) {
  return Object.keys(USES).reduce((sum, use) => sum + (f.tokens[use] ?? 0), 0);
}

function tokenBudget(run) {
  const f = run.figures;
  const all = drawn(f);
  const uses = Object.entries(USES).filter(([use]) => f.tokens[use] > 0);
  const most = Math.max(1, ...uses.map(([use]) => f.tokens[use]));
  const judged = !["mc", "random", "outcome"].includes(run.identity["prm.kind"] ?? "mc");
  const read = ["generation", "correction", "diversity"].reduce((sum, use) => sum + (f.tokens[use] ?? 0), 0);
  return html`<section class="card"><h2>Token budget</h2>${uses.length === 0 ? html`<p class="small">Nothing was drawn yet.</p>`
    : html`<ul class="bars">${uses.map(([use, words]) => html`<li><div>
      <span class="label">${words}</span><span class="n">${short(f.tokens[use])} <small>${percent(f.tokens[use] / all, 0)}</small></span><span class="meter"><i .style=${`width:${100 * f.tokens[use] / most}%`}></i></span></div></li>`)}</ul>`}
    ${judged && read > 0 ? html`<p class="small">The process reward's model read the candidates besides: about ${short(read)} tokens.</p>` : nothing}</section>`;
}

function figures(run) {
  const f = run.figures;
  const pairs = Object.values(f.pairs).reduce((a, b) => a + b, 0);
  const tokens = drawn(f);
  const tile = (value, words, more = nothing) => html`<div class="tile"><b>${value}</b><span>${words}</span>${more}</div>`;
  return html`<div class="tiles">
    ${tile(html`${count(f.ended)}<small> of ${count(f.problems)}</small>`, "problems ended")}
    ${tile(count(pairs), "pairs", html`<small>${Object.entries(f.pairs).filter(([, n]) => n > 0).map(([s, n]) => `${s} ${count(n)}`).join(" · ")}</small>`)}
    ${tile(f.ended ? percent(f.withPairs / Math.max(f.ended, f.withPairs)) : "–", "of problems gave a pair")}
    ${tile(f.solutions ? percent(f.right / f.solutions) : "–", "of solutions are right", html`<small>${count(f.right)} of ${count(f.solutions)}</small>`)}
    ${tile(short(tokens), "tokens drawn", html`<small>${count(f.expansions)} expansions${f.ended ? html`<br>about ${short(Math.round(tokens / f.ended))} a problem` : nothing}</small>`)}
    ${run.flagged ? tile(count(run.flagged), "pairs are flagged", html`<small>${percent(run.flagged / Math.max(1, pairs))} of all pairs</small>`) : nothing}</div>`;
}

function reasons(run, chosen, choose) {
  const f = run.figures;
  const most = Math.max(1, ...f.reasons.map(r => r.n));
  return html`<section class="card"><h2>Why no pair</h2>${f.reasons.length === 0 ? html`<p class="small">${f.ended ? "Every problem that ended gave a pair." : "No problem has ended yet."}</p>`
    : html`<ul class="bars">${f.reasons.map(r => html`<li><button type="button" aria-pressed=${chosen === r.label ? "true" : "false"} @click=${() => choose(r.label)}>
      <span class="label">${r.text}</span><span class="n">${count(r.n)}</span><span class="meter"><i .style=${`width:${100 * r.n / most}%`}></i></span></button></li>`)}</ul>`}</section>`;
}

function classes(run, choose) {
  const fields = run.figures.classes;
  return fields.length === 0 ? nothing : html`<section class="card"><h2>Right solutions by class</h2>${fields.map(f => html`<details ?open=${fields.indexOf(f) === 0}><summary>${visible(f.field)}</summary>
    <table class="classes"><thead><tr><th>${visible(f.field)}</th><th>problems</th><th>with a pair</th><th>right solutions</th></tr></thead><tbody>
    ${f.rows.map(r => html`<tr><td>${f.field.startsWith("length of") ? r.name : html`<button type="button" class="link" @click=${() => choose(f.field, r.name)}>${visible(r.name)}</button>`}</td>
      <td>${count(r.problems)}</td><td>${r.ended ? percent(r.withPairs / Math.max(r.ended, r.withPairs), 0) : "–"}</td>
      <td>${r.solutions ? html`<span class="meter wide"><i .style=${`width:${100 * r.right / r.solutions}%`}></i></span> ${percent(r.right / r.solutions, 0)}` : "–"}</td></tr>`)}</tbody></table></details>`)}</section>`;
}

function budget(run) {
  const info = run.information ?? {};
  return html`<details class="card"><summary>Settings and provenance</summary><div class="scroll" tabindex="0" role="region" aria-label="settings"><table class="facts"><tbody>
    ${Object.entries({ ...info, ...run.identity }).map(([k, v]) => html`<tr><th scope="row">${visible(k)}</th><td>${visible(v) || html`<span class="small">empty</span>`}</td></tr>`)}</tbody></table></div></details>`;
}

/** S_max's and S_min's process reward of the first step, as a stretch between 0 and 1. */
function stretch(row) {
  if (row.max === null) {
    return html`<span class="small">–</span>`;
  }
  const [low, high] = [Math.min(row.min, row.max), Math.max(row.min, row.max)];
  const words = `process reward of the first step: S_max ${row.max.toFixed(2)}, S_min ${row.min.toFixed(2)}`;
  return html`<span class="stretch" role="img" aria-label=${words} title=${words}><i .style=${`left:${100 * low}%;width:${Math.max(4, 100 * (high - low))}%`}></i></span>`;
}

export const runView = {
  about: ["run"],
  async open(params, show) {
    const id = params.get("run") ?? "";
    let run = await get("run", { run: id });
    let filter = Object.fromEntries(FILTERS.map(f => [f, params.get(f) ?? ""]));
    let matched = 0;
    let total = run.figures.problems;
    let top = 0;
    let active = Number(params.get("row") ?? -1);
    crumbs([id === "." ? "this folder" : id]);

    const load = async (from, n) => {
      const page = await get("problems", { run: id, ...filter, from, count: n });
      matched = page.matched;
      total = page.total;
      return page.rows;
    };
    const rows = windowed(load, () => draw());
    const change = changes => {
      filter = { ...filter, ...changes };
      put(filter, true);
      active = -1;
      rows.clear();
      const list = document.getElementById("rows");
      if (list) {
        list.scrollTop = 0;
      }
      top = 0;
      draw();
    };
    let waiting = 0;
    const typed = text => {
      clearTimeout(waiting);
      waiting = setTimeout(() => change({ text }), 250);
    };
    const sortBy = key => change(filter.sort !== key ? { sort: key, desc: key === "id" ? "" : "1" }
      : filter.desc === (key === "id" ? "" : "1") ? { sort: key, desc: key === "id" ? "1" : "" } : { sort: "", desc: "" });
    const open = i => {
      const row = rows.row(i);
      if (row) {
        location.hash = link("problem", { run: id, problem: row.id });
      }
    };
    const keys = event => {
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9 }[event.key];
      if (step) {
        event.preventDefault();
        active = Math.max(0, Math.min(matched - 1, (active < 0 && step > 0 && step < 1e9 ? -1 : active) + step));
        const list = document.getElementById("rows");
        const at = active * ROW;
        if (at < list.scrollTop || at + ROW > list.scrollTop + list.clientHeight) {
          list.scrollTop = step > 0 ? at + ROW - list.clientHeight : at;
        }
        draw();
      } else if (event.key === "Enter" && active >= 0) {
        open(active);
      }
    };
    const head = (key, words, name) => html`<span role="columnheader" class=${name} aria-sort=${filter.sort !== key ? "none" : filter.desc ? "descending" : "ascending"}>
      <button type="button" @click=${() => sortBy(key)}>${words}</button></span>`;

    function line(i) {
      const row = rows.row(i);
      const place = `transform:translateY(${i * ROW}px)`;
      if (!row) {
        return html`<div class="row" role="row" aria-rowindex=${i + 2} .style=${place}><span role="cell" class="small">…</span></div>`;
      }
      return html`<div class="row ${i === active ? "active" : ""}" role="row" id="row-${i}" aria-rowindex=${i + 2} .style=${place} @click=${() => { active = i; open(i); }}>
        <span role="cell" class="c-id"><a href=${link("problem", { run: id, problem: row.id })} tabindex="-1">${visible(row.id)}</a></span>
        <span role="cell" class="c-q">${visible(row.question)}</span>
        <span role="cell" class="c-pairs">${row.pairs > 0 ? html`<b>${row.pairs}</b> <small>${row.stages.join(", ")}</small>` : html`<small>${row.ended ? visible(row.reason ?? "") : "not ended"}</small>`}</span>
        <span role="cell" class="c-right">${row.solutions ? html`${row.right}<small>/${row.solutions}</small>` : "–"}</span>
        <span role="cell" class="c-reward">${stretch(row)}</span>
        ${run.figures.probed ? html`<span role="cell" class="c-probe">${row.solved === null ? "–" : html`${row.solved}<small>/${row.draws}</small>`}</span>` : nothing}</div>`;
    }

    function table() {
      const high = 560;
      const first = Math.max(0, Math.floor(top / ROW) - 6);
      const last = Math.min(matched, Math.ceil((top + high) / ROW) + 6);
      const visibleRows = [];
      if (matched === 0) {
        rows.row(0); // asks how many there are
      }
      for (let i = first; i < last; i++) {
        visibleRows.push(line(i));
      }
      return html`<div class="problems ${run.figures.probed ? "probed" : ""}" role="table" aria-rowcount=${matched + 1} aria-label="problems">
        <div class="row head" role="row" aria-rowindex="1">${head("id", "problem", "c-id")}<span role="columnheader" class="c-q">question</span>${head("pairs", "pairs, or why none", "c-pairs")}
        ${head("right", "right", "c-right")}${head("reward", "first step", "c-reward")}${run.figures.probed ? head("passed", "probe", "c-probe") : nothing}</div>
        <div id="rows" tabindex="0" role="rowgroup" aria-label="rows; arrows walk, Enter opens" @keydown=${keys} @scroll=${e => { top = e.target.scrollTop; draw(); }}
          .style=${`height:${Math.min(high, Math.max(1, matched) * ROW)}px`}><div class="space" .style=${`height:${matched * ROW}px`}>${visibleRows}</div></div></div>`;
    }

    function draw() {
      const p = run.progress;
      const choice = (name, label, options) => html`<label>${label} <select .value=${filter[name]} @change=${e => change({ [name]: e.target.value })}>
        ${options.map(([value, words]) => html`<option value=${value} ?selected=${filter[name] === value}>${words}</option>`)}</select></label>`;
      const any = FILTERS.slice(0, 6).some(f => filter[f]);
      show(html`<div class="title"><h1>${visible(id === "." ? "This run" : id)}</h1>${state(run)}</div>
        ${run.warnings.length ? html`<div class="warning" role="status"><b>Something of this run is damaged or missing.</b> The rest is shown.<ul>${run.warnings.map(w => html`<li>${visible(w)}</li>`)}</ul></div>` : nothing}
        ${p.behind && p.size > 0 ? html`<p class="small" role="status">Reading the logs: ${percent(p.read / p.size, 0)}. Figures and order grow until then.</p>` : nothing}
        ${figures(run)}
        <div class="cards">${reasons(run, filter.reason, label => change({ reason: filter.reason === label ? "" : label }))}
        ${tokenBudget(run)}${classes(run, (field, value) => change({ field, value }))}</div>
        <h2 id="problems">Problems</h2>
        <form class="filters" role="search" @submit=${e => e.preventDefault()}>
          <label>Text <input type="search" .value=${filter.text} @input=${e => typed(e.target.value)} placeholder="in question, answer or id"></label>
          ${choice("reason", "Outcome", [["", "all"], ["pairs", "gave a pair"], ["none", "no pair"], ["open", "not ended"], ...run.figures.reasons.map(r => [r.label, r.text])])}
          ${choice("stage", "Pair from", [["", "any stage"], ["generation", "generation"], ["correction", "correction"], ["diversity", "diversity"], ["probe", "probe"]])}
          ${choice("reward", "First step's reward", [["", "any"], ["low", "low: below ⅓"], ["between", "between"], ["high", "high: above ⅔"], ["gap", "S_max and S_min ≥ 0.25 apart"]])}
          ${filter.field ? html`<button type="button" class="chip" @click=${() => change({ field: "", value: "" })}>${visible(filter.field)}: ${visible(filter.value)} ✕</button>` : nothing}
          ${any ? html`<button type="button" class="chip" @click=${() => change(Object.fromEntries(FILTERS.map(f => [f, ""])))}>clear all</button>` : nothing}
          <output>${count(matched)} of ${count(total)}</output></form>
        ${table()}
        ${matched === 0 && any ? html`<p>No problem fits these filters.</p>` : nothing}
        ${budget(run)}`);
    }

    // The first page tells how many rows there are.
    await load(0, 1);
    draw();
    let known = "";
    let refreshing = 0;
    const end = follow({ run: id }, { run: now => {
      run = { ...run, ...now };
      const figuresNow = JSON.stringify(now.figures);
      if (figuresNow !== known) {
        known = figuresNow;
        refreshing ||= setTimeout(() => {
          refreshing = 0;
          rows.refresh(top / ROW);
        }, 1000);
      }
      draw();
    } });
    return { close: () => { end(); clearTimeout(refreshing); }, update: p => {
      filter = Object.fromEntries(FILTERS.map(f => [f, p.get(f) ?? ""]));
      rows.clear();
      draw();
    } };
  },
};
