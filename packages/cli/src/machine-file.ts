// Machine files: YAML or JSON, all that a colleague needs to repeat a run.

import { readFileSync } from 'node:fs';
import { BUILT_IN, type MachineOverrides, type PolicyRegistry, parseMachine } from '@dmalab/replay';
import { isScalar, parseDocument } from 'yaml';
import { InputError } from './input-error.ts';

/** Reads and checks a machine file; JSON is YAML too. */
export function readMachineFile(
  path: string,
  registry: PolicyRegistry = BUILT_IN,
): MachineOverrides {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new InputError(path, `cannot read the machine file: ${(error as Error).message}`);
  }
  return parseMachineFile(path, text, registry);
}

/** Checks the text of a machine file; `path` names it in errors. */
export function parseMachineFile(
  path: string,
  text: string,
  registry: PolicyRegistry = BUILT_IN,
): MachineOverrides {
  try {
    return parseMachine(decodeYaml(path, text), registry);
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) {
      throw new InputError(path, error.message);
    }
    throw error;
  }
}

/** The value of a YAML or JSON text; `path` names it in errors. */
export function decodeYaml(path: string, text: string): unknown {
  const document = parseDocument(text, { prettyErrors: true, logLevel: 'error' });
  const [error] = document.errors;
  if (error !== undefined) {
    const line = error.linePos?.[0].line ?? 1;
    const [problem] = error.message.split('\n');
    throw new InputError(`${path}:${line}`, `not valid YAML or JSON: ${problem}`);
  }
  // A release without quotes is a number to YAML, and 6.10 would be 6.1.
  const kernel = document.get('kernel', true);
  if (isScalar(kernel) && typeof kernel.value === 'number') kernel.value = kernel.source;
  try {
    return document.toJS();
  } catch (error) {
    // An alias without its anchor, or aliases of aliases that would fill the memory.
    throw new InputError(path, `not valid YAML or JSON: ${(error as Error).message}`);
  }
}
