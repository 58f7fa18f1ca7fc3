// The look of all charts: one config, light and dark.
//
// The palettes are those of Okabe and Ito (distinct for colour-blind readers), the dark one
// brightened. Neighbouring series also differ in lightness, so that a grey print can be read.

import type { Config } from 'vega-lite';

/** For a white or a dark page. */
export type ThemeName = 'light' | 'dark';

interface Colours {
  readonly background: string;
  readonly text: string;
  readonly muted: string;
  readonly grid: string;
  readonly category: readonly string[];
  /** The same for texts: at least 4.5 times as light or dark as the background. */
  readonly names: readonly string[];
  /** From little to much, by lightness. */
  readonly heat: readonly string[];
}

const COLOURS: Readonly<Record<ThemeName, Colours>> = {
  light: {
    background: '#ffffff',
    text: '#1b1f24',
    muted: '#59636e',
    grid: '#e3e6ea',
    category: ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b8860b', '#56b4e9', '#6e7781'],
    names: ['#0072b2', '#b34e00', '#00795a', '#a3467d', '#876300', '#1a7aa8', '#59636e'],
    heat: ['#d9e8f5', '#7db8de', '#2b7bba', '#08306b'],
  },
  dark: {
    background: '#14171c',
    text: '#e8eaed',
    muted: '#a3abb5',
    grid: '#2c323a',
    category: ['#4ba6e8', '#ff8b3d', '#2ecc9b', '#e59cc8', '#f0c04a', '#9bd8f7', '#a8b0ba'],
    names: ['#4ba6e8', '#ff8b3d', '#2ecc9b', '#e59cc8', '#f0c04a', '#9bd8f7', '#a8b0ba'],
    heat: ['#1c3350', '#2a639c', '#56b4e9', '#dff1ff'],
  },
};

/** Fonts by preference; DejaVu Sans is the one that PNG files are drawn with. */
export const CHART_FONT = 'DejaVu Sans, Verdana, sans-serif';

/** Background of a theme, for pages around charts. */
export function themeBackground(theme: ThemeName): string {
  return COLOURS[theme].background;
}

/** The Vega-Lite config of a theme. */
export function chartConfig(theme: ThemeName): Config {
  const { background, text, muted, grid, category, names, heat } = COLOURS[theme];
  return {
    background,
    font: CHART_FONT,
    padding: 12,
    view: { stroke: null },
    range: { category: [...category], ordinal: [...names], heatmap: [...heat] },
    title: {
      color: text,
      subtitleColor: muted,
      fontSize: 15,
      fontWeight: 'bold',
      subtitleFontSize: 11.5,
      subtitlePadding: 5,
      anchor: 'start',
      frame: 'group',
      offset: 14,
    },
    axis: {
      labelColor: muted,
      titleColor: muted,
      labelFontSize: 11,
      titleFontSize: 11,
      titleFontWeight: 'normal',
      titlePadding: 8,
      labelPadding: 4,
      labelSeparation: 8,
      gridColor: grid,
      domainColor: muted,
      tickColor: muted,
      domain: false,
      tickSize: 4,
    },
    axisX: { grid: false, domain: true },
    axisY: { ticks: false },
    legend: {
      labelColor: text,
      titleColor: muted,
      labelFontSize: 11.5,
      symbolType: 'square',
      symbolSize: 110,
      orient: 'top',
      direction: 'horizontal',
      title: null,
      offset: 22,
      labelLimit: 0,
      columnPadding: 24,
    },
    text: { color: text, fontSize: 11.5 },
    point: { color: text, filled: true, size: 40, opacity: 1 },
    rule: { color: muted },
    line: { color: muted },
    concat: { spacing: 26 },
    style: {
      'run-title': { font: CHART_FONT, fontSize: 12, fontWeight: 'bold', fill: text },
      halo: {
        aria: false,
        stroke: background,
        strokeWidth: 4,
        strokeJoin: 'round',
        strokeOpacity: 0.9,
      },
      note: { fill: muted, fontSize: 12 },
      guide: { stroke: muted, strokeDash: [3, 3], strokeWidth: 1 },
    },
  };
}
