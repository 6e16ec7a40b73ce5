// Charts by uPlot, which is loaded before (window.uPlot). Charts over the same axis zoom and point together.

const HEIGHT = 240;
const WHOLE = [0, 1, 2, 3, 4, 5, 6, 7].flatMap(e => [1, 2, 5].map(n => n * 10 ** e));

/** A number with as many figures as tell it from its neighbours: 2.5e-7 is not 0. */
export function figure(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) {
    return "–";
  }
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) {
    return value.toExponential(2).replace(/\.?0+e/, "e");
  }
  return value.toLocaleString("en-US", { maximumSignificantDigits: size >= 1000 ? Math.ceil(Math.log10(size)) : 4 });
}

// The marks of an axis, all in the same way: what tells two of them apart decides the number of figures.
function marks(splits) {
  const there = splits.filter(v => v !== null);
  if (there.length < 2) {
    return splits.map(v => v === null ? "" : figure(v));
  }
  const step = Math.min(...there.slice(1).map((v, i) => Math.abs(v - there[i])).filter(d => d > 0));
  const most = Math.max(...there.map(Math.abs));
  if (most < 1e-3 || most >= 1e7) {
    const digits = Math.max(0, Math.ceil(Math.log10(most / step) - 1e-9));
    return splits.map(v => v === null ? "" : v === 0 ? "0" : v.toExponential(Math.min(digits, 4)).replace(/\.?0+e/, "e"));
  }
  const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  return splits.map(v => v === null ? "" : v.toLocaleString("en-US", { maximumFractionDigits: Math.min(digits, 6) }));
}

// A line from the low to the high end of each point's interval.
function intervals(chart, colour) {
  return u => chart.names.forEach((name, i) => chart.x.forEach((x, k) => {
    if (chart.low[i][k] === null || !u.series[i + 1].show) {
      return;
    }
    const at = u.valToPos(x, "x", true);
    u.ctx.strokeStyle = colour(i);
    u.ctx.beginPath();
    u.ctx.moveTo(at, u.valToPos(chart.low[i][k], "y", true));
    u.ctx.lineTo(at, u.valToPos(chart.high[i][k], "y", true));
    u.ctx.stroke();
  }));
}

function draw(chart, place, style) {
  const colour = i => style.getPropertyValue("--series-" + i % 7).trim();
  const muted = style.getPropertyValue("--muted").trim();
  const line = { stroke: style.getPropertyValue("--line").trim(), width: 1 };
  const ends = chart.low ? chart.low.flat().concat(chart.high.flat()).filter(y => y !== null) : [];
  const room = ends.length ? 0.04 * (Math.max(...ends) - Math.min(...ends)) : 0;
  const axis = { stroke: muted, grid: line, ticks: line, font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif" };
  return new uPlot({
    width: Math.max(200, Math.floor(place.clientWidth)),
    height: HEIGHT,
    cursor: { sync: { key: "charts:" + chart.label, scales: ["x", null] } },
    scales: {
      x: { time: false },
      y: ends.length ? { range: [Math.min(...ends) - room, Math.max(...ends) + room] } : {},
    },
    axes: [
      { ...axis, label: chart.label, labelSize: 18, size: 30,
        values: (u, splits) => marks(splits), ...(chart.x.every(Number.isInteger) ? { incrs: WHOLE } : {}) },
      { ...axis, size: 62, values: (u, splits) => marks(splits) }],
    series: [{ label: chart.label, value: (u, v) => figure(v) }].concat(chart.names.map((name, i) => ({
      label: name,
      stroke: colour(i),
      width: 1.5,
      spanGaps: true,
      value: (u, v) => figure(v),
      points: { show: chart.x.length < 60 || name.startsWith("eval_") },
    }))),
    hooks: chart.low ? { draw: [intervals(chart, colour)] } : {},
  }, [chart.x].concat(chart.values), place);
}

// A press on a chart chooses the point under the pointer, unless a second one follows, which zooms out. With the focus on a chart,
// arrows walk its points, and Enter chooses.
function choosing(u, chart, choose) {
  const place = u.root;
  let waiting = 0;
  u.over.addEventListener("click", () => {
    const at = u.cursor.idx;
    clearTimeout(waiting);
    waiting = setTimeout(() => Number.isInteger(at) && choose(u.data[0][at]), 300);
  });
  u.over.addEventListener("dblclick", () => clearTimeout(waiting));
  place.tabIndex = 0;
  place.setAttribute("role", "group");
  place.setAttribute("aria-label", chart.title + ": arrows walk the points, Enter shows what stands behind one");
  place.addEventListener("keydown", event => {
    const x = u.data[0];
    const last = x.length - 1;
    const at = Number.isInteger(u.cursor.idx) ? u.cursor.idx : -1;
    const to = { ArrowLeft: at < 0 ? last : at - 1, ArrowRight: at + 1, PageUp: at - 10, PageDown: at + 10, Home: 0, End: last }[event.key];
    if (to !== undefined && last >= 0) {
      event.preventDefault();
      const i = Math.max(0, Math.min(last, to));
      u.setCursor({ left: u.valToPos(x[i], "x"), top: u.over.clientHeight / 2 });
    } else if (event.key === "Enter" && at >= 0) {
      choose(x[at]);
    }
  });
}

/**
 * Draws charts into an element, a figure each; they follow its width and the colours that the reader prefers.
 *
 * A chart is {title, label, x: [], names: [], values: [[]], low: [[]], high: [[]]}; low and high may be missing.
 * Double click zooms out.
 *
 * @param choose called with the x of a point that the reader chooses, by a press or by Enter; may be missing
 * @returns {{update: function(Array), close: function()}} update: the same charts with more points; what is zoomed in stays so.
 *   close: lets go of them
 */
export function drawCharts(place, charts, choose = null) {
  // All places first: the width of one depends on how many stand in a row.
  const figures = charts.map(chart => {
    const figure = document.createElement("figure");
    const title = document.createElement("figcaption");
    title.textContent = chart.title;
    figure.append(title, document.createElement("div"));
    place.append(figure);
    return figure.lastChild;
  });
  let drawn = [];
  const again = () => {
    drawn.forEach(u => u.destroy());
    drawn = charts.map((chart, i) => draw(chart, figures[i], getComputedStyle(document.documentElement)));
    if (choose !== null) {
      drawn.forEach((u, i) => choosing(u, charts[i], choose));
    }
  };
  again();
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", again);
  let width = place.clientWidth;
  const observer = new ResizeObserver(() => {
    if (place.clientWidth !== width) {
      width = place.clientWidth;
      drawn.forEach((u, i) => u.setSize({ width: Math.max(200, Math.floor(figures[i].clientWidth)), height: HEIGHT }));
    }
  });
  observer.observe(place);
  return {
    update(more) {
      drawn.forEach((u, i) => {
        const [x, { min, max }] = [u.data[0], u.scales.x];
        const zoomed = x.length > 1 && (min > x[0] || max < x[x.length - 1]);
        u.setData([more[i].x].concat(more[i].values), !zoomed);
        if (zoomed) {
          u.redraw();
        }
      });
      charts = more;
    },
    close() {
      observer.disconnect();
      scheme.removeEventListener("change", again);
      drawn.forEach(u => u.destroy());
    },
  };
}
