// Makes a failing input smaller for as long as it fails in the same way.

/** The smallest input found, after at most `tries` readings. */
export async function minimise(
  input: Buffer,
  fails: (smaller: Buffer) => Promise<boolean>,
  tries = 2000,
): Promise<Buffer> {
  let best = input;
  let left = tries;
  for (let piece = Math.ceil(best.length / 2); piece >= 1 && left > 0; ) {
    let removed = false;
    for (let at = 0; at < best.length && left > 0; left--) {
      const smaller = Buffer.concat([best.subarray(0, at), best.subarray(at + piece)]);
      if (await fails(smaller)) {
        best = smaller;
        removed = true;
      } else at += piece;
    }
    if (!removed && piece === 1) break;
    if (!removed || piece > best.length) piece = Math.max(1, Math.floor(piece / 2));
  }
  return best;
}
