// A chart in a page: its title as text, the place where page.js draws it, and a picture for readers without scripts.

import type { TopLevelSpec } from 'vega-lite';
import { renderSvg } from '../charts/render.ts';
import { escapeHtml } from './escape.ts';

/** A chart of a page: `spec` is for page.js under `name`. */
export interface ChartFigure {
  readonly name: string;
  readonly isOverTime: boolean;
  readonly spec: TopLevelSpec;
  readonly html: string;
}

/** The page shows title (a heading of this level) and subtitle as text, so the spec goes without. */
export async function chartFigure(
  made: TopLevelSpec,
  name: string,
  group: number,
  isOverTime: boolean,
  hasPicture: boolean,
  level: 3 | 4 = 3,
): Promise<ChartFigure> {
  const { title, ...rest } = made;
  const spec = rest as TopLevelSpec;
  const { text, subtitle } = titleTexts(title);
  const picture = hasPicture ? await pictureHtml(spec, text) : NO_PICTURE;
  const html = `<figure data-chart="${escapeHtml(name)}" data-group="${group}">
<h${level}>${escapeHtml(text)}</h${level}>
<figcaption>${escapeHtml(subtitle)}</figcaption>
<p class="part" hidden></p>
<div class="plot"></div>
${picture}
</figure>
`;
  return { name, isOverTime, spec, html };
}

const NO_PICTURE =
  '<p class="no-picture muted">This chart is drawn by a script; dmalab report makes a page with pictures.</p>';

async function pictureHtml(spec: TopLevelSpec, text: string): Promise<string> {
  // The picture has one text for those who do not see it: a label on every mark doubles its size.
  const svg = await renderSvg(
    { ...(withoutHidden(spec as Parts) as TopLevelSpec), config: { aria: false } },
    'light',
  );
  const picture = `data:image/svg+xml;base64,${Buffer.from(rounded(svg)).toString('base64')}`;
  return `<img class="static" alt="${escapeHtml(`Chart: ${text}`)}" src="${picture}">`;
}

/** With places and sizes to a hundredth of a pixel: more digits would be a third of the text. */
function rounded(svg: string): string {
  return svg.replace(/ (?:d|transform|x|y|x2|y2|width|height)="[^"]*"/g, (attribute) =>
    attribute.replace(/\d+\.\d{3,}/g, (digits) => String(Number(Number(digits).toFixed(2)))),
  );
}

/** Without marks that are there for tooltips only: they would be a third of some pictures. */
function withoutHidden<T extends Parts>(spec: T): T {
  const { layer, vconcat } = spec;
  return {
    ...spec,
    ...(layer && { layer: layer.filter(({ mark }) => mark?.opacity !== 0) }),
    ...(vconcat && { vconcat: vconcat.map(withoutHidden) }),
  };
}

interface Parts {
  readonly layer?: readonly { readonly mark?: { readonly opacity?: number } }[];
  readonly vconcat?: readonly Parts[];
}

function titleTexts(title: TopLevelSpec['title']): { text: string; subtitle: string } {
  if (typeof title !== 'object' || !('text' in title)) return { text: String(title), subtitle: '' };
  return { text: String(title.text), subtitle: [title.subtitle ?? ''].flat().join('; ') };
}
