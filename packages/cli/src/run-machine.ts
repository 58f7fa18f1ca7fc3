// The machine of a run on a capture; what cannot be made is told as a fault of the command line or of the file.

import { type Machine, machineFromFacts } from '@dmalab/replay';
import type { Capture } from '@dmalab/trace';
import { InputError } from './input-error.ts';
import type { Run } from './machine-runs.ts';
import { UsageError } from './usage-error.ts';

/** See the head of the file. */
export function machineOfRun(capture: Capture, { file, overrides, registry }: Run): Machine {
  try {
    return machineFromFacts(capture.facts, overrides, registry);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw file === null ? new UsageError(error.message) : new InputError(file, error.message);
  }
}
