// Specs to SVG and PNG, without a browser and without a canvas.
//
// Same spec, same bytes: Vega's running numbers are set back, fonts come from a package and never
// from the system, and widths of texts from a table (without a canvas Vega takes them for too wide).

import { fileURLToPath } from 'node:url';
import { Resvg } from '@resvg/resvg-js';
import type * as Vega from 'vega';
import type * as VegaLite from 'vega-lite';
import type { TopLevelSpec } from 'vega-lite';
import { textWidth } from './text-width.ts';
import { CHART_FONT, chartConfig, type ThemeName, themeBackground } from './theme.ts';

const FONT_FILES = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'];

/** The spec with the config of a theme inside, to be written as `.vl.json`. */
export function withTheme(spec: TopLevelSpec, theme: ThemeName = 'light'): TopLevelSpec {
  return { ...spec, config: chartConfig(theme) };
}

/** SVG text of a spec. `warn` hears what Vega and Vega-Lite find doubtful. */
export async function renderSvg(
  spec: TopLevelSpec,
  theme: ThemeName = 'light',
  warn: (message: string) => void = () => {},
): Promise<string> {
  const logger = warningLogger(warn);
  const [vega, { compile }] = await loadRenderer();
  const compiled = compile(spec, { config: chartConfig(theme), logger }).spec;
  measureTextByTable(vega);
  vega.resetSVGDefIds();
  const view = new vega.View(vega.parse(compiled), { renderer: 'none', logger });
  const svg = await view.toSVG();
  view.finalize();
  return svg;
}

/** Loads what draws, which else is done for the first chart: commands that draw none start in half the time. */
export function loadRenderer(): Promise<[typeof Vega, typeof VegaLite]> {
  return Promise.all([import('vega'), import('vega-lite')]);
}

/** PNG bytes of an SVG text, `scale` pixels for each of its own. */
export function renderPng(svg: string, theme: ThemeName = 'light', scale = 2): Uint8Array {
  const resvg = new Resvg(svg, {
    background: themeBackground(theme),
    fitTo: { mode: 'zoom', value: scale },
    font: {
      loadSystemFonts: false,
      fontFiles: FONT_FILES.map(fontPath),
      defaultFontFamily: CHART_FONT.split(',')[0]!,
    },
  });
  return resvg.render().asPng();
}

interface TextItem {
  readonly fontSize?: number;
  readonly fontWeight?: string | number;
}

/** Vega offers this hook for hosts without a canvas; its types do not name it. */
function measureTextByTable(vega: typeof Vega): void {
  const { textMetrics } = vega as unknown as {
    textMetrics: { width: (item: TextItem, text: unknown) => number };
  };
  textMetrics.width = ({ fontSize = 11, fontWeight }, text) =>
    textWidth(String(text ?? ''), fontSize, fontWeight === 'bold' || Number(fontWeight) >= 600);
}

function fontPath(file: string): string {
  return fileURLToPath(import.meta.resolve(`dejavu-fonts-ttf/ttf/${file}`));
}

function warningLogger(warn: (message: string) => void): Vega.LoggerInterface {
  const report = (...parts: readonly unknown[]): Vega.LoggerInterface => {
    warn(parts.map(String).join(' '));
    return logger;
  };
  const ignore = (): Vega.LoggerInterface => logger;
  const logger = { level: levelOf, error: report, warn: report, info: ignore, debug: ignore };
  function levelOf(): number;
  function levelOf(level: number): Vega.LoggerInterface;
  function levelOf(level?: number): number | Vega.LoggerInterface {
    return level === undefined ? 2 : logger;
  }
  return logger;
}
