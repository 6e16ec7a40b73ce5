// Trainings: their curves, several over each other, and how chosen and rejected moved apart on the pairs of a search.
import { html, nothing } from "./lib/lit-html.js";
import uPlot from "./lib/uplot.js";
import { drawCharts } from "./charts.js";
import { get, follow, link, crumbs, put } from "./shell.js";
import { visible, percent, count } from "./text.js";
import { state } from "./runs.js";

window.uPlot = uPlot; // charts.js is a part of pages too, where uPlot is a script

const CHARTS = [
  ["Loss", ["loss", "eval_loss"]],
  ["Margin of the rewards", ["rewards/margins", "eval_rewards/margins"]],
  ["Rewards", ["rewards/chosen", "rewards/rejected"]],
  ["Preferences that are right", ["rewards/accuracies", "eval_rewards/accuracies"]],
  ["Steps judged right", ["accuracy", "eval_accuracy"]],
  ["Scores and labels", ["mean_score", "mean_label"]],
  ["Log-probabilities", ["logps/chosen", "logps/rejected"]],
  ["Entropy, nats a token", ["entropy", "eval_entropy"]],
  ["Tokens that are the most probable", ["mean_token_accuracy", "eval_mean_token_accuracy"]],
  ["Mean logits", ["logits/chosen", "logits/rejected"]],
  ["WPO's weight", ["wpo_weight"]],
  ["Learning rate", ["learning_rate"]],
  ["Norm of the gradient", ["grad_norm"]],
  ["Tokens per second", ["tokens_per_second"]],
];
const BINS = 24;

/** Charts over the steps of all runs; a line for each metric of each run. */
function charts(runs) {
  const x = [...new Set(runs.flatMap(r => r.rows.map(row => row.step)))].sort((a, b) => a - b);
  const byStep = runs.map(r => new Map(r.rows.map(row => [row.step, row])));
  return CHARTS.map(([title, metrics]) => {
    const names = [];
    const values = [];
    runs.forEach((r, i) => metrics.filter(m => r.rows.some(row => Number.isFinite(row[m]))).forEach(m => {
      names.push(runs.length > 1 ? `${r.short}: ${m}` : m);
      values.push(x.map(step => byStep[i].get(step)?.[m] ?? null));
    }));
    return { title, label: "step", log: false, x, names, values };
  }).filter(c => c.names.length > 0);
}

/** Names without what all of them begin or end with. */
function shorten(ids) {
  if (ids.length === 1) {
    return ids;
  }
  const parts = ids.map(id => id.split("/"));
  let from = 0;
  while (parts.every(p => p.length > from + 1 && p[from] === parts[0][from])) {
    from++;
  }
  let to = 0;
  while (parts.every(p => p.length - to > from + 1 && p.at(-1 - to) === parts[0].at(-1 - to))) {
    to++;
  }
  return parts.map(p => p.slice(from, p.length - to).join("/"));
}

function histogram(title, values, low, high, chosen, choose, name) {
  const bins = Array.from({ length: BINS }, () => 0);
  const width = (high - low) / BINS || 1;
  const bin = v => Math.max(0, Math.min(BINS - 1, Math.floor((v - low) / width)));
  values.forEach(v => bins[bin(v)]++);
  const most = Math.max(1, ...bins);
  const mean = values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
  return html`<figure class="histogram ${name}"><figcaption>${title} <span class="small">mean ${mean.toFixed(2)}</span></figcaption>
    <div class="columns" role="group" aria-label=${title}>${bins.map((n, i) => {
      const [a, b] = [low + i * width, low + (i + 1) * width];
      const words = `${n} pairs from ${a.toFixed(2)} to ${b.toFixed(2)}`;
      return html`<button type="button" ?disabled=${n === 0} aria-pressed=${chosen === i ? "true" : "false"} aria-label=${words} title=${words} @click=${() => choose(i, a, b)}><i .style=${`height:${n === 0 ? 0 : Math.max(3, 100 * n / most)}%`}></i></button>`;
    })}</div><div class="ends small"><span>${low.toFixed(2)}</span><span>${high.toFixed(2)}</span></div></figure>`;
}

