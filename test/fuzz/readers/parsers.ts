// The parsers of texts that users write for the command line: machine files and policy arguments.

import { completeChoice } from '@dmalab/replay';
import { InputError } from '../../../packages/cli/src/input-error.ts';
import { parseMachineFile } from '../../../packages/cli/src/machine-file.ts';
import { parsePolicyArgument } from '../../../packages/cli/src/policy-argument.ts';
import { UsageError } from '../../../packages/cli/src/usage-error.ts';
import type { Taken } from './read-trace.ts';

/** Reads a machine file. */
export function machineFile(bytes: Buffer): Taken {
  try {
    parseMachineFile('machine.yaml', bytes.toString('utf8'));
    return 'read';
  } catch (error) {
    if (error instanceof InputError) return 'refused';
    throw error;
  }
}

/** Reads an argument of --iova and --flush and completes it; refused where both refuse it. */
export function policyArgument(bytes: Buffer): Taken {
  const [text = ''] = bytes.toString('utf8').split('\n', 1);
  const some = [completes('iova', text), completes('flush', text)].includes(true);
  return some ? 'read' : 'refused';
}

function completes(kind: 'iova' | 'flush', text: string): boolean {
  try {
    completeChoice(kind, parsePolicyArgument(kind, text));
    return true;
  } catch (error) {
    if (error instanceof UsageError || error instanceof RangeError) return false;
    throw error;
  }
}
