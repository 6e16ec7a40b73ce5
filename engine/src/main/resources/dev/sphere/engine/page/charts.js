// Okabe and Ito's colours, which colour-blind readers can tell apart.
const colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"];

// A line from the low to the high end of each point's interval.
function intervals(chart) {
  return u => chart.names.forEach((name, i) => chart.x.forEach((x, k) => {
    if (chart.low[i][k] === null) {
      return;
    }
    const at = u.valToPos(x, "x", true);
    u.ctx.strokeStyle = colours[i % colours.length];
    u.ctx.beginPath();
    u.ctx.moveTo(at, u.valToPos(chart.low[i][k], "y", true));
    u.ctx.lineTo(at, u.valToPos(chart.high[i][k], "y", true));
    u.ctx.stroke();
  }));
}

for (const chart of charts) {
  const place = document.createElement("div");
  document.getElementById("charts").append(place);
  const ends = chart.low ? chart.low.flat().concat(chart.high.flat()).filter(y => y !== null) : [];
  new uPlot({
    title: chart.title,
    width: Math.max(320, place.clientWidth),
    height: 260,
    scales: {
      x: chart.log ? { time: false, distr: 3 } : { time: false },
      y: ends.length ? { range: [Math.min(...ends), Math.max(...ends)] } : {},
    },
    axes: [{ label: chart.label }, { size: 70 }],
    series: [{ label: chart.label }].concat(chart.names.map((name, i) => ({
      label: name,
      stroke: colours[i % colours.length],
      width: 1.5,
      spanGaps: true,
      points: { show: chart.x.length < 60 || name.startsWith("eval_") },
    }))),
    hooks: chart.low ? { draw: [intervals(chart)] } : {},
  }, [chart.x].concat(chart.values), place);
}
