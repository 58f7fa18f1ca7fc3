// The summary of failures at the end of a batch.

import type { BatchRow } from '@dmalab/analysis/results';
import { printable } from '../output.ts';

/** One line for each failure, with the trace and, where it matters, the machine. */
export function failureLines(failed: readonly BatchRow[]): string[] {
  return failed.map(({ trace, machine, error }) => {
    const told = error?.startsWith(`${trace}:`) ? error : `${trace}: ${error}`;
    return `dmalab: ${printable(machine === null ? told : `${told} (on ${machine})`)}\n`;
  });
}