export const trainingView = {
  about: ["runs"],
  async open(params, show) {
    const ids = (params.get("runs") ?? "").split(",").filter(id => id);
    if (ids.length === 0) {
      throw new Error("The address names no training.");
    }
    const names = shorten(ids);
    const runs = await Promise.all(ids.map(async (id, i) => ({ ...await get("training", { run: id }), short: names[i] })));
    crumbs([ids.length === 1 ? ids[0] : `${ids.length} trainings`]);
    const place = document.createElement("div");
    place.id = "charts";
    let drawn = null;
    let titles = "";
    let search = params.get("search") ?? runs[0].searches.find(s => s.beside)?.id ?? "";
    let spread = null;
    let bar = null; // {which, i, a, b}
    let note = "";
    let step = params.get("step") ?? "";
    let batches = null; // of each run that has a point at the step: {run, short, first, last, rows, all, search, error}

    async function behindPoint() {
      const asked = step;
      const there = runs.filter(r => r.rows.some(row => String(row.step) === asked));
      batches = asked === "" ? null : there.map(r => ({ run: r.id, short: r.short }));
      draw();
      const found = await Promise.all(there.map(async r => {
        try {
          const own = ids.length === 1 && search ? { search } : {};
          return { run: r.id, short: r.short, ...await get("batch", { run: r.id, step: asked, ...own }) };
        } catch (error) {
          return { run: r.id, short: r.short, error: error.message };
        }
      }));
      if (asked === step && asked !== "") {
        batches = found;
        draw();
      }
    }

    async function choose(to) {
      step = String(to);
      put({ step });
      await behindPoint();
      document.getElementById("batch")?.focus();
    }

    function unchoose() {
      step = "";
      batches = null;
      put({ step });
      draw();
    }

    /** The search in which a training's pairs are looked for. */
    function searches(changed) {
      return html`<select aria-label="search" .value=${search} @change=${e => { search = e.target.value; put({ search }); changed(); }}><option value="" ?selected=${search === ""}>choose a search</option>
        ${runs[0].searches.map(s => html`<option value=${s.id} ?selected=${s.id === search}>${visible(s.id)}</option>`)}</select>`;
    }

    /** What a point's steps were trained on. */
    function batch() {
      if (batches === null) {
        return nothing;
      }
      const first = batches.find(b => b.first !== undefined);
      const steps = first && first.first < first.last ? `steps ${count(first.first)} to ${count(first.last)}` : `step ${count(Number(step))}`;
      const list = b => b.error !== undefined ? html`<p role="status">${visible(b.error)}</p>`
        : b.rows === undefined ? html`<p role="status">Reading …</p>`
        : b.all === 0 ? html`<p class="small">Before the first step nothing was trained on.</p>`
        : html`<p class="small">${count(b.all)} ${b.all === 1 ? "row" : "rows"}${b.rows.length < b.all ? `, the first ${count(b.rows.length)}` : ""}${b.search
          ? html`, as pairs of ${visible(b.search)}` : nothing}.</p>
          <ul class="behind">${b.rows.map(row => html`<li>${row.problem === undefined ? visible(row.row)
            : html`<a href=${link("pair", { run: b.search, problem: row.problem, n: row.n, trained: b.run })}>${visible(row.problem)}, pair ${row.n + 1}</a> <span class="small">${row.stage}</span>`}</li>`)}</ul>`;
      return html`<section class="card" id="batch" tabindex="-1" aria-label="what stands behind the point"><h2>What ${steps} learned from
          <button type="button" class="link" @click=${unchoose}>close</button></h2>
        ${ids.length === 1 && runs[0].searches.length > 0 ? html`<p class="small">Pairs are looked for in ${searches(() => { spread = null; behindPoint(); })}</p>` : nothing}
        ${batches.length === 0 ? html`<p role="status">No point is on record at step ${visible(step)}.</p>` : nothing}
        ${batches.map(b => html`${ids.length > 1 ? html`<h3>${visible(b.short)}</h3>` : nothing}${list(b)}`)}</section>`;
    }

    async function compute() {
      note = "Both models score the pairs …";
      spread = null;
      bar = null;
      draw();
      try {
        spread = await get("spread", { run: ids[0], search });
        note = "";
      } catch (error) {
        note = error.message;
      }
      draw();
    }

    function distributions() {
      const r = runs[0];
      if (ids.length > 1 || !r.preferences || r.searches.length === 0) {
        return nothing;
      }
      const of = { chosen: row => row.chosen, rejected: row => row.rejected, margin: row => row.chosen - row.rejected };
      const all = spread ? spread.rows.flatMap(row => [row.chosen, row.rejected]) : [];
      const margins = spread ? spread.rows.map(of.margin) : [];
      const choose = which => (i, a, b) => { bar = bar?.which === which && bar.i === i ? null : { which, i, a, b }; draw(); };
      const behind = bar === null ? [] : spread.rows.filter(row => of[bar.which](row) >= bar.a && (of[bar.which](row) < bar.b || bar.i === BINS - 1));
      const ends = values => [Math.min(0, ...values), Math.max(0, ...values)];
      return html`<section class="card"><h2>What training did to the pairs</h2>
        <p class="small">log π − log π_ref in nats (a reward is β times that), over the pairs of
          ${searches(() => { spread = null; draw(); })}
          ${search ? html`<button type="button" class="link" @click=${compute}>${spread ? "again" : "compute"}</button>` : nothing}</p>
        ${note ? html`<p role="status">${visible(note)}</p>` : nothing}
        ${spread === null ? nothing : html`<div class="histograms">${histogram("chosen", spread.rows.map(of.chosen), ...ends(all), bar?.which === "chosen" ? bar.i : -1, choose("chosen"), "chosen")}
          ${histogram("rejected", spread.rows.map(of.rejected), ...ends(all), bar?.which === "rejected" ? bar.i : -1, choose("rejected"), "rejected")}
          ${histogram("margin: chosen − rejected", margins, ...ends(margins), bar?.which === "margin" ? bar.i : -1, choose("margin"), "margin")}</div>
          <p class="small">${count(spread.rows.length)} of ${count(spread.pairs)} pairs; ${percent(margins.filter(m => m > 0).length / Math.max(1, margins.length))} have a margin above 0. A bar shows its pairs.</p>
          ${behind.length ? html`<ul class="behind">${behind.slice(0, 60).map(row => html`<li><a href=${link("pair", { run: search, problem: row.problem, n: row.n, mode: "change", trained: ids[0] })}>${visible(row.problem)}, pair ${row.n + 1}</a>
            <span class="small">${row.stage}, chosen ${row.chosen.toFixed(2)}, rejected ${row.rejected.toFixed(2)}</span></li>`)}</ul>` : nothing}`}</section>`;
    }

    function draw() {
      show(html`<div class="title"><h1>${ids.length === 1 ? visible(ids[0]) : `${ids.length} trainings over each other`}</h1>${ids.length === 1 ? state(runs[0]) : nothing}</div>
        ${ids.length > 1 ? html`<ul class="small">${runs.map(r => html`<li><b>${visible(r.short)}</b>: ${visible(r.id)}, ${count(r.rows.at(-1)?.step ?? 0)} steps</li>`)}</ul>`
          : html`<p class="small">${count(runs[0].rows.at(-1)?.step ?? 0)} steps${runs[0].stride > 1 ? `, every ${runs[0].stride}th is drawn` : ""}. Drag across a chart to zoom all of them, double click to zoom out. A press on a point shows the rows of its step; so does Enter, after arrows.</p>`}
        ${runs.filter(r => r.damaged > 0).map(r => html`<div class="warning">${visible(r.id)}: ${r.damaged} damaged lines of metrics.jsonl are left out; <code>--resume</code> writes the file again from the checkpoint.</div>`)}
        ${runs.every(r => r.rows.length === 0) ? html`<p class="empty">No step is on record yet.</p>` : nothing}
        ${batch()}${place}${distributions()}`);
      const now = charts(runs);
      const what = JSON.stringify(now.map(c => [c.title, c.names]));
      if (drawn === null || what !== titles) {
        drawn?.close();
        place.replaceChildren();
        titles = what;
        drawn = now.length > 0 ? drawCharts(place, now, choose) : null;
      }
    }

    draw();
    if (step !== "") {
      behindPoint();
    }
    let waiting = 0;
    const later = () => {
      waiting ||= setTimeout(() => {
        waiting = 0;
        draw();
        drawn?.update(charts(runs));
      }, 300);
    };
    // Of several, those that are running: a browser has six connections to a server.
    const followed = runs.length === 1 ? runs : runs.filter(r => r.state === "running").slice(0, 4);
    const ends = followed.map(r => follow(() => ({ run: r.id, from: r.at }), {
      metrics: (row, at) => {
        r.at = Number(at);
        if (row.step > (r.rows.at(-1)?.step ?? 0)) {
          r.rows.push(row);
          later();
        }
      },
      again: () => { r.rows = []; r.at = 0; later(); },
    }));
    return { update: now => {
      if ((now.get("step") ?? "") !== step) {
        step = now.get("step") ?? "";
        behindPoint();
      }
    }, close: () => { ends.forEach(end => end()); clearTimeout(waiting); drawn?.close(); } };
  },
};
