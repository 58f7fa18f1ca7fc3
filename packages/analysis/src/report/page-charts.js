// Made by charts.test.ts from part-charts.ts and all that it imports. Do not edit.
const partCharts = (() => {
const module1 = (() => {
function panelTitle(label ) {
  return { text: label, style: 'run-title', offset: 6 };
}
const LONGEST_NAME = 48;
function shortName(name ) {
  const letters = [...name];
  if (letters.length <= LONGEST_NAME) return name;
  return `${letters.slice(0, 28).join('')}…${letters.slice(-LONGEST_NAME + 29).join('')}`;
}
const SCHEMA = 'https://vega.github.io/schema/vega-lite/v6.json';
const PLOT_WIDTH = 640;
function emptyChart(title , reason ) {
  return {
    $schema: SCHEMA,
    title: { text: title },
    width: PLOT_WIDTH,
    height: 60,
    usermeta: { nothingToShow: reason },
    data: { values: [{ reason }] },
    mark: { type: 'text', style: 'note' },
    encoding: { text: { field: 'reason' } },
  };
}
function reasonOfEmpty({ usermeta } ) {
  const reason = (usermeta )?.nothingToShow;
  return typeof reason === 'string' ? reason : null;
}
function forPlot(value ) {
  return Number(value.toPrecision(4));
}
return { panelTitle, shortName, SCHEMA, PLOT_WIDTH, emptyChart, reasonOfEmpty, forPlot };
})();
const module2 = (() => {
const BINARY_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] ;
const TIME_UNITS = [
  { name: 'ns', ns: 1 },
  { name: 'µs', ns: 1e3 },
  { name: 'ms', ns: 1e6 },
  { name: 's', ns: 1e9 },
] ;
function byteUnit(bytes ) {
  let index = 0;
  while (index < BINARY_UNITS.length - 1 && bytes >= 1024 ** (index + 1)) index++;
  return { name: BINARY_UNITS[index] , size: 1024 ** index };
}
function timeUnit(ns ) {
  const unit = TIME_UNITS.findLast(({ ns: size }) => ns >= 0.9995 * size) ?? TIME_UNITS[0];
  return { name: unit.name, size: unit.ns };
}
function formatCount(count ) {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}
function formatBytes(bytes ) {
  const unit = byteUnit(bytes);
  return `${unit.size === 1 ? formatCount(bytes) : threeDigits(bytes / unit.size)} ${unit.name}`;
}
function formatDuration(ns ) {
  if (ns === 0) return '0';
  const unit = timeUnit(ns);
  return `${threeDigits(ns / unit.size)} ${unit.name}`;
}
function formatModelled(ns ) {
  if (ns === 0) return '0';
  const rounded = Number(ns.toPrecision(2));
  const unit = timeUnit(rounded);
  const value = rounded / unit.size;
  return `${value < 10 ? value.toFixed(1) : formatCount(value)} ${unit.name}`;
}
function formatShare(share ) {
  const percent = 100 * share;
  if (percent > 99.9 && percent < 100) return '>99.9 %';
  if (percent > 0 && percent < 0.05) return '<0.1 %';
  return `${percent === 0 || percent === 100 ? percent : percent.toFixed(1)} %`;
}
function threeDigits(value ) {
  const size = Math.abs(Number(value.toPrecision(3)));
  if (size === 0) return '0';
  if (size >= 1000) return formatCount(value);
  return value.toFixed(Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(size)))));
}
return { byteUnit, timeUnit, formatCount, formatBytes, formatDuration, formatModelled, formatShare, threeDigits };
})();
const module3 = (() => {
const { formatCount } = module2;
const { emptyChart, PLOT_WIDTH, panelTitle, SCHEMA, } = module1;
const CAUSES = ['timeout', 'full', 'host', 'teardown', 'bound'] ;
const CAUSE_NAMES = {
  timeout: 'timer',
  full: 'queue full',
  host: 'host out of resources',
  teardown: 'teardown',
  bound: 'bound of the queue',
} ;
const CAUSE_LABEL = `${JSON.stringify(CAUSE_NAMES)}[datum.label]`;
const flushBatch = {
  name: 'flush-batch',
  title: 'How much one flush of the IOTLB releases',
  summary: 'Flushes by the number of queue entries they released, and by cause.',
  make,
};
function make(
  results ,
  whole = results,
) {
  const present = CAUSES.filter((cause) =>
    results.some(({ result }) => result.distributions.flushBatch[cause].length > 0),
  );
  if (results.every(({ result: { summary } }) => hasNothing(summary.flushes))) {
    return emptyChart(flushBatch.title, 'No flush and no invalidation: nothing was unmapped.');
  }
  const classes = Math.max(2, ...whole.map(({ result }) => highestClass(result) + 1));
  return {
    $schema: SCHEMA,
    title: {
      text: flushBatch.title,
      subtitle: 'flushes by entries released, each bar up to the next number; 0: in vain',
    },
    vconcat: results.map((result, i) => panel(result, classes, present, i === results.length - 1)),
    resolve: { scale: { color: 'shared' } },
  };
}
function panel(
  { label, result } ,
  classes ,
  present ,
  isLast ,
) {
  const { total, rangeInvalidations } = result.summary.flushes;
  const flushes = total === 1 ? '1 flush' : `${formatCount(total)} flushes`;
  return {
    title: panelTitle(
      `${label}: ${flushes}${present.length === 1 && total > 0 ? `, cause: ${CAUSE_NAMES[present[0] ]}` : ''}`,
    ),
    width: PLOT_WIDTH,
    height: total > 0 ? 110 : 36,
    encoding: {
      x: {
        field: 'entries',
        type: 'ordinal',
        title: isLast ? 'queue entries released by one flush' : null,
        scale: { domain: Array.from({ length: classes }, (_, k) => className(k)) },
        axis: { labelAngle: 0, labelOverlap: 'greedy', labels: isLast || total > 0 },
      },
    },
    layer: total > 0 ? bars(result, present) : [note(rangeInvalidations, classes)],
  };
}
function bars(result , present ) {
  const rows = CAUSES.flatMap((cause) => causeRows(cause, result.distributions.flushBatch[cause]));
  return [
    {
      data: { values: rows },
      mark: { type: 'bar' },
      encoding: {
        y: {
          field: 'flushes',
          type: 'quantitative',
          title: 'flushes',
          axis: { tickCount: 3, tickMinStep: 1, minExtent: 34 },
        },
        color: {
          field: 'cause',
          type: 'nominal',
          scale: { domain: [...CAUSES], range: 'category' },
          legend: present.length === 1 ? null : { values: [...present], labelExpr: CAUSE_LABEL },
        },
        tooltip: [
          { field: 'range', type: 'nominal', title: 'entries' },
          { field: 'cause', type: 'nominal' },
          { field: 'flushes', type: 'quantitative' },
        ],
      },
    },
    {
      data: { values: rows },
      mark: { type: 'text', baseline: 'bottom', dy: -3 },
      encoding: {
        y: { aggregate: 'sum', field: 'flushes', type: 'quantitative' },
        text: { aggregate: 'sum', field: 'flushes', type: 'quantitative', format: ',' },
      },
    },
  ];
}
function invalidations(count ) {
  if (count === 1) return '1 unmap invalidated its own range';
  return `${formatCount(count)} unmaps invalidated their own range`;
}
function note(rangeInvalidations , classes ) {
  const text =
    rangeInvalidations > 0
      ? `no queue: ${invalidations(rangeInvalidations)}`
      : 'no flush and no invalidation';
  const entries = className(Math.floor(classes / 2));
  return {
    data: { values: [{ text, entries }] },
    mark: { type: 'text', style: 'note' },
    encoding: { y: { value: 13 }, text: { field: 'text' } },
  };
}
function causeRows(cause , bins ) {
  const counts = new Map ();
  for (const [lo, , count] of bins) counts.set(classOf(lo), (counts.get(classOf(lo)) ?? 0) + count);
  return [...counts].map(([k, flushes]) => ({
    cause,
    entries: className(k),
    range: classRange(k),
    flushes,
  }));
}
function highestClass({ distributions } ) {
  const bins = CAUSES.flatMap((cause) => [...distributions.flushBatch[cause]]);
  return Math.max(0, ...bins.map(([lo]) => classOf(lo)));
}
function hasNothing({
  total,
  rangeInvalidations,
} ) {
  return total + rangeInvalidations === 0;
}
function classOf(entries ) {
  return entries === 0 ? 0 : 1 + Math.floor(Math.log2(entries));
}
function className(k ) {
  return k === 0 ? '0' : formatCount(2 ** (k - 1));
}
function classRange(k ) {
  return k < 2 ? String(k) : `${formatCount(2 ** (k - 1))} to ${formatCount(2 ** k - 1)}`;
}
return { flushBatch };
})();
const module4 = (() => {
const NAME_SIZE = 11.5;
function overlap(a , b ) {
  return a.left < b.right && b.left < a.right && a.low < b.high && b.low < a.high;
}
return { NAME_SIZE, overlap };
})();
const module5 = (() => {
const FIRST = 0x20;
const OTHER = 636;
const REGULAR = [
  318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636,
  636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
  575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685,
  611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579,
  278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
];
const BOLD = 1.12;
function textWidth(text , fontSize , isBold ) {
  let width = 0;
  for (const character of text) width += REGULAR[character.codePointAt(0) - FIRST] ?? OTHER;
  return (width / 1000) * fontSize * (isBold ? BOLD : 1);
}
return { textWidth };
})();
const module6 = (() => {
const { PLOT_WIDTH } = module1;
const { NAME_SIZE, overlap } = module4;
const { textWidth } = module5;
const HALF_LINE = 7;
const NAME_DISTANCE = 8;
const NAME_ON_NAME = 1000;
const HEIGHTS = Array.from({ length: 17 }, (_, i) => 10 + 5 * i);
function placeCurveNames(
  curves ,
  { zero, last } ,
  height ,
) {
  const perLog = PLOT_WIDTH / Math.log(last / zero);
  const paths = curves.map(({ points }) => {
    return Float64Array.from(
      points.flatMap(({ x, p }) => [perLog * Math.log(x / zero), (p * height) / 100]),
    );
  });
  const taken = [];
  return curves.map(({ label }, i) => {
    const usual = 80 - (60 * (i + 0.5)) / curves.length;
    const width = textWidth(label, NAME_SIZE, true);
    const heights = HEIGHTS.toSorted((a, b) => Math.abs(a - usual) - Math.abs(b - usual));
    let best = null;
    for (const p of heights) {
      const y = (p * height) / 100;
      const x = reachedAt(paths[i] , y);
      for (const align of ['left', 'right'] ) {
        const left = align === 'left' ? x + NAME_DISTANCE : x - NAME_DISTANCE - width;
        const box = { left, right: left + width, low: y - HALF_LINE, high: y + HALF_LINE };
        const outside = Math.max(0, -box.left) + Math.max(0, box.right - PLOT_WIDTH);
        const cost =
          Math.abs(p - usual) / 50 +
          NAME_ON_NAME * (outside + taken.filter((other) => overlap(box, other)).length) +
          paths.reduce((sum, path) => sum + lengthIn(path, box), 0);
        if (best !== null && best.cost <= cost) continue;
        best = { place: { x: zero * Math.exp(x / perLog), p, align }, box, cost };
      }
    }
    taken.push(best .box);
    return best .place;
  });
}
function reachedAt(path , y ) {
  for (let i = 0; i < path.length; i += 2) {
    if (path[i + 1] < y) continue;
    if (i === 0 || path[i + 1] === path[i - 1] ) return path[i] ;
    const share = (y - path[i - 1] ) / (path[i + 1] - path[i - 1] );
    return path[i - 2] + share * (path[i] - path[i - 2] );
  }
  return path.at(-2) ?? 0;
}
function lengthIn(path , { left, right, low, high } ) {
  let length = 0;
  for (let i = 2; i < path.length; i += 2) {
    const [x0, y0, x1, y1] = [path[i - 2] , path[i - 1] , path[i] , path[i + 1] ];
    if (x1 < left || x0 > right || y1 < low || y0 > high) continue;
    length += Math.max(
      Math.min(x1, right) - Math.max(x0, left),
      Math.min(y1, high) - Math.max(y0, low),
    );
  }
  return length;
}
return { NAME_DISTANCE, placeCurveNames };
})();
const module7 = (() => {
function distinctCurves(
  results ,
  whole ,
  pick ,
) {
  const wholeCurves = results === whole ? [] : distinct(whole, pick);
  const colours = new Set ();
  return distinct(results, pick).map(({ labels, curve }, i) => {
    const own = wholeCurves.findIndex((known) => known.labels.includes(labels[0] ));
    let colour = own < 0 ? i : own;
    while (colours.has(colour)) colour = Math.max(colour + 1, wholeCurves.length);
    colours.add(colour);
    const isAll = labels.length === results.length && labels.length > 1;
    return { ...curve, colour, label: isAll ? 'all runs' : labels.join(' = ') };
  });
}
function colourDomain(curves ) {
  const most = Math.max(...curves.map(({ colour }) => colour));
  return Array.from(
    { length: most + 1 },
    (_, colour) => curves.find((curve) => curve.colour === colour)?.label ?? `no curve ${colour}`,
  );
}
function distinct(
  results ,
  pick ,
) {
  const curves = new Map ();
  for (const { label, result } of results) {
    const curve = pick(result);
    if (curve.figures.count === 0) continue;
    const key = JSON.stringify(curve.bins);
    const known = curves.get(key);
    if (known) known.labels.push(label);
    else curves.set(key, { labels: [label], curve });
  }
  return [...curves.values()];
}
return { distinctCurves, colourDomain };
})();
const module8 = (() => {
const { formatDuration } = module2;
const { forPlot, PLOT_WIDTH, shortName } = module1;
const { NAME_DISTANCE, placeCurveNames } = module6;
const { colourDomain } = module7;
function ecdfPlot(
  curves ,
  axis ,
  words ,
  height = 250,
) {
  const drawn = curves.map((curve) => points(curve, axis));
  const named = curves.map(({ label }, i) => ({ label: shortName(label), points: drawn[i] }));
  const places = placeCurveNames(named, axis, height);
  const domain = colourDomain(curves);
  return {
    width: PLOT_WIDTH,
    height,
    data: { values: drawn.flat() },
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        title: words.x,
        scale: { type: 'log', domain: [axis.zero, axis.last], nice: false },
        axis: { values: [...axis.values], labelExpr: axis.labelExpr, grid: true },
      },
      y: {
        field: 'p',
        type: 'quantitative',
        title: words.y,
        scale: { domain: [0, 100] },
        axis: { tickCount: 5 },
      },
    },
    layer: [
      ...lines(curves, words, domain),
      ...curves.flatMap(({ label }, i) => nameTag(label, places[i] , domain)),
    ],
  };
}
function lines(curves , words , domain ) {
  const names = curves.map(({ label }) => label);
  const dashes = curves.map(({ isDashed }) => (isDashed === true ? [5, 4] : [1, 0]));
  const dash = {
    field: 'run',
    type: 'nominal',
    scale: { domain: names, range: dashes },
    legend: null,
  } ;
  const color = {
    field: 'run',
    type: 'nominal',
    scale: { domain, range: 'category' },
    legend: null,
  } ;
  const dashed = curves.some(({ isDashed }) => isDashed) ? { strokeDash: dash } : {};
  return [
    {
      mark: { type: 'line', strokeWidth: 2.5, strokeJoin: 'round' },
      encoding: { color, ...dashed },
    },
    {
      mark: { type: 'point', opacity: 0, size: 90, aria: false },
      encoding: {
        tooltip: [
          { field: 'run', type: 'nominal' },
          { field: 'time', type: 'nominal', title: 'within' },
          { field: 'p', type: 'quantitative', title: words.share },
        ],
      },
    },
  ];
}
function points({ label, bins, figures } , axis ) {
  const curve = [];
  const count = bins.reduce((sum, [, , n]) => sum + n, 0);
  const longest = figures.max ?? 0;
  let seen = 0;
  let end = -1;
  for (const [lo, hi, n] of bins) {
    if (lo > end) curve.push(point(label, lo, (100 * seen) / count, axis));
    seen += n;
    end = hi;
    curve.push(point(label, Math.min(hi, longest), (100 * seen) / count, axis));
  }
  if (longest < axis.last) curve.push(point(label, axis.last, 100, axis));
  return curve;
}
function point(run , ns , percent , axis ) {
  const time = formatDuration(ns);
  return { run, x: ns === 0 ? axis.zero : forPlot(ns), p: forPlot(percent), time };
}
function nameTag(run , { x, p, align } , domain ) {
  const place = { align, dx: align === 'left' ? NAME_DISTANCE : -NAME_DISTANCE };
  const data = { values: [{ run, name: shortName(run), x: forPlot(x), p: forPlot(p) }] };
  const text = { field: 'name', type: 'nominal' } ;
  const fill = {
    ...text,
    field: 'run',
    scale: { domain, range: 'ordinal' },
    legend: null,
  } ;
  return [
    { data, mark: { type: 'text', style: 'halo', ...place }, encoding: { text } },
    { data, mark: { type: 'text', fontWeight: 'bold', ...place }, encoding: { text, fill } },
  ];
}
return { ecdfPlot };
})();
const module9 = (() => {
function logTimeAxis(distributions ) {
  let lo = Number.POSITIVE_INFINITY;
  let hi = 0;
  for (const bins of distributions) {
    for (const [from, to] of bins) {
      if (from > 0 && from < lo) lo = from;
      if (to > hi) hi = to;
    }
  }
  const empty = hi === 0;
  const first = empty ? 1e3 : 10 ** Math.floor(Math.log10(lo));
  const last = empty ? 1e9 : Math.max(first * 10, 10 ** Math.ceil(Math.log10(hi)));
  const zero = first / 10;
  const values = [zero];
  for (let tick = first; tick <= last * 1.01; tick *= 10) values.push(tick);
  return { zero, first, last, values, labelExpr: labelExpr(zero) };
}
function labelExpr(zero ) {
  const unit = (name , ns ) =>
    `format(datum.value / ${ns}, '~r') + ' ${name}'`;
  const upTo = (limit ) => `datum.value < ${limit * 0.99} ? `;
  return (
    `datum.value < ${zero * 2} ? '0' : ${upTo(1e3)}${unit('ns', 1)} : ` +
    `${upTo(1e6)}${unit('µs', 1e3)} : ${upTo(1e9)}${unit('ms', 1e6)} : ${unit('s', 1e9)}`
  );
}
return { logTimeAxis };
})();
const module10 = (() => {
const { emptyChart, SCHEMA, } = module1;
const { ecdfPlot } = module8;
const { logTimeAxis } = module9;
const { distinctCurves } = module7;
const flushInterval = {
  name: 'flush-interval',
  title: 'How often the IOTLB is flushed',
  summary: 'Share of flushes by the time since the last flush of their domain (ECDF).',
  make,
};
function make(
  results ,
  whole = results,
) {
  const curves = distinctCurves(results, whole, drawn);
  if (curves.length === 0) {
    return emptyChart(
      flushInterval.title,
      'No domain was flushed twice: strict unmaps invalidate ranges, and need no flush.',
    );
  }
  return {
    $schema: SCHEMA,
    title: {
      text: flushInterval.title,
      subtitle: 'share of flushes that come at most so long after the last flush of their domain',
    },
    ...ecdfPlot(curves, logTimeAxis(whole.map(({ result }) => drawn(result).bins)), {
      x: 'time from one flush to the next',
      y: 'share of flushes (%)',
      share: '% of flushes',
    }),
  };
}
function drawn({ summary, distributions } ) {
  return {
    bins: distributions.flushInterval,
    figures: summary.flushes.interval,
  };
}
return { flushInterval };
})();
const module11 = (() => {
const { formatDuration } = module2;
const { emptyChart, forPlot, PLOT_WIDTH, panelTitle, SCHEMA, } = module1;
const { ecdfPlot } = module8;
const { logTimeAxis } = module9;
const { distinctCurves } = module7;
const MOST_MEASURED = 3;
const OF_UNMAPS = /unmap|free|flush|release|queue/;
const QUANTILES = [
  ['p50', 'median', 170],
  ['p90', 'p90', 110],
  ['p99', 'p99', 70],
  ['p999', 'p99.9', 38],
  ['max', 'max', 14],
] ;
const latency = {
  name: 'latency',
  title: 'How long maps and unmaps take',
  summary: 'Modelled and measured durations of maps and unmaps: curves (ECDF) and quantiles.',
  make,
};
function make(
  results ,
  whole = results,
) {
  const maps = withMeasured(modelled(results, whole, 'map'), measured(whole, false));
  const unmaps = withMeasured(modelled(results, whole, 'unmap'), measured(whole, true));
  const curves = [...maps, ...unmaps];
  if (curves.length === 0) {
    return emptyChart(
      latency.title,
      'No request of the run took modelled time, and none was measured.',
    );
  }
  const axis = logTimeAxis(allBins(whole));
  const isMeasured = curves.some(({ isDashed }) => isDashed);
  return {
    $schema: SCHEMA,
    title: {
      text: latency.title,
      subtitle: isMeasured
        ? 'modelled: assumed costs of the machine, with waiting; measured: while recording, with the cost of tracing'
        : 'modelled: assumed costs of the machine, with waiting. Nothing was measured: record with function_graph or probes',
    },
    vconcat: [
      ...plot('maps', maps, axis, results !== whole),
      ...plot('unmaps', unmaps, axis, results !== whole),
      quantilePanel([...rowsOf('map', maps), ...rowsOf('unmap', unmaps)], axis),
    ],
    resolve: { scale: { color: 'independent', fill: 'independent' } },
  };
}
function allBins(results ) {
  const curves = [
    ...modelled(results, results, 'map'),
    ...modelled(results, results, 'unmap'),
    ...measured(results, false),
    ...measured(results, true),
  ];
  return curves.map(({ bins }) => bins);
}
function modelled(
  results ,
  whole ,
  kind ,
) {
  return distinctCurves(results, whole, ({ summary, distributions }) => ({
    bins: kind === 'map' ? distributions.modelledMapLatency : distributions.modelledUnmapLatency,
    figures: summary.modelledLatency[kind],
  }));
}
function withMeasured(
  modelledCurves ,
  measuredCurves ,
) {
  const free = 1 + Math.max(-1, ...modelledCurves.map(({ colour }) => colour));
  return [...modelledCurves, ...measuredCurves.map((curve, i) => ({ ...curve, colour: free + i }))];
}
function measured(results , ofUnmaps ) {
  const first = results.find(({ result }) => result.summary.measuredLatency.length > 0);
  if (first === undefined) return [];
  const { summary, distributions } = first.result;
  return distributions.measured
    .flatMap(({ function: name, bins }) => {
      const figures = summary.measuredLatency.find((known) => known.function === name)?.duration;
      if (figures === undefined || figures.count === 0 || OF_UNMAPS.test(name) !== ofUnmaps)
        return [];
      return [{ label: name, bins, figures, colour: 0, isDashed: true }];
    })
    .toSorted((a, b) => b.figures.count - a.figures.count)
    .slice(0, MOST_MEASURED);
}
function plot(
  name ,
  curves ,
  axis ,
  isPart ,
) {
  if (curves.length === 0) return [];
  const kinds = [
    ...(curves.every(({ isDashed }) => isDashed) ? [] : ['modelled']),
    ...(curves.some(({ isDashed }) => isDashed) ? ['dashed: measured'] : []),
  ];
  const part = isPart && kinds.length === 2 ? ' (whole run)' : '';
  const words = { x: '', y: `share of ${name} (%)`, share: `% of ${name}` };
  return [
    {
      ...ecdfPlot(curves, axis, words, 190),
      title: panelTitle(`${name}, ${kinds.join('; ')}${part}`),
    },
  ];
}
function rowsOf(kind , curves ) {
  return curves.map((curve) => ({
    ...curve,
    label: curve.isDashed ? `${curve.label} (measured)` : `${kind}: ${curve.label}`,
  }));
}
function quantilePanel(curves , axis ) {
  const rows = curves.flatMap(({ label, figures }) => quantileRows(label, figures, axis));
  const color = {
    field: 'quantile',
    type: 'nominal',
    scale: { domain: QUANTILES.map(([, name]) => name), range: 'category' },
    legend: { orient: 'top', symbolType: 'circle', offset: 6 },
  } ;
  return {
    title: panelTitle('quantiles'),
    width: PLOT_WIDTH,
    height: { step: 24 },
    data: { values: rows },
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        title: 'duration',
        scale: { type: 'log', domain: [axis.zero, axis.last], nice: false },
        axis: { values: [...axis.values], labelExpr: axis.labelExpr, grid: true },
      },
      y: {
        field: 'curve',
        type: 'nominal',
        title: null,
        scale: { domain: curves.map(({ label }) => label) },
        axis: { labelLimit: 230, grid: true },
      },
    },
    layer: [
      {
        mark: { type: 'point' },
        encoding: {
          color,
          size: { field: 'size', type: 'quantitative', scale: null, legend: null },
          tooltip: [
            { field: 'curve', type: 'nominal', title: 'of' },
            { field: 'quantile', type: 'nominal' },
            { field: 'text', type: 'nominal', title: 'duration' },
          ],
        },
      },
    ],
  };
}
function quantileRows(curve , figures , axis ) {
  return QUANTILES.flatMap(([field, quantile, size]) => {
    const ns = figures[field];
    if (ns === null) return [];
    const x = ns === 0 ? axis.zero : forPlot(ns);
    return [{ curve, quantile, size, x, text: formatDuration(ns) }];
  });
}
return { latency };
})();
const module12 = (() => {
const { formatCount, formatDuration } = module2;
const { emptyChart, forPlot, PLOT_WIDTH, panelTitle, SCHEMA, } = module1;
const { logTimeAxis } = module9;
const { colourDomain, distinctCurves } = module7;
const { textWidth } = module5;
const BINS_PER_DECADE = 5;
const lifetime = {
  name: 'lifetime',
  title: 'How long mappings live',
  summary: 'Share of mappings by the time from map to unmap, with quantiles.',
  make,
};
function make(
  results ,
  whole = results,
) {
  const curves = distinctCurves(results, whole, ({ summary, distributions }) => ({
    bins: distributions.lifetime,
    figures: summary.lifetime,
  }));
  if (curves.length === 0) {
    return emptyChart(
      lifetime.title,
      'No mapping of a translated device has both its map and its unmap in the trace.',
    );
  }
  const axis = logTimeAxis(whole.map(({ result }) => result.distributions.lifetime));
  const highest = Math.max(...curves.flatMap((curve) => bars(curve, axis).map(({ p }) => p)));
  return {
    $schema: SCHEMA,
    title: {
      text: lifetime.title,
      subtitle: 'share of mappings by the time from map to unmap; five bins per factor of ten',
    },
    vconcat: curves.map((curve, i) =>
      panel(curve, axis, highest, colourDomain(curves), i === curves.length - 1),
    ),
  };
}
function panel(
  curve ,
  axis ,
  highest ,
  colours ,
  isLast ,
) {
  const { count } = curve.figures;
  const mappings = count === 1 ? '1 mapping' : `${formatCount(count)} mappings`;
  return {
    title: panelTitle(`${curve.label}: ${mappings}`),
    width: PLOT_WIDTH,
    height: 150,
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        title: isLast ? 'time from map to unmap' : null,
        scale: { type: 'log', domain: [axis.zero, axis.last], nice: false },
        axis: { values: [...axis.values], labelExpr: axis.labelExpr },
      },
      y: {
        field: 'p',
        type: 'quantitative',
        title: 'share of mappings (%)',
        scale: { domain: [0, forPlot(highest * 1.5)], nice: false },
        axis: { tickCount: 4, minExtent: 24, labelExpr: "datum.value > 100 ? '' : datum.label" },
      },
    },
    layer: [
      {
        data: { values: bars(curve, axis) },
        mark: { type: 'bar', binSpacing: 1 },
        encoding: {
          x2: { field: 'x2' },
          y2: { datum: 0 },
          color: {
            datum: curve.label,
            scale: { domain: [...colours], range: 'category' },
            legend: null,
          },
          tooltip: [
            { field: 'time', type: 'nominal', title: 'lifetime' },
            { field: 'p', type: 'quantitative', title: '% of mappings' },
          ],
        },
      },
      ...quantileRules(curve, axis, highest),
    ],
  };
}
function bars({ bins, figures } , axis ) {
  const counts = new Map ();
  for (const [lo, , count] of bins) {
    const bin = lo === 0 ? -1 : Math.floor(Math.log10(lo / axis.first) * BINS_PER_DECADE + 1e-9);
    counts.set(bin, (counts.get(bin) ?? 0) + count);
  }
  return [...counts].map(([bin, count]) => {
    const from = bin < 0 ? axis.zero : edge(axis, bin);
    const to = bin < 0 ? axis.zero * 10 ** (1 / BINS_PER_DECADE) : edge(axis, bin + 1);
    const time = bin < 0 ? '0' : `${formatDuration(from)} to ${formatDuration(to)}`;
    return { x: forPlot(from), x2: forPlot(to), p: forPlot((100 * count) / figures.count), time };
  });
}
function edge(axis , bin ) {
  return axis.first * 10 ** (bin / BINS_PER_DECADE);
}
function quantileRules({ figures } , axis , highest ) {
  const quantiles = [
    ['median', figures.p50 ],
    ['p99', figures.p99 ],
    ['max', figures.max ],
  ] ;
  return quantiles.flatMap(([name, ns], i) => {
    const x = ns === 0 ? axis.zero : forPlot(ns);
    const label = `${name} ${formatDuration(ns)}`;
    const left = (PLOT_WIDTH * Math.log(x / axis.zero)) / Math.log(axis.last / axis.zero);
    const isLeft = left > textWidth(label, 11.5, false) + 5;
    const place = { align: isLeft ? 'right' : 'left', dx: isLeft ? -5 : 5 } ;
    const p = forPlot(highest * (1.12 + 0.14 * i));
    const data = { values: [{ x, p, text: label }] };
    const text = { field: 'text' } ;
    return [
      {
        data,
        mark: { type: 'rule', style: 'guide' },
        encoding: { y: { datum: 0 }, y2: { field: 'p' } },
      },
      { data, mark: { type: 'text', style: 'halo', ...place }, encoding: { text } },
      { data, mark: { type: 'text', ...place }, encoding: { text } },
    ];
  });
}
return { lifetime };
})();
const module13 = (() => {
const { emptyChart, SCHEMA, } = module1;
const { ecdfPlot } = module8;
const { logTimeAxis } = module9;
const { distinctCurves } = module7;
const staleWindow = {
  name: 'stale-window',
  title: 'How long unmapped memory stays within reach',
  summary: 'Share of unmaps whose stale window is at most so long (ECDF).',
  make,
};
function make(
  results ,
  whole = results,
) {
  const curves = distinctCurves(results, whole, drawn);
  if (curves.length === 0) return emptyChart(staleWindow.title, 'Nothing was unmapped.');
  return {
    $schema: SCHEMA,
    title: {
      text: staleWindow.title,
      subtitle:
        'share of unmaps that a flush has covered after the time given; 0: the unmap itself invalidates',
    },
    ...ecdfPlot(curves, logTimeAxis(whole.map(({ result }) => drawn(result).bins)), {
      x: 'time from unmap to flush',
      y: 'share of unmaps (%)',
      share: '% of unmaps',
    }),
  };
}
function drawn({ summary, distributions } ) {
  return {
    bins: distributions.staleWindow,
    figures: summary.exposure.staleWindow,
  };
}
return { staleWindow };
})();
const module14 = (() => {
const SLICE_PER_OCTAVE = 32;
function sliceBucketLow(bucket ) {
  if (bucket === 0) return 0;
  const octave = Math.floor((bucket - 1) / SLICE_PER_OCTAVE);
  return 2 ** octave * (1 + ((bucket - 1) % SLICE_PER_OCTAVE) / SLICE_PER_OCTAVE);
}
function addCounts(a , b ) {
  const sum = [];
  let j = 0;
  for (let i = 0; i < a.length; i += 2) {
    for (; j < b.length && b[j] < a[i] ; j += 2) sum.push(b[j] , b[j + 1] );
    const isBoth = j < b.length && b[j] === a[i];
    sum.push(a[i] , a[i + 1] + (isBoth ? b[j + 1] : 0));
    if (isBoth) j += 2;
  }
  for (; j < b.length; j++) sum.push(b[j] );
  return sum;
}
return { SLICE_PER_OCTAVE, sliceBucketLow, addCounts };
})();
const module15 = (() => {
const { addCounts, sliceBucketLow } = module14;
function slicedRun({ label, result } ) {
  const { summary, series, distributions } = result;
  const slices = distributions.slices ?? null;
  const perSlice = (slices?.sliceNs ?? series.bucketNs) / series.bucketNs;
  const invalidations = new Array (slices?.count ?? 0).fill(0);
  for (const [bucket, count] of series.rangeInvalidations.entries()) {
    const slice = Math.floor(bucket / perSlice);
    if (slice < invalidations.length) invalidations[slice] += count;
  }
  return {
    label,
    slices,
    rangeInvalidations: invalidations,
    measured: distributions.measured,
    measuredLatency: summary.measuredLatency,
  };
}
function partOf({ sliceNs, count } , from , to ) {
  const first = Math.min(count, Math.floor(from / sliceNs));
  return { first, last: Math.min(count, Math.max(first + 1, Math.ceil(to / sliceNs))) };
}
function wholeOf({ count } ) {
  return { first: 0, last: count };
}
function distributionsOf(
  run ,
  slices ,
  part ,
) {
  const bins = (counts ) => binsOf(counts, part);
  const { full, timeout, host, teardown, bound } = slices.flushBatch;
  const distributions = {
    lifetime: bins(slices.lifetime),
    staleWindow: bins(slices.staleWindow),
    modelledMapLatency: bins(slices.modelledMapLatency),
    modelledUnmapLatency: bins(slices.modelledUnmapLatency),
    flushInterval: bins(slices.flushInterval),
    flushBatch: {
      full: bins(full),
      timeout: bins(timeout),
      host: bins(host),
      teardown: bins(teardown),
      bound: bins(bound),
    },
    measured: run.measured,
  };
  const batches = Object.values(distributions.flushBatch);
  const invalidations = run.rangeInvalidations.slice(part.first, part.last);
  return {
    summary: {
      lifetime: figuresOf(distributions.lifetime),
      exposure: { staleWindow: figuresOf(distributions.staleWindow) },
      flushes: {
        total: batches.reduce((sum, causeBins) => sum + countOf(causeBins), 0),
        rangeInvalidations: invalidations.reduce((a, b) => a + b, 0),
        interval: figuresOf(distributions.flushInterval),
      },
      modelledLatency: {
        map: figuresOf(distributions.modelledMapLatency),
        unmap: figuresOf(distributions.modelledUnmapLatency),
      },
      measuredLatency: run.measuredLatency,
    },
    distributions,
  };
}
function binsOf(counts , { first, last } ) {
  const sum = counts.slice(first, last).reduce (addCounts, []);
  return Array.from({ length: sum.length / 2 }, (_, i) => {
    const bucket = sum[2 * i] ;
    const hi = bucket === 0 ? 0 : sliceBucketLow(bucket + 1);
    return [sliceBucketLow(bucket), hi, sum[2 * i + 1] ] ;
  });
}
function figuresOf(bins ) {
  const count = countOf(bins);
  const quantile = (permille ) => {
    let left = Math.max(1, Math.ceil((permille * count) / 1000));
    const bin = bins.find(([, , n]) => {
      left -= n;
      return left <= 0;
    });
    return bin === undefined ? null : middle(bin);
  };
  return {
    count,
    p50: quantile(500),
    p90: quantile(900),
    p99: quantile(990),
    p999: quantile(999),
    max: quantile(1000),
  };
}
function countOf(bins ) {
  return bins.reduce((sum, [, , count]) => sum + count, 0);
}
function middle([lo, hi] ) {
  return hi - lo <= 1 ? Math.ceil(lo) : (lo + hi) / 2;
}
return { slicedRun, partOf, wholeOf, distributionsOf };
})();
const module16 = (() => {
const { emptyChart, reasonOfEmpty, } = module1;
const { flushBatch } = module3;
const { flushInterval } = module10;
const { latency } = module11;
const { lifetime } = module12;
const { staleWindow } = module13;
const { formatDuration } = module2;
const { distributionsOf, partOf, wholeOf } = module15;
const CHARTS = [
  staleWindow,
  flushBatch,
  flushInterval,
  latency,
  lifetime,
];
const PART_CHARTS = CHARTS.map(({ name }) => name);
function reasonOfWhole(runs ) {
  const without = runs.filter(({ slices }) => slices === null).map(({ label }) => label);
  return without.length === 0
    ? null
    : `Of the whole run: the result of ${without.join(', ')} is of a version that kept no distributions by time; replay it again.`;
}
function partsOf(runs , from , to ) {
  const sliced = withSlices(runs);
  const step = Math.max(...sliced.map(({ slices }) => slices.sliceNs));
  const first = Math.floor(from / step);
  const last = Math.max(first + 1, Math.ceil(to / step));
  return sliced.map(({ slices }) => partOf(slices, first * step, last * step));
}
function partWords(runs , from , to ) {
  const parts = partsOf(runs, from, to);
  const labels = new Map ();
  for (const [i, { run, slices }] of withSlices(runs).entries()) {
    const text = sliceWords(slices, parts[i] );
    labels.set(text, [...(labels.get(text) ?? []), run.label]);
  }
  if (labels.size === 1) return [...labels.keys()].join();
  return [...labels].map(([text, some]) => `${some.join(', ')}: ${text}`).join('; ');
}
function sliceWords({ sliceNs, count } , { first, last } ) {
  if (first === last) return `none of ${count} slices: the run ended before`;
  const [from, to] = [first * sliceNs, last * sliceNs].map(formatDuration);
  return `${last - first} of ${count} slices, ${from} to ${to}`;
}
function partChart(
  name ,
  runs ,
  from ,
  to ,
) {
  const chart = CHARTS.find((known) => known.name === name) ;
  const draw = (parts ) =>
    withSlices(runs).map(({ run, slices }, i) => {
      return { label: run.label, result: distributionsOf(run, slices, parts[i] ) };
    });
  const whole = withSlices(runs).map(({ slices }) => wholeOf(slices));
  const spec = chart.make(draw(partsOf(runs, from, to)), draw(whole));
  if (reasonOfEmpty(spec) === null) return spec;
  return emptyChart(chart.title, 'Nothing of this in the slices shown.');
}
function withSlices(
  runs ,
) {
  return runs.flatMap((run) => (run.slices === null ? [] : [{ run, slices: run.slices }]));
}
return { PART_CHARTS, reasonOfWhole, partsOf, partWords, partChart };
})();
return module16;
})();
