// Charts, drawn by dygraphs: each with a key, which also reads values, and with its numbers as a table.

// By name: {spec, graph, log, and the elements}. A spec says what to draw:
//   label, places  in words: what it shows, and what x is
//   lines          [{name, tone, dash, area, width}]
//   rows           [[x, y of the first line, ...], ...]
//   show, axis     y as text, in the key and on the axis
//   when           x as text
//   ticks          (low, high, pixels) => [{v, label}] for x
//   timed          x is the time of the run: these charts are read and zoomed together
//   stacked        one line on the other
//   joined         a line goes on where a row has no value for it
//   canBeLog       offers a logarithmic scale
//   columns, data  of the table below
const charts = new Map();
// What is marked on the time axis: {warmup_s, events: [{t_s}]}.
let marks = {warmup_s: 0, events: []};

// The key here does the work of dygraphs' own legend, which would need style attributes.
Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) => plugin !== Dygraph.Plugins.Legend);

const linked = (chart) => (chart.spec.timed ? [...charts.values()].filter((other) => other.spec.timed) : [chart]);
const DASHES = {dashed: [6, 4], dotted: [2, 3]};

// Draws it, or draws it again with newer numbers.
function showChart(name, spec) {
  const chart = charts.get(name) ?? {log: false};
  const isNew = !charts.has(name);
  const hasOtherLines = isNew || String(chart.spec.lines.map((line) => line.name)) !== String(spec.lines.map((line) => line.name));
  charts.set(name, chart);
  chart.spec = spec;
  if (isNew) {
    chart.key = make('ul', {className: 'key', ariaLive: 'polite'});
    chart.plot = plotOf(chart);
    chart.numbers = folded('The numbers', () => table(chart.spec.columns, chart.spec.data, chart.spec.label));
    document.querySelector(`[data-chart="${name}"]`).replaceChildren(chart.key, chart.plot,
      make('p', {className: 'places'}, spec.places), chart.numbers);
  }
  if (hasOtherLines) chart.key.replaceChildren(...keyOf(chart));
  chart.numbers.fill();
  draw(chart);
}

// What the lines mean, and their values where the cursor is.
function keyOf(chart) {
  const {lines, canBeLog} = chart.spec;
  chart.when = make('li', {className: 'when'});
  chart.values = lines.map(() => make('data'));
  chart.swatches = lines.map(({tone, dash = '', area}) =>
    make('span', {className: `swatch tone-${tone} ${area ? 'area' : dash}`}));
  const key = [...lines.map((line, i) => make('li', {}, chart.swatches[i], line.name, chart.values[i])), chart.when];
  if (canBeLog) {
    const box = make('input', {type: 'checkbox', checked: chart.log});
    box.addEventListener('change', () => { chart.log = box.checked; draw(chart); });
    key.push(make('li', {className: 'choice'}, make('label', {}, box, 'logarithmic')));
  }
  return key;
}

function plotOf(chart) {
  const plot = make('div', {className: 'plot', tabIndex: 0, role: 'group'});
  plot.ariaLabel = `Chart: ${chart.spec.label}. Arrow keys read the values, plus and minus zoom, Escape ends both.`;
  plot.addEventListener('keydown', (event) => onKey(chart, event));
  plot.addEventListener('blur', () => select(chart, null));
  return plot;
}

// Colours come from the style sheet, so this is also what a change of scheme calls.
function draw(chart) {
  const {spec, plot} = chart;
  const colour = (element) => getComputedStyle(element).color;
  chart.colours = {rule: getComputedStyle(plot).borderTopColor, quiet: colour(chart.when)};
  const series = {};
  for (const {name, dash, area, width = 1.75} of spec.lines) {
    series[name] = {strokePattern: DASHES[dash] || null, fillGraph: Boolean(area), strokeWidth: width};
  }
  const options = {
    labels: ['x', ...spec.lines.map(({name}) => name)],
    colors: chart.swatches.map(colour),
    series,
    connectSeparatedPoints: Boolean(spec.joined),
    stackedGraph: Boolean(spec.stacked),
    fillAlpha: spec.stacked ? 0.55 : 0.14,
    logscale: chart.log,
    includeZero: !chart.log,
    drawPoints: spec.rows.length < 3,
    pointSize: 3,
    highlightCircleSize: 3.5,
    axisLineColor: chart.colours.rule,
    gridLineColor: chart.colours.rule,
    axisLabelWidth: 66,
    xRangePad: 4,
    axes: {
      x: {drawGrid: false, ticker: (low, high, pixels) => spec.ticks(low, high, pixels)},
      y: {axisLabelFormatter: spec.axis, axisLabelWidth: 58},
    },
    underlayCallback: (canvas, area, graph) => { if (spec.timed) drawMarks(chart, canvas, area, graph); },
    highlightCallback: (event, x, points, row) => select(chart, row),
    unhighlightCallback: () => select(chart, null),
    zoomCallback: (low, high) => zoom(chart, [low, high]),
    // Without touch, so that a finger scrolls the page.
    interactionModel: {...Dygraph.defaultInteractionModel, touchstart: null, touchmove: null, touchend: null},
  };
  if (chart.graph) chart.graph.updateOptions({...options, file: spec.rows});
  else chart.graph = new Dygraph(plot, spec.rows, options);
}

