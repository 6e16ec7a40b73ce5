// What is shown over each other though neither holds the other: each line of text, canvases, fields and buttons, as far as their
// scrolling and clipping ancestors show them. What floats above the page on purpose (position fixed or sticky, or inside
// [data-floats]) is compared with its like only.
(() => {
  const SLACK = 2; // pixels that line boxes may share
  const boxes = [];
  const shown = element => element.checkVisibility({ visibilityProperty: true, opacityProperty: true, contentVisibilityAuto: true });

  function floats(element) {
    for (let e = element; e; e = e.parentElement) {
      if (e.dataset?.floats !== undefined || ["fixed", "sticky"].includes(getComputedStyle(e).position)) {
        return e;
      }
    }
    return null;
  }

  // The part of a rectangle that the ancestors let through.
  function visible(rect, element) {
    let { left, top, right, bottom } = rect;
    for (let e = element; e && e !== document.documentElement; e = e.parentElement) {
      const style = getComputedStyle(e);
      if (style.overflowX !== "visible" || style.overflowY !== "visible" || e.tagName === "svg") {
        const r = e.getBoundingClientRect();
        left = Math.max(left, r.left);
        top = Math.max(top, r.top);
        right = Math.min(right, r.right);
        bottom = Math.min(bottom, r.bottom);
      }
    }
    return { left, top, right, bottom };
  }

  function add(rect, element, name) {
    const box = visible(rect, element);
    if (box.right - box.left > SLACK && box.bottom - box.top > SLACK) {
      boxes.push({ ...box, element, name, floats: floats(element) });
    }
  }

  for (const element of document.body.querySelectorAll("*")) {
    if (["SCRIPT", "STYLE", "OPTION"].includes(element.tagName) || !shown(element)) {
      continue;
    }
    if (["CANVAS", "IMG", "INPUT", "SELECT", "TEXTAREA", "BUTTON"].includes(element.tagName)) {
      add(element.getBoundingClientRect(), element, element.tagName.toLowerCase() + " " + (element.textContent || element.name || ""));
    }
    for (const node of element.childNodes) {
      if (node.nodeType === Node.TEXT_NODE && node.data.trim() && !element.closest("select, button, .sr, math, .katex")) {
        const range = document.createRange();
        range.selectNodeContents(node);
        for (const line of range.getClientRects()) {
          add(line, element, JSON.stringify(node.data.trim().slice(0, 40)));
        }
      }
    }
  }

  boxes.sort((a, b) => a.top - b.top);
  const found = [];
  for (let i = 0; i < boxes.length && found.length < 10; i++) {
    const a = boxes[i];
    for (let k = i + 1; k < boxes.length && boxes[k].top < a.bottom - SLACK && found.length < 10; k++) {
      const b = boxes[k];
      if (a.element !== b.element && !a.element.contains(b.element) && !b.element.contains(a.element) && a.floats === b.floats
          && Math.min(a.right, b.right) - Math.max(a.left, b.left) > SLACK && Math.min(a.bottom, b.bottom) - b.top > SLACK) {
        found.push(`${a.name} and ${b.name} at ${Math.round(b.left)},${Math.round(b.top)}`);
      }
    }
  }
  return found;
})()
