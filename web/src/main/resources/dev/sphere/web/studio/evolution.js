// An evolution: what each round came to, with intervals, what was won and lost, and where to look.
import { html, nothing } from "./lib/lit-html.js";
import uPlot from "./lib/uplot.js";
import { drawCharts } from "./charts.js";
import { get, follow, link, crumbs } from "./shell.js";
import { visible, percent, count } from "./text.js";

window.uPlot = uPlot;

const points = d => (d >= 0 ? "+" : "−") + Math.abs(100 * d).toFixed(1) + " points";

function change(c, a, b) {
  return !c || c.n === undefined ? "–" : html`<b>${points(c.difference)}</b> <span class="small">${points(c.difference_low)} to ${points(c.difference_high)}</span><br>
    <a href=${link("compare", { a, b, which: "won" })} class="right">${c.won} won</a>, <a href=${link("compare", { a, b, which: "lost" })} class="wrong">${c.lost} lost</a>
    <span class="small">McNemar p ${c.p_value.toPrecision(2)}</span>`;
}

export const evolutionView = {
  about: ["run"],
  async open(params, show) {
    const id = params.get("run") ?? "";
    crumbs([id === "." ? "this folder" : id]);
    const place = document.createElement("div");
    place.id = "charts";
    let drawn = null;
    let e = await get("evolution", { run: id });

    // The rounds over time; and where problems have graded classes, such as levels 1 to 5, a line a round over those.
    function charts() {
      const all = [{ ...e.base, round: 0 }, ...e.rounds].filter(r => r.accuracy !== undefined);
      const of = f => all.map(r => 100 * f(r));
      const graded = Object.entries(Object.groupBy(e.base.breakdown, b => b.field))
        .filter(([, values]) => values.length > 2 && values.every(b => /^\d{1,3}$/.test(b.value)));
      return [{ title: "Accuracy on the held-out problems, % (95 % intervals)", label: "round (0: the base)", log: false, x: all.map(r => r.round), names: ["accuracy"],
        values: [of(r => r.accuracy)], low: [of(r => r.low)], high: [of(r => r.high)] }]
        .concat(graded.map(([field, values]) => {
          const x = values.map(b => Number(b.value)).sort((a, b) => a - b);
          return { title: `Accuracy by ${field}, %`, label: field, log: false, x, names: all.map(r => r.round === 0 ? "base" : "round " + r.round),
            values: all.map(r => x.map(v => r.breakdown.find(b => b.field === field && Number(b.value) === v)).map(b => b ? 100 * b.accuracy : null)) };
        }));
    }

    function draw() {
      const answered = e.rounds.filter(r => r.accuracy !== undefined).length;
      show(html`<h1>${visible(id === "." ? "This evolution" : id)}</h1>
        <div class="scroll" tabindex="0" role="region" aria-label="rounds"><table class="rounds"><thead><tr><th>round</th><th>accuracy</th><th>since the round before</th><th>since the base</th><th>look at</th></tr></thead><tbody>
          <tr><th scope="row">base</th><td>${e.base ? html`<b>${percent(e.base.accuracy)}</b> <span class="small">${percent(e.base.low)} to ${percent(e.base.high)}, ${count(e.base.problems)} problems</span>` : "not evaluated yet"}</td><td></td><td></td>
            <td>${e.base ? html`<a href=${link("compare", { b: e.base.answers })}>answers</a>` : nothing}</td></tr>
          ${e.rounds.map(r => html`<tr><th scope="row">${r.round}</th><td>${r.accuracy === undefined ? html`<span class="small">not evaluated yet</span>` : html`<b>${percent(r.accuracy)}</b> <span class="small">${percent(r.low)} to ${percent(r.high)}</span>`}</td>
            <td>${change(r.sinceBefore, r.beforeAnswers, r.answers)}</td><td>${change(r.sinceBase, e.base?.answers, r.answers)}</td>
            <td>${[["search", r.search && link("run", { run: r.search })], ["training", r.train && link("training", { runs: r.train })], ["answers", r.answers && link("compare", { a: e.base?.answers, b: r.answers })]]
              .filter(([, to]) => to).map(([words, to]) => html`<a href=${to}>${words}</a> `)}</td></tr>`)}</tbody></table></div>
        ${e.rounds.filter(r => r.train).length > 1 ? html`<p><a class="button" href=${link("training", { runs: e.rounds.map(r => r.train).filter(t => t).join(",") })}>Curves of all rounds over each other</a></p>` : nothing}
        ${answered > 0 && e.base ? place : nothing}`);
      if (answered > 0 && e.base) {
        drawn?.close();
        place.replaceChildren();
        drawn = drawCharts(place, charts());
      }
    }
    draw();
    const end = follow({ run: id }, { changed: async () => {
      const now = await get("evolution", { run: id });
      if (JSON.stringify(now) !== JSON.stringify(e)) {
        e = now;
        draw();
      }
    } });
    return { close: () => { end(); drawn?.close(); } };
  },
};
