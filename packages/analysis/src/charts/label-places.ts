// Where names stand beside the ends of lines, so that they do not cover each other.

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
