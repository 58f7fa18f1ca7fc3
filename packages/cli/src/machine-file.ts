// Machine files: YAML or JSON, all that a colleague needs to repeat a run.

import { readFileSync } from 'node:fs';
import { type MachineOverrides, parseMachine } from '@dmalab/replay';
import { parse, YAMLParseError } from 'yaml';
import { InputError } from './input-error.ts';

/** Reads and checks a machine file; JSON is YAML too. */
export function readMachineFile(path: string): MachineOverrides {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new InputError(path, `cannot read the machine file: ${(error as Error).message}`);
  }
  try {
    return parseMachine(parse(text, { prettyErrors: true }) as unknown);
  } catch (error) {
    if (error instanceof YAMLParseError) {
      const line = error.linePos?.[0].line ?? 1;
      throw new InputError(
        `${path}:${line}`,
        `not valid YAML or JSON: ${error.message.split('\n')[0]}`,
      );
    }
    if (error instanceof RangeError || error instanceof TypeError) {
      throw new InputError(path, error.message);
    }
    throw error;
  }
}
