// Checks parameters against the list of a policy, and fills in defaults.

import type { Parameter, ParameterList, Parameters } from './policy.ts';

/** Complete parameters of the policy `owner`; a RangeError names what is wrong and what was expected. */
export function completeParameters(
  owner: string,
  list: ParameterList,
  given: Parameters,
): Parameters {
  for (const name of Object.keys(given)) {
    if (list.some((parameter) => parameter.name === name)) continue;
    const names = list.map((parameter) => parameter.name).join(', ') || 'none';
    throw new RangeError(`Unknown parameter "${name}" of ${owner}, expected one of: ${names}`);
  }
  const complete: Record<string, number | boolean | string> = {};
  for (const parameter of list) {
    const value = given[parameter.name] ?? parameter.default;
    const problem = problemOf(parameter, value);
    if (problem !== null) {
      throw new RangeError(`${owner}.${parameter.name}: got ${JSON.stringify(value)}, ${problem}`);
    }
    complete[parameter.name] = value;
  }
  return complete;
}

function problemOf(parameter: Parameter, value: number | boolean | string): string | null {
  switch (parameter.type) {
    case 'boolean':
      return typeof value === 'boolean' ? null : 'expected true or false';
    case 'choice':
      if (parameter.choices?.includes(String(value))) return null;
      return `expected one of: ${parameter.choices?.join(', ')}`;
    default:
      return isInRange(parameter, value) ? null : `expected ${expectedNumber(parameter)}`;
  }
}

function isInRange(parameter: Parameter, value: number | boolean | string): boolean {
  if (typeof value !== 'number' || !Number.isFinite(value)) return false;
  const [low, high] = parameter.range ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  if (value < low || value > high) return false;
  if (parameter.powerOfTwo && !Number.isInteger(Math.log2(value))) return false;
  return parameter.type === 'number' || Number.isInteger(value);
}

function expectedNumber(parameter: Parameter): string {
  const what = parameter.powerOfTwo
    ? 'a power of two'
    : parameter.type === 'integer'
      ? 'a whole number'
      : 'a number';
  if (!parameter.range) return what;
  const unit = parameter.unit ? ` ${parameter.unit}` : '';
  return `${what} from ${parameter.range[0]} to ${parameter.range[1]}${unit}`;
}
