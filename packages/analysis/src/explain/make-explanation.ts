// Makes the record of one explanation.

import type { Cause } from './causes.ts';
import type { Evidence, Explanation } from './explanation.ts';
import { type RemedyNumbers, remediesFor, uselessFor } from './remedies.ts';

/** Lines of evidence that are kept of each failure. */
const SHOWN = 3;

/** One explanation of a cause, its standard remedies with numbers. */
export function explanationOf(
  cause: Cause,
  parts: Pick<Explanation, 'confidence' | 'device' | 'count' | 'why'> & {
    readonly evidence: readonly Evidence[];
    readonly open?: readonly Cause[];
    readonly openBecause?: string;
    readonly numbers?: RemedyNumbers;
  },
): Explanation {
  const { confidence, device, count, why, evidence, open = [], openBecause = '' } = parts;
  return {
    cause,
    confidence,
    device,
    count,
    why,
    open,
    openBecause,
    evidence: evidence.slice(0, SHOWN),
    helps: remediesFor(cause, parts.numbers),
    doesNotHelp: uselessFor(cause, parts.numbers),
    proof: [],
  };
}

/** Device with its driver in front, as the kernel prints them. */
export function deviceName({
  driver,
  device,
}: {
  readonly driver: string;
  readonly device: string;
}): string {
  return driver === '' ? device : `${driver} ${device}`;
}
