// Where the names of curves stand: beside their own curve, where they cover as little as can be of the others.
//
// Heights are percent, times on a logarithmic axis; sizes are those of a plot of PLOT_WIDTH pixels.

import { PLOT_WIDTH } from './chart.ts';
import { type Box, NAME_SIZE, overlap } from './label-box.ts';
import type { LogTimeAxis } from './log-time-axis.ts';
import { textWidth } from './text-width.ts';

/** A curve of rising percentages `p` at times `x` (ns, above 0). */
export interface NamedCurve {
  readonly label: string;
  readonly points: readonly { readonly x: number; readonly p: number }[];
}

/** A point of the curve, and the side of it on which the name stands. */
export interface NamePlace {
  readonly x: number;
  readonly p: number;
  readonly align: 'left' | 'right';
}

/** Points of a curve in turn: x and y in pixels from the lower left corner. */
type Path = Float64Array;

const HALF_LINE = 7;
/** Pixels from the curve to its name. */
export const NAME_DISTANCE = 8;
/** A name on another name is worse than one on this many pixels of a curve. */
const NAME_ON_NAME = 1000;
const HEIGHTS = Array.from({ length: 17 }, (_, i) => 10 + 5 * i);

/** A place for the name of each curve, in the same order, in a plot `height` pixels high. */
export function placeCurveNames(
  curves: readonly NamedCurve[],
  { zero, last }: LogTimeAxis,
  height: number,
): NamePlace[] {
  const perLog = PLOT_WIDTH / Math.log(last / zero);
  const paths = curves.map(({ points }): Path => {
    return Float64Array.from(
      points.flatMap(({ x, p }) => [perLog * Math.log(x / zero), (p * height) / 100]),
    );
  });
  const taken: Box[] = [];
  return curves.map(({ label }, i) => {
    const usual = 80 - (60 * (i + 0.5)) / curves.length;
    const width = textWidth(label, NAME_SIZE, true);
    const heights = HEIGHTS.toSorted((a, b) => Math.abs(a - usual) - Math.abs(b - usual));
    let best: { place: NamePlace; box: Box; cost: number } | null = null;
    for (const p of heights) {
      const y = (p * height) / 100;
      const x = reachedAt(paths[i]!, y);
      for (const align of ['left', 'right'] as const) {
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
    taken.push(best!.box);
    return best!.place;
  });
}

/** Where a path first is at the height `y`. */
function reachedAt(path: Path, y: number): number {
  for (let i = 0; i < path.length; i += 2) {
    if (path[i + 1]! < y) continue;
    if (i === 0 || path[i + 1]! === path[i - 1]!) return path[i]!;
    const share = (y - path[i - 1]!) / (path[i + 1]! - path[i - 1]!);
    return path[i - 2]! + share * (path[i]! - path[i - 2]!);
  }
  return path.at(-2) ?? 0;
}

/** How much of a path is in a box: of each of its steps the longer side, in pixels. */
function lengthIn(path: Path, { left, right, low, high }: Box): number {
  let length = 0;
  for (let i = 2; i < path.length; i += 2) {
    const [x0, y0, x1, y1] = [path[i - 2]!, path[i - 1]!, path[i]!, path[i + 1]!];
    if (x1 < left || x0 > right || y1 < low || y0 > high) continue;
    length += Math.max(
      Math.min(x1, right) - Math.max(x0, left),
      Math.min(y1, high) - Math.max(y0, low),
    );
  }
  return length;
}
