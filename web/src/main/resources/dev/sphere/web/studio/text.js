// Texts of problems and models: what steers a terminal is written out, formulas are set. Nothing in them becomes markup.
import katex from "./lib/katex.js";

/** The text with every control character but line feed and tab written out, and all that turns the reading direction. */
export function visible(text) {
  return String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    c => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

const MOST_FORMULA = 2000;

// Where a group in braces ends; -1 when it does not.
function closing(text, open) {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === "\\") {
      i++;
    } else if (text[i] === "{") {
      depth++;
    } else if (text[i] === "}" && --depth === 0) {
      return i;
    }
  }
  return -1;
}

/**
 * The parts of a text: plain ones and formulas ({tex, display, from, to}). Formulas stand between $$, \[ \], \( \), or $ as pandoc
 * reads it (so that "$5 and $10" are prices), and a \boxed{} stands for itself.
 */
export function parts(text) {
  const found = [];
  let plain = 0;
  const take = (from, to, tex, display) => {
    if (tex.trim() === "" || tex.length > MOST_FORMULA) {
      return false;
    }
    if (from > plain) {
      found.push({ text: text.slice(plain, from), from: plain, to: from });
    }
    found.push({ tex, display, from, to });
    plain = to;
    return true;
  };
  for (let i = 0; i < text.length; i++) {
    const fence = [["$$", "$$", true], ["\\[", "\\]", true], ["\\(", "\\)", false]].find(f => text.startsWith(f[0], i));
    if (fence) {
      const end = text.indexOf(fence[1], i + 2);
      if (end > 0 && take(i, end + 2, text.slice(i + 2, end), fence[2])) {
        i = end + 1;
      }
    } else if (text[i] === "$" && text[i - 1] !== "\\" && /\S/.test(text[i + 1] ?? " ")) {
      let end = text.indexOf("$", i + 1);
      while (end > 0 && text[end - 1] === "\\") {
        end = text.indexOf("$", end + 1);
      }
      const inside = text.slice(i + 1, end);
      if (end > 0 && /\S$/.test(inside) && !inside.includes("\n\n") && !/\d/.test(text[end + 1] ?? "") && take(i, end + 1, inside, false)) {
        i = end;
      }
    } else if (text.startsWith("\\boxed{", i)) {
      const end = closing(text, i + 6);
      if (end > 0 && take(i, end + 1, text.slice(i, end + 1), false)) {
        i = end;
      }
    }
  }
  if (plain < text.length) {
    found.push({ text: text.slice(plain), from: plain, to: text.length });
  }
  return found;
}

/** A formula as an element; its source where it cannot be set. */
export function formula(tex, display) {
  const place = document.createElement("span");
  place.className = display ? "formula display" : "formula";
  try {
    katex.render(tex, place, { displayMode: display, throwOnError: true, strict: "ignore", trust: false, maxExpand: 200, maxSize: 10 });
    place.title = visible(tex);
  } catch {
    place.className = "formula source";
    place.textContent = visible(tex);
  }
  return place;
}

/**
 * A text as nodes, with formulas set and one stretch marked.
 *
 * @param mark {from, to, title} in UTF-16 units; null for none
 */
export function set(text, mark = null) {
  const out = document.createElement("span");
  out.className = "set";
  const plain = (string, into) => into.append(document.createTextNode(visible(string)));
  const marked = () => {
    const m = document.createElement("mark");
    m.title = mark.title ?? "";
    return m;
  };
  for (const part of parts(text)) {
    const touches = mark && part.from < mark.to && part.to > mark.from;
    if (part.tex !== undefined) {
      const f = formula(part.tex, part.display);
      if (touches) {
        const m = marked();
        m.append(f);
        out.append(m);
      } else {
        out.append(f);
      }
    } else if (touches) {
      const [a, b] = [Math.max(part.from, mark.from), Math.min(part.to, mark.to)];
      plain(text.slice(part.from, a), out);
      const m = marked();
      plain(text.slice(a, b), m);
      out.append(m);
      plain(text.slice(b, part.to), out);
    } else {
      plain(part.text, out);
    }
  }
  return out;
}

export function percent(share, digits = 1) {
  return share === null || share === undefined || Number.isNaN(share) ? "–" : (100 * share).toFixed(digits) + " %";
}

export function count(n) {
  return Number(n).toLocaleString("en-US");
}

/** How long ago, in words. */
export function ago(ms) {
  const s = Math.max(0, Math.round((Date.now() - ms) / 1000));
  return s < 90 ? s + " s ago" : s < 5400 ? Math.round(s / 60) + " min ago" : s < 172800 ? Math.round(s / 3600) + " h ago"
    : new Date(ms).toISOString().slice(0, 10);
}
