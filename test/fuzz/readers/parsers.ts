// The parsers of texts that users write for the command line: files in YAML, arguments and conditions.

import { CONDITION_FIELDS, parseCondition } from '@dmalab/analysis';
import { BUILT_IN, completeChoice } from '@dmalab/replay';
import { parseConfig } from '../../../packages/cli/src/config-file.ts';
import { parseHostFile } from '../../../packages/cli/src/host-file.ts';
import { InputError } from '../../../packages/cli/src/input-error.ts';
import { parseMachineFile } from '../../../packages/cli/src/machine-file.ts';
import { parseBytes } from '../../../packages/cli/src/memory-size.ts';
import { parsePolicyArgument } from '../../../packages/cli/src/policy-argument.ts';
import { UsageError } from '../../../packages/cli/src/usage-error.ts';
import { parseMeta } from '../../../packages/trace/src/meta.ts';
import type { Random } from '../random.ts';
import type { Taken } from './read-trace.ts';

const COMMANDS = ['replay', 'info', 'batch', 'size', 'minimise'] as const;

/** Reads a machine file. */
export function machineFile(bytes: Buffer): Taken {
  return takenBy(() => parseMachineFile('machine.yaml', bytes.toString('utf8')));
}

/** Reads a file of a host and its guests. */
export function hostFile(bytes: Buffer): Taken {
  return takenBy(() => parseHostFile('host.yaml', bytes.toString('utf8'), BUILT_IN));
}

/** Reads a file of defaults for one of the commands. */
export async function configFile(bytes: Buffer, random: Random): Promise<Taken> {
  try {
    await parseConfig('config.yaml', bytes.toString('utf8'), random.pick(COMMANDS));
    return 'read';
  } catch (error) {
    if (error instanceof InputError) return 'refused';
    throw error;
  }
}

/** Reads an argument of --iova and --flush and completes it; refused where both refuse it. */
export function policyArgument(bytes: Buffer): Taken {
  const text = firstLine(bytes);
  const taken = (['iova', 'flush'] as const).map((kind) =>
    takenBy(() => completeChoice(kind, parsePolicyArgument(kind, text))),
  );
  return taken.includes('read') ? 'read' : 'refused';
}

/** Reads a condition of minimise --until, and asks it about figures. */
export function condition(bytes: Buffer, random: Random): Taken {
  return takenBy(() => {
    const holds = parseCondition(firstLine(bytes), CONDITION_FIELDS);
    for (const value of [0, 1, -1, Number.NaN, 2 ** 53, random.real()]) holds(() => value);
  });
}

/** Reads a size of memory. */
export function memorySize(bytes: Buffer): Taken {
  return takenBy(() => parseBytes('memory', firstLine(bytes)));
}

/** Reads a meta.json. */
export function metaFile(bytes: Buffer): Taken {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    return 'refused';
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return 'refused';
  parseMeta(json as Record<string, unknown>);
  return 'read';
}

function firstLine(bytes: Buffer): string {
  return bytes.toString('utf8').split('\n', 1)[0] ?? '';
}

/** What refuses a text says so with an error of its own kind; that the stack is full is none. */
function takenBy(parse: () => unknown): Taken {
  try {
    parse();
    return 'read';
  } catch (error) {
    const isOwn =
      error instanceof InputError || error instanceof UsageError || error instanceof RangeError;
    if (isOwn && !/call stack/.test(error.message)) return 'refused';
    throw error;
  }
}