function drawMarks(chart, canvas, area, graph) {
  const {quiet, rule} = chart.colours;
  canvas.save();
  canvas.font = '11px system-ui, sans-serif';
  const warmup = graph.toDomXCoord(marks.warmup_s) - area.x;
  if (marks.warmup_s > 0 && warmup > 0) {
    canvas.globalAlpha = 0.35;
    canvas.fillStyle = rule;
    canvas.fillRect(area.x, area.y, Math.min(warmup, area.w), area.h);
    canvas.globalAlpha = 1;
    canvas.fillStyle = quiet;
    if (warmup > 60) canvas.fillText('warm-up', area.x + 6, area.y + area.h - 7);
  }
  canvas.strokeStyle = canvas.fillStyle = quiet;
  canvas.setLineDash([3, 3]);
  let free = area.x;  // where there is room for the next number
  marks.events.forEach(({t_s}, i) => {
    const x = graph.toDomXCoord(t_s);
    if (!(x >= area.x && x <= area.x + area.w)) return;
    canvas.beginPath();
    canvas.moveTo(x, area.y);
    canvas.lineTo(x, area.y + area.h);
    canvas.stroke();
    if (x < free) return;
    const isAtEnd = x > area.x + area.w - 18;
    canvas.textAlign = isAtEnd ? 'right' : 'left';
    canvas.fillText(String(i + 1), isAtEnd ? x - 3 : x + 3, area.y + 10);
    free = x + 18;
  });
  canvas.restore();
}

// Reads row `row` of the chart and of those beside it; null = none.
function select(chart, row) {
  for (const {graph, spec, when, values} of linked(chart)) {
    const values_there = row === null ? undefined : spec.rows[row];
    if (values_there) graph.setSelection(row);
    else graph.clearSelection();
    when.textContent = values_there ? spec.when(values_there[0]) : '';
    values.forEach((element, i) => {
      const value = values_there?.[i + 1];
      element.value = String(value ?? '');
      element.textContent = values_there ? shown(value, spec.show) : '';
    });
  }
}

function zoom(chart, range) {
  const whole = !chart.graph.isZoomed('x');
  for (const {graph} of linked(chart)) {
    if (graph !== chart.graph) graph.updateOptions({dateWindow: whole ? null : range});
  }
}

function onKey(chart, event) {
  const {graph, spec: {rows}} = chart;
  const here = graph.getSelection();  // -1 = none
  const last = rows.length - 1;
  const step = event.shiftKey ? 10 : 1;
  const goTo = {ArrowRight: Math.min(last, here + step), ArrowLeft: here < 0 ? last : Math.max(0, here - step),
    Home: 0, End: last}[event.key];
  const factor = {'+': 0.5, '=': 0.5, '-': 2}[event.key];
  if (goTo !== undefined) {
    select(chart, goTo);
  } else if (factor) {
    const [low, high] = graph.xAxisRange();
    const [least, most] = graph.xAxisExtremes();
    const middle = here < 0 ? (low + high) / 2 : rows[here][0];
    const half = (high - low) * factor / 2;
    const range = [Math.max(least, middle - half), Math.min(most, middle + half)];
    const isWhole = range[0] === least && range[1] === most;
    linked(chart).forEach((other) => other.graph.updateOptions({dateWindow: isWhole ? null : range}));
  } else if (event.key === 'Escape') {
    select(chart, null);
    linked(chart).forEach((other) => other.graph.resetZoom());
  } else {
    return;
  }
  event.preventDefault();
}
