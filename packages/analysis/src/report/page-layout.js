// Charts as a page has room for them: specs to specs.
//
// Runs in a browser: page.ts puts it before page.js, without its exports.

/** The chart with plots of `width` pixels, and texts that are not wider. */
export function withWidth(spec, width) {
  const sized = { ...spec };
  if (typeof spec.width === 'number') sized.width = width;
  if (spec.layer) sized.layer = spec.layer.map((part) => withRoom(part, width / spec.width));
  if (spec.vconcat) {
    sized.vconcat = spec.vconcat.map((part) => withTexts(withWidth(part, width), width));
  }
  return sized;
}

/** Legends in as many columns as fit in this share of the width that they were made for. */
function withRoom(part, share) {
  const color = part.encoding?.color;
  if (!color?.legend?.columns) return part;
  const columns = Math.max(1, Math.floor(color.legend.columns * share));
  const legend = { ...color.legend, columns };
  return { ...part, encoding: { ...part.encoding, color: { ...color, legend } } };
}

/** Names of rows above their marks instead of beside the plot, where they would take half of the page. */
const INSIDE = { labelAlign: 'left', labelPadding: 0, labelOffset: -12, labelLimit: 0 };

/** A chart of which neither names at the axis nor names in the plot make it wider than a narrow page. */
export function withShortNames(spec, width) {
  const { encoding, layer, vconcat } = spec;
  const short = { ...spec };
  const y = encoding?.y;
  if (y?.axis?.labelLimit) {
    const isInside = spec.height?.step !== undefined;
    const place = isInside ? INSIDE : { labelLimit: 170 };
    short.encoding = { ...encoding, y: { ...y, axis: { ...y.axis, ...place } } };
    if (isInside) short.height = { ...spec.height, step: Math.max(34, spec.height.step) };
  }
  const isName = ({ mark }) => mark.type === 'text' && mark.align !== undefined && !mark.limit;
  const limit = Math.max(60, Math.floor(0.6 * width));
  if (layer) {
    short.layer = layer.map((part) => {
      return isName(part) ? { ...part, mark: { ...part.mark, limit } } : part;
    });
  }
  if (vconcat) short.vconcat = vconcat.map((part) => withShortNames(part, width));
  return short;
}

/** Text in lines that are not wider than a plot of `width` pixels with its axis. */
function wrapped(text, width) {
  const most = Math.max(16, Math.floor(width / 8.5));
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== '' && line.length + 1 + word.length > most) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}

/** A panel whose texts do not reach beyond its plot. */
function withTexts(panel, width) {
  const { title, layer } = panel;
  const texts = {};
  if (title) texts.title = { ...title, text: wrapped(title.text, width) };
  if (layer) texts.layer = layer.map((part) => withNote(part, width));
  return { ...panel, ...texts };
}

function withNote(part, width) {
  if (part.mark.style !== 'note') return part;
  const values = part.data.values.map((row) => {
    return { ...row, text: wrapped(row.text, width).join('\n') };
  });
  return { ...part, data: { values }, mark: { ...part.mark, lineBreak: '\n' } };
}

/** A chart over time whose axis follows the signals timeFrom and timeTo; marks end at the plot. */
export function withTime(spec, [from, to]) {
  const params = [
    { name: 'timeFrom', value: from },
    { name: 'timeTo', value: to },
  ];
  return { ...spec, params, vconcat: spec.vconcat.map(followTime) };
}

function followTime(panel) {
  const { x } = panel.encoding;
  const end = x.scale.domain[1];
  const domain = [{ expr: `timeFrom * ${end}` }, { expr: `timeTo * ${end}` }];
  const layer = panel.layer.map((part) => {
    const isFixed = part.encoding?.x?.value !== undefined;
    return isFixed ? part : { ...part, mark: { ...part.mark, clip: true } };
  });
  const encoding = { ...panel.encoding, x: { ...x, scale: { ...x.scale, domain } } };
  return { ...panel, encoding, layer };
}
