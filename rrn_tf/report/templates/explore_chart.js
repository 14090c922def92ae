// Draws lines and dots through time on a canvas, in the colours of the page. The canvas is an image to assistive
// technology: a label, the slider below it and a table say the same in words.
// spec: {dates, range, cutoff, lines: [{values, colour, dash, stepped}], dots: [{times, values, colour, diamond}]};
// moved: called with the index of the date under the pointer.
const drawChart = (box, spec, moved) => {
  const colour = (name) => getComputedStyle(box).getPropertyValue(name).trim();
  const font = "13px system-ui, sans-serif";
  const DAY = 86400;
  const ticks = (_, splits, axisIndex, space, between) => {
    const [begin, end] = between >= 365 * DAY ? [0, 4] : between >= 28 * DAY ? [0, 7] : between >= DAY ? [0, 10] : [11, 16];
    return splits.map((seconds) => new Date(seconds * 1000).toISOString().slice(begin, end));
  };
  const axis = () => ({
    font,
    stroke: () => colour("--ink"),
    grid: { stroke: () => colour("--line"), width: 1 },
    ticks: { stroke: () => colour("--line"), width: 1 },
  });
  const drawBelowLines = (plot) => {
    const { ctx, bbox } = plot;
    const scale = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const dots of spec.dots) {
      ctx.fillStyle = ctx.strokeStyle = colour(dots.colour);
      ctx.lineWidth = 2 * scale;
      ctx.globalAlpha = dots.diamond ? 1 : 0.45;
      dots.times.forEach((time, index) => {
        const [x, y] = [plot.valToPos(time, "x", true), plot.valToPos(dots.values[index], "y", true)];
        ctx.beginPath();
        if (dots.diamond) {
          const r = 7 * scale;
          ctx.moveTo(x, y - r);
          for (const [dx, dy] of [[r, 0], [0, r], [-r, 0]]) ctx.lineTo(x + dx, y + dy);
          ctx.closePath();
          ctx.stroke();
        } else {
          ctx.arc(x, y, 2.5 * scale, 0, 2 * Math.PI);
          ctx.fill();
        }
      });
    }
    ctx.globalAlpha = 1;
    if (spec.cutoff) {
      const x = plot.valToPos(spec.cutoff, "x", true);
      ctx.strokeStyle = ctx.fillStyle = colour("--ink");
      ctx.lineWidth = scale;
      ctx.setLineDash([2 * scale, 4 * scale]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.font = `${13 * scale}px system-ui, sans-serif`;
      ctx.textAlign = "right";
      ctx.textBaseline = "bottom";
      ctx.fillText("end of training", x - 4 * scale, bbox.top + bbox.height - 4 * scale);
    }
    ctx.restore();
  };
  const lines = spec.lines.map((line) => ({
    stroke: () => colour(line.colour),
    width: 2,
    dash: line.dash,
    points: { show: false },
    paths: line.stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
  }));
  const options = {
    width: box.clientWidth,
    height: 320,
    legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    scales: { y: { range: spec.range } },
    axes: [{ ...axis(), space: 76, values: ticks }, { ...axis(), size: 44 }],
    series: [{}, ...lines],
    hooks: {
      drawAxes: [drawBelowLines],
      setCursor: [(plot) => typeof plot.cursor.idx === "number" && moved(plot.cursor.idx)],
    },
  };
  const plot = new uPlot(options, [spec.dates, ...spec.lines.map((line) => line.values)], box);
  const resized = new ResizeObserver(() => box.clientWidth && plot.setSize({ width: box.clientWidth, height: 320 }));
  resized.observe(box);
  return {
    point: (index) => plot.setCursor({ left: plot.valToPos(spec.dates[index], "x"), top: 0 }, false),
    remove: () => {
      resized.disconnect();
      plot.destroy();
    },
  };
};

// The colours are those of the theme in which a chart was drawn, so another theme draws it anew.
let chart = null;
let redraw = () => {};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());
new MutationObserver(() => redraw()).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });

// Shows a chart with its legend, slider and table. legend: [{swatch, text}]; columns: those of the table, the first
// one the dates; texts: a sentence for each date; label: what the chart shows in words.
const showChart = (spec, legend, columns, rows, texts, label) => {
  const [slider, values] = [at("explore-date"), at("explore-values")];
  const moved = (index) => {
    slider.value = String(index);
    slider.setAttribute("aria-valuetext", texts[index]);
    values.textContent = texts[index];
  };
  at("explore-legend").replaceChildren(
    ...legend.map(({ swatch, text }) => make("li", {}, make("span", { class: `explore-swatch ${swatch}` }), text)),
  );
  at("explore-chart").setAttribute("aria-label", label);
  redraw = () => {
    if (chart) chart.remove();
    chart = drawChart(at("explore-chart"), spec, moved);
  };
  redraw();
  slider.max = String(spec.dates.length - 1);
  slider.oninput = () => {
    moved(Number(slider.value));
    chart.point(Number(slider.value));
  };
  moved(spec.dates.length - 1);
  at("explore-table").replaceChildren(tableOf("The values of the chart", columns, rows));
};
