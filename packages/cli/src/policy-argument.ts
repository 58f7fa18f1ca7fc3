// Policies as typed on the command line: "percpu", or "percpu:size=512,timeoutMs=20".

import type { Parameters, PolicyChoice } from '@dmalab/replay';
import { UsageError } from './usage-error.ts';

/** Reads NAME[:key=value,...]; values stay what they look like: numbers, true and false, words. */
export function parsePolicyArgument(option: string, argument: string): PolicyChoice {
  const colon = argument.indexOf(':');
  if (colon < 0) return { name: argument, parameters: {} };
  const parameters: Record<string, number | boolean | string> = {};
  for (const pair of argument.slice(colon + 1).split(',')) {
    const equals = pair.indexOf('=');
    if (equals <= 0) {
      throw new UsageError(
        `--${option} ${argument}: expected NAME:key=value,key=value, got "${pair}" where key=value should be`,
      );
    }
    parameters[pair.slice(0, equals)] = parseValue(pair.slice(equals + 1));
  }
  return { name: argument.slice(0, colon), parameters: parameters satisfies Parameters };
}

function parseValue(text: string): number | boolean | string {
  if (text === 'true') return true;
  if (text === 'false') return false;
  const number = Number(text);
  return text !== '' && Number.isFinite(number) ? number : text;
}
