// The room that a name takes in a plot.

/** Size of the letters of names in plots, pixels. */
export const NAME_SIZE = 11.5;

/** In pixels of a plot; heights may count up or down. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly low: number;
  readonly high: number;
}

/** True where two boxes have more than an edge in common. */
export function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.low < b.high && b.low < a.high;
}
