const colours = ["#1f77b4", "#d95f02", "#2a9d4a", "#7b3fa0"];
for (const chart of charts) {
  const place = document.createElement("div");
  document.getElementById("charts").append(place);
  new uPlot({
    title: chart.title,
    width: Math.max(320, place.clientWidth),
    height: 260,
    scales: { x: { time: false } },
    axes: [{ label: "step" }, { size: 70 }],
    series: [{ label: "step" }].concat(chart.names.map((name, i) => ({
      label: name,
      stroke: colours[i % colours.length],
      width: 1.5,
      spanGaps: true,
      points: { show: chart.steps.length < 60 || name.startsWith("eval_") },
    }))),
  }, [chart.steps].concat(chart.values), place);
}
