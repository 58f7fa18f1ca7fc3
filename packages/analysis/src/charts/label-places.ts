// Where names stand beside points and the ends of lines, so that they do not cover each other.

import { type Box, NAME_SIZE, overlap } from './label-box.ts';
import { textWidth } from './text-width.ts';

/**
 * Places for labels that want to stand at `wanted`, in the same order: at least `gap` apart, and
 * within `low` and `high` as far as they fit there.
 */
export function spreadLabels(
  wanted: readonly number[],
  gap: number,
  low: number,
  high: number,
): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]! || a - b);
  const places = [...wanted];
  let floor = low;
  for (const i of order) {
    places[i] = Math.max(wanted[i]!, floor);
    floor = places[i]! + gap;
  }
  let ceiling = high;
  for (const i of order.reverse()) {
    places[i] = Math.min(places[i]!, ceiling);
    ceiling = places[i]! - gap;
  }
  return places;
}

/** A point with its name, in pixels from the upper left corner of a plot. */
export interface NamedPoint {
  readonly x: number;
  readonly y: number;
  readonly name: string;
}

/** Where the name of a point stands: distances from the point, and the side that is anchored there. */
export interface LabelPlace {
  readonly align: 'left' | 'right';
  readonly dx: number;
  readonly dy: number;
}

const LINE = 14;
const POINT = 8;
const PLACES: readonly LabelPlace[] = [-9, 12, -24, 27].flatMap((dy) => [
  { align: 'left', dx: 11, dy },
  { align: 'right', dx: -11, dy },
]);

/**
 * A place for each name, in the same order, where it covers no point and no other name and stays within `width`
 * and above `height`, where the axis is; null where there is none. Earlier points choose first.
 */
export function placeNames(
  points: readonly NamedPoint[],
  width: number,
  height: number = Number.POSITIVE_INFINITY,
): (LabelPlace | null)[] {
  const taken: Box[] = points.map(({ x, y }) => box(x - POINT, x + POINT, y, POINT));
  return points.map((point, i) => {
    for (const place of PLACES) {
      const length = textWidth(point.name, NAME_SIZE, false);
      const left = point.x + place.dx - (place.align === 'right' ? length : 0);
      const label = box(left, left + length, point.y + place.dy, LINE / 2);
      if (label.left < 0 || label.right > width || label.low < -LINE) continue;
      if (label.high > height) continue;
      if (taken.some((other, j) => j !== i && overlap(label, other))) continue;
      taken.push(label);
      return place;
    }
    return null;
  });
}

function box(left: number, right: number, middle: number, half: number): Box {
  return { left, right, low: middle - half, high: middle + half };
}
