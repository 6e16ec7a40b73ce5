// Tables that sort and filter. What a reader chose stands in the address (#sort=2d&q=text&...), so that a view can be kept.

const number = text => {
  const m = text.replaceAll(",", "").match(/^[-+]?[\d.]+(e[-+]?\d+)?/i);
  return m ? Number(m[0]) : NaN;
};

function compare(a, b) {
  const x = number(a);
  const y = number(b);
  if (!Number.isNaN(x) && !Number.isNaN(y) && x !== y) {
    return x - y;
  }
  // Words come after numbers, "-" and nothing last of all.
  return Number.isNaN(x) - Number.isNaN(y) || a.localeCompare(b, "en", { numeric: true });
}

const cell = (row, i) => row.cells[i].dataset.value ?? row.cells[i].textContent.trim();

function sortable(table, state, changed) {
  const rows = [...table.tBodies[0].rows];
  const heads = [...table.tHead.rows[0].cells];
  const sort = how => {
    const column = parseInt(how, 10);
    const down = how.endsWith("d");
    heads.forEach((h, i) => h.setAttribute("aria-sort", i !== column ? "none" : down ? "descending" : "ascending"));
    const sorted = Number.isNaN(column) ? rows
      : rows.map((row, i) => [cell(row, column), i, row]).sort((a, b) => (down ? -1 : 1) * compare(a[0], b[0]) || a[1] - b[1]).map(r => r[2]);
    table.tBodies[0].append(...sorted);
  };
  heads.forEach((head, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    // Figures are looked for at their highest first, words from A on, a third press gives the first order back.
    const first = rows.every(r => cell(r, i) === "" || !Number.isNaN(number(cell(r, i)))) ? "d" : "a";
    button.addEventListener("click", () => {
      const [now, how] = [parseInt(state.get("sort"), 10), state.get("sort")?.at(-1)];
      const next = now !== i ? i + first : how === first ? i + (first === "d" ? "a" : "d") : "";
      next ? state.set("sort", next) : state.delete("sort");
      changed();
    });
  });
  return () => sort(state.get("sort") ?? "");
}

function filters(table, state, changed) {
  const rows = [...table.tBodies[0].rows];
  const heads = [...table.tHead.rows[0].cells];
  const texts = rows.map(r => r.textContent.toLowerCase());
  const bar = document.createElement("form");
  bar.className = "filters";
  bar.role = "search";
  bar.addEventListener("submit", e => e.preventDefault());
  const controls = [];
  const add = (name, key, control) => {
    const label = document.createElement("label");
    label.append(name, control);
    control.name = key;
    control.addEventListener("input", () => {
      control.value ? state.set(key, control.value) : state.delete(key);
      changed();
    });
    bar.append(label);
    controls.push(control);
    return control;
  };
  const search = document.createElement("input");
  search.type = "search";
  search.size = 24;
  add("text", "q", search);
  const choices = heads.flatMap((head, i) => head.dataset.choices === undefined ? [] : [[head, i]]).map(([head, i]) => {
    const select = document.createElement("select");
    const counts = new Map();
    rows.map(r => cell(r, i)).forEach(v => counts.set(v, (counts.get(v) ?? 0) + 1));
    select.append(new Option("all", ""));
    [...counts].sort((a, b) => compare(a[0], b[0])).forEach(([value, n]) => select.append(new Option(`${value || "none"} (${n})`, value || "none")));
    return [add(head.textContent, head.dataset.choices, select), i];
  });
  const count = document.createElement("output");
  bar.append(count);
  (table.closest(".scroll") ?? table).before(bar);
  return () => {
    controls.forEach(c => { c.value = state.get(c.name) ?? ""; });
    const words = search.value.toLowerCase().split(/\s+/).filter(w => w);
    let n = 0;
    rows.forEach((row, i) => {
      row.hidden = !words.every(w => texts[i].includes(w)) || choices.some(([c, k]) => c.value && (cell(row, k) || "none") !== c.value);
      n += row.hidden ? 0 : 1;
    });
    count.textContent = n === rows.length ? `${n}` : `${n} of ${rows.length}`;
  };
}

/**
 * Makes a table with thead and tbody sort by its heads' buttons; with data-filter, also a field for text and a choice for each
 * head with data-choices="name". A cell's data-value is sorted and chosen by in place of its text. With data-filter the address
 * keeps what was chosen.
 */
export function liveTable(table) {
  const kept = table.dataset.filter !== undefined;
  const state = new URLSearchParams(kept ? location.hash.slice(1) : "");
  const shown = [];
  const show = () => shown.forEach(s => s());
  const changed = () => {
    show();
    if (kept) {
      history.replaceState(null, "", state.size ? "#" + state : location.pathname + location.search);
    }
  };
  shown.push(sortable(table, state, changed));
  if (kept) {
    shown.push(filters(table, state, changed));
    addEventListener("hashchange", () => {
      [...state.keys()].forEach(k => state.delete(k));
      new URLSearchParams(location.hash.slice(1)).forEach((v, k) => state.set(k, v));
      show();
    });
  }
  show();
}
