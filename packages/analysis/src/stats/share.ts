// Shares and rates of counts: null where there is nothing to be a part of.

/** `part` / `whole`; null where `whole` is 0. */
export function share(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}
