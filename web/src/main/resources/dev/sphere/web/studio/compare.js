// Two evaluations problem by problem, or the problems of one: figures, who won where, both answers beside each other.
import { html, nothing } from "./lib/lit-html.js";
import { get, follow, link, crumbs, put, failed } from "./shell.js";
import { visible, set, percent, count } from "./text.js";

const KINDS = { won: "won: only the second is right", lost: "lost: only the first is right", right: "both right", wrong: "both wrong" };
const PAGE = 100;
const points = d => (d >= 0 ? "+" : "−") + Math.abs(100 * d).toFixed(1);

export const compareView = {
  about: ["a", "b"],
  async open(params, show) {
    const a = params.get("a") ?? "";
    const b = params.get("b") ?? "";
    let which = params.get("which") ?? "";
    let text = params.get("text") ?? "";
    let from = Number(params.get("from") ?? 0);
    let chosen = params.get("problem") ?? "";
    let both = null;
    let page = null;
    crumbs(a ? ["compare", null] : [b]);

    const load = async () => {
      page = await get("compare", { ...a ? { a } : {}, b, which, text, from, count: PAGE });
      draw();
    };
    const look = async id => {
      chosen = chosen === id ? "" : id;
      put({ problem: chosen });
      both = null;
      draw();
      if (chosen) {
        both = await get("answers", { ...a ? { a } : {}, b, problem: chosen });
        draw();
      }
    };
    const change = changes => {
      ({ which = which, text = text, from = 0 } = changes);
      put({ which, text, from: from || "" });
      load().catch(failed);
    };

    function answers(name, list) {
      return html`<div class="side ${list.some(x => x.correct) ? "chosen" : "rejected"}"><h2>${visible(name)}</h2>${list.slice(0, 16).map(x => html`<div class="answered"><p><span class=${x.correct ? "right" : "wrong"}>${x.correct ? "✓" : "✗"} ${x.sample < 0 ? "greedy" : "sample " + (x.sample + 1)}</span>
        <b>${x.answer ? set(x.answer) : "no answer"}</b> <span class="small">${x.how}${x.truncated ? ", cut off" : ""}, ${count(x.tokens)} tokens</span></p><div class="text box">${set(x.text)}</div></div>`)}
        ${list.length > 16 ? html`<p class="small">and ${list.length - 16} more</p>` : nothing}</div>`;
    }

    function sideCell(s) {
      return html`<span class=${s.right ? "right" : "wrong"}>${s.right ? "✓" : "✗"}</span> ${s.answer ? visible(s.answer.length > 40 ? s.answer.slice(0, 40) + "…" : s.answer) : html`<span class="small">none</span>`}
        ${s.samples ? html`<span class="small">${s.rightSamples}/${s.samples}</span>` : nothing}${s.truncated ? html` <span class="small">cut</span>` : nothing}`;
    }

    function draw() {
      const c = page.comparison;
      const k = page.kinds;
      const options = a ? Object.entries(KINDS) : [["right", "right"], ["wrong", "wrong"]];
      const n = { ...k };
      const tile = (value, words, more) => html`<div class="tile"><b>${value}</b><span>${words}</span>${more ? html`<small>${more}</small>` : nothing}</div>`;
      show(html`<h1>${a ? "Two evaluations, problem by problem" : visible(b)}</h1>
        ${a ? html`<dl class="known"><dt>first</dt><dd><a href=${link("compare", { b: a })}>${visible(a)}</a></dd><dt>second</dt><dd><a href=${link("compare", { b })}>${visible(b)}</a></dd></dl>` : nothing}
        <div class="tiles">${a ? tile(percent(page.a.accuracy), "first", `${percent(page.a.low)} to ${percent(page.a.high)}`) : nothing}
          ${tile(percent(page.b.accuracy), a ? "second" : "accuracy", `${percent(page.b.low)} to ${percent(page.b.high)}`)}
          ${c && c.n ? html`${tile(points(c.difference), "points of difference", `${points(c.difference_low)} to ${points(c.difference_high)}`)}${tile(html`<span class="right">${c.won}</span> : <span class="wrong">${c.lost}</span>`, "won : lost", `McNemar p ${c.p_value.toPrecision(2)}`)}` : nothing}
          ${tile(count(page.common), a ? "problems of both" : "problems")}</div>
        ${(page.a?.damaged ?? 0) + page.b.damaged > 0 ? html`<div class="warning">${(page.a?.damaged ?? 0) + page.b.damaged} damaged lines are left out.</div>` : nothing}
        ${a && page.common === 0 ? html`<p class="empty">These two have no problem in common.</p>` : nothing}
        <form class="filters" role="search" @submit=${e => e.preventDefault()}><label>Outcome <select .value=${which} @change=${e => change({ which: e.target.value })}><option value="">all</option>
          ${options.map(([key, words]) => html`<option value=${key} ?selected=${which === key}>${words} (${count(n[key])})</option>`)}</select></label>
          <label>Text <input type="search" .value=${text} @change=${e => change({ text: e.target.value })} placeholder="in id, known answer or class"></label>
          <output>${count(page.matched)} of ${count(page.common)}</output></form>
        <div class="scroll" tabindex="0" role="region" aria-label="problems"><table class="compare"><thead><tr><th>problem</th><th>known answer</th>${a ? html`<th>first</th><th>second</th>` : html`<th>answer</th>`}</tr></thead><tbody>
          ${page.rows.map(r => html`<tr class=${r.kind}><td><button type="button" class="link" aria-expanded=${chosen === r.id ? "true" : "false"} @click=${() => look(r.id)}>${visible(r.id)}</button></td><td>${visible(r.gold)}</td>${a ? html`<td>${sideCell(r.a)}</td>` : nothing}<td>${sideCell(r.b)}</td></tr>
            ${chosen === r.id ? html`<tr><td colspan=${a ? 4 : 3}>${both === null ? html`<span class="small">Loading …</span>` : html`<div class="sides ${a ? "" : "one"}">${a ? answers("first", both.a) : nothing}${answers(a ? "second" : "answers", both.b)}</div>`}</td></tr>` : nothing}`)}</tbody></table></div>
        <p class="toolbar">${from > 0 ? html`<button type="button" @click=${() => change({ from: Math.max(0, from - PAGE) })}>← earlier</button>` : nothing}
          ${from + PAGE < page.matched ? html`<button type="button" @click=${() => change({ from: from + PAGE })}>later →</button>` : nothing}
          ${page.matched > PAGE ? html`<span class="small">${count(from + 1)} to ${count(Math.min(page.matched, from + PAGE))}</span>` : nothing}</p>`);
    }

    await load();
    if (chosen) {
      const id = chosen;
      chosen = "";
      await look(id);
    }
    const end = follow({ run: b }, { changed: () => load().catch(() => {}) });
    return { close: end, update: now => {
      if ((now.get("which") ?? "") !== which) {
        which = now.get("which") ?? "";
        from = 0;
        load().catch(failed);
      }
    } };
  },
};
