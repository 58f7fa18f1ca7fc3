// Robust least squares with coefficients that are not negative, on relative residuals.
//
// Durations have long tails (interrupts, cold caches): a plain fit would be one of its outliers. Minimised
// is the sum of Huber's loss of (predicted - measured) / measured, by reweighting; each step solves the
// small normal equations by coordinate descent, which keeps every coefficient at 0 or above.

const ROUNDS = 60;
const SWEEPS = 200;
/** Relative residuals beyond it count linearly. */
const HUBER = 0.2;

/** Observations: row i is `counts[i * width]` to `counts[i * width + width - 1]` times the coefficients. */
export interface Observations {
  readonly width: number;
  readonly counts: readonly number[];
  /** Measured values, above 0. */
  readonly measured: readonly number[];
}

/** The coefficients; NaN for a column that no observation has. */
export function fitNonNegative({ width, counts, measured }: Observations): Float64Array {
  const fitted = new Float64Array(width);
  const products = new Float64Array(width * width);
  const target = new Float64Array(width);
  for (let round = 0; round < ROUNDS; round++) {
    products.fill(0);
    target.fill(0);
    for (let i = 0; i < measured.length; i++) {
      const scale = 1 / measured[i]!;
      let predicted = 0;
      for (let k = 0; k < width; k++) predicted += counts[i * width + k]! * fitted[k]!;
      const residual = Math.abs(predicted * scale - 1);
      const weight = round === 0 || residual <= HUBER ? 1 : HUBER / residual;
      for (let k = 0; k < width; k++) {
        const x = counts[i * width + k]! * scale;
        if (x === 0) continue;
        target[k]! += weight * x;
        for (let j = 0; j < width; j++) {
          products[k * width + j]! += weight * x * counts[i * width + j]! * scale;
        }
      }
    }
    descend(products, target, fitted);
  }
  for (let k = 0; k < width; k++) if (products[k * width + k] === 0) fitted[k] = Number.NaN;
  return fitted;
}

function descend(products: Float64Array, target: Float64Array, fitted: Float64Array): void {
  const width = fitted.length;
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (let k = 0; k < width; k++) {
      const own = products[k * width + k]!;
      if (own === 0) continue;
      let rest = target[k]!;
      for (let j = 0; j < width; j++) {
        if (j !== k) rest -= products[k * width + j]! * fitted[j]!;
      }
      fitted[k] = Math.max(0, rest / own);
    }
  }
}

/** The median of |predicted - measured| / measured; null without observations. */
export function medianRelativeError(
  { width, counts, measured }: Observations,
  fitted: Float64Array,
): number | null {
  if (measured.length === 0) return null;
  const errors = measured.map((ns, i) => {
    let predicted = 0;
    for (let k = 0; k < width; k++) {
      const count = counts[i * width + k]!;
      if (count !== 0) predicted += count * fitted[k]!;
    }
    return Math.abs(predicted - ns) / ns;
  });
  errors.sort((a, b) => a - b);
  return errors[Math.floor((errors.length - 1) / 2)]!;
}
