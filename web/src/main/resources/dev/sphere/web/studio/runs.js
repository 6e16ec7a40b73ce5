// All runs below the folder, side by side; what is running moves.
import { html, nothing } from "./lib/lit-html.js";
import { get, follow, link, crumbs, put } from "./shell.js";
import { visible, percent, count, ago } from "./text.js";

const KINDS = { search: "Searches", train: "Trainings", eval: "Evaluations", evolve: "Evolution" };
const ORDER = ["evolve", "search", "train", "eval"];

export const STATES = { running: "running", done: "done", stopped: "not finished", damaged: "damaged" };

export function state(run) {
  return html`<span class="state ${run.state}">${STATES[run.state] ?? run.state}</span>`;
}

const address = run => ({
  search: link("run", { run: run.id }),
  train: link("training", { runs: run.id }),
  eval: link("compare", { b: run.id }),
  evolve: link("evolution", { run: run.id }),
})[run.kind];

function bar(part, whole, label) {
  const share = whole > 0 ? Math.min(1, part / whole) : 0;
  return html`<span class="meter" role="img" aria-label=${label} title=${label}><i .style=${`width:${(100 * share).toFixed(1)}%`}></i></span>`;
}

const COLUMNS = {
  search: [["problems", r => html`<span class="n">${count(r.ended)} of ${r.problems ? count(r.problems) : "?"}</span>
      ${bar(r.ended, Number(r.problems), `${r.ended} of ${r.problems} problems ended`)}`],
    ["pairs", r => html`<span class="n">${count(r.pairs)}</span>`],
    ["problems with a pair", r => r.ended > 0 ? percent(r.withPairs / r.ended) : "–"]],
  train: [["step", r => count(r.step ?? 0)], ["loss", r => r.loss?.toFixed(4) ?? "–"],
    ["margin", r => r["rewards/margins"]?.toFixed(3) ?? "–"],
    ["preferences right", r => percent(r["rewards/accuracies"] ?? r.accuracy)]],
  eval: [["problems", r => count(r.problems)], ["accuracy", r => html`<b>${percent(r.accuracy)}</b>`],
    ["95 % interval", r => `${percent(r.low)} to ${percent(r.high)}`]],
  evolve: [["rounds", r => r.rounds], ["accuracy", r => r.accuracy === undefined ? "–" : html`${percent(r.base)} → <b>${percent(r.accuracy)}</b>`],
    ["won, lost", r => r.won === undefined ? "–" : html`<span class="right">${r.won} won</span>, <span class="wrong">${r.lost} lost</span>`]],
};

function table(kind, runs, chosen, toggle) {
  const pick = kind === "train" || kind === "eval";
  return html`<section><h2>${KINDS[kind]} <span class="small">${runs.length}</span></h2>
    <div class="scroll" tabindex="0" role="region" aria-label=${KINDS[kind]}><table class="runs"><thead><tr>
      ${pick ? html`<th><span class="hidden">compare</span></th>` : nothing}<th>run</th><th>state</th>${COLUMNS[kind].map(c => html`<th>${c[0]}</th>`)}<th>last written</th></tr></thead>
    <tbody>${runs.map(r => html`<tr>
      ${pick ? html`<td><input type="checkbox" aria-label="choose ${r.id}" .checked=${chosen.includes(r.id)} @change=${() => toggle(r.id)}></td>` : nothing}
      <td class="name"><a href=${address(r)}>${visible(r.id === "." ? "this folder" : r.id)}</a>${r.error ? html`<div class="wrong small">${visible(r.error)}</div>` : nothing}</td>
      <td>${state(r)}</td>${r.state === "damaged" ? html`<td colspan=${COLUMNS[kind].length}></td>` : COLUMNS[kind].map(c => html`<td>${c[1](r)}</td>`)}
      <td class="small">${r.written ? ago(r.written) : ""}</td></tr>`)}</tbody></table></div>
    ${pick ? together(kind, chosen.filter(id => runs.some(r => r.id === id))) : nothing}</section>`;
}

function together(kind, ids) {
  if (kind === "train") {
    return ids.length > 1 ? html`<p><a class="button" href=${link("training", { runs: ids.join(",") })}>Curves of these ${ids.length} over each other</a></p>` : nothing;
  }
  return ids.length === 2 ? html`<p><a class="button" href=${link("compare", { a: ids[0], b: ids[1] })}>Compare these two, problem by problem</a></p>`
    : html`<p class="small">Choose two to compare them problem by problem.</p>`;
}

export const runsView = {
  about: [],
  async open(params, show) {
    crumbs();
    let all = await get("runs");
    let text = params.get("text") ?? "";
    let chosen = (params.get("chosen") ?? "").split(",").filter(id => id);
    const toggle = id => {
      chosen = chosen.includes(id) ? chosen.filter(c => c !== id) : [...chosen, id];
      put({ chosen: chosen.join(",") });
      draw();
    };
    const draw = () => {
      const runs = all.runs.filter(r => r.id.toLowerCase().includes(text.toLowerCase()));
      const running = all.runs.filter(r => r.state === "running").length;
      show(html`<h1>Runs</h1>
        <p class="small">${visible(all.root)} · ${count(all.runs.length)} runs, ${running} running${all.most ? html` · only the first ${count(all.most)} are shown` : nothing}</p>
        ${all.runs.length === 0 ? html`<div class="empty"><p>There is no run below this folder yet.</p>
          <p>Make one, for instance with <code>./sphere demo --run runs/demo</code>, and it appears here by itself.</p></div>`
          : html`<form class="filters" role="search" @submit=${e => e.preventDefault()}><label>Find <input type="search" .value=${text}
            @input=${e => { text = e.target.value; put({ text }); draw(); }} placeholder="part of a name"></label></form>`}
        ${ORDER.map(kind => { const of = runs.filter(r => r.kind === kind); return of.length ? table(kind, of, chosen, toggle) : nothing; })}
        ${all.runs.length > 0 && runs.length === 0 ? html`<p>No run has “${visible(text)}” in its name.</p>` : nothing}`);
    };
    draw();
    const end = follow({}, { runs: now => { all = now; draw(); } });
    const clock = setInterval(draw, 10000);
    return { close: () => { end(); clearInterval(clock); } };
  },
};
