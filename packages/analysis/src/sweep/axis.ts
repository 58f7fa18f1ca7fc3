// What a sweep varies: a dotted path into a machine and its values, as typed after --vary.
//
//    flush.size=64..32768:x2    flush.timeoutMs=5..50:+5    flush=strict,percpu    cost.invalidateAll=500,1000
//
// The first word may be a policy (allocator, flush, bounce, host): alone it is the policy's name, else one of its
// parameters. `device.` stands for all devices. Everything else is a key of a machine file.

import {
  BUILT_IN,
  type MachineOverrides,
  type PolicyChoice,
  type PolicyRegistry,
  parseMachine,
} from '@dmalab/replay';

/** Most values of one axis, and most cells of a sweep. */
export const MOST_CELLS = 4096;

/** A value of an axis. */
export type AxisValue = number | boolean | string;

/** A dotted path and the values that it takes. */
export interface Axis {
  readonly path: string;
  readonly values: readonly AxisValue[];
}

/** One machine of a sweep: a value for each axis, and what that changes. */
export interface SweepCell {
  readonly values: readonly AxisValue[];
  readonly overrides: MachineOverrides;
}

/** Policies that a parameter belongs to where the machine names none. */
const DEFAULT_POLICIES: Readonly<Record<string, string>> = {
  allocator: 'linux',
  flush: 'percpu',
  bounce: 'static',
  host: 'vfio',
};

/** Reads PATH=RANGE or PATH=LIST; a RangeError says what was expected. */
export function parseAxis(typed: string): Axis {
  const equals = typed.indexOf('=');
  const path = typed.slice(0, Math.max(0, equals)).trim();
  const text = typed.slice(equals + 1).trim();
  if (!/^\w+(?:\.\w+)*$/.test(path) || text === '') {
    throw new RangeError(
      `got "${typed}", expected PATH=VALUES, as in flush.size=64..32768:x2 or kernel=6.1,6.12`,
    );
  }
  const values = text.includes('..')
    ? range(path, text)
    : text.split(',').map((word) => typedValue(path, word.trim()));
  if (new Set(values).size < values.length)
    throw new RangeError(`${path}: a value comes twice in "${text}"`);
  return { path, values };
}

/** Every combination of the axes on a machine, all checked; a RangeError names the path that is wrong. */
export function sweepCells(
  base: MachineOverrides,
  axes: readonly Axis[],
  registry: PolicyRegistry = BUILT_IN,
): SweepCell[] {
  const paths = axes.map(({ path }) => path);
  const twice = paths.find((path, i) => paths.indexOf(path) < i);
  if (twice !== undefined) throw new RangeError(`${twice}: is varied twice`);
  const count = axes.reduce((product, { values }) => product * values.length, 1);
  if (count > MOST_CELLS) {
    throw new RangeError(`${count} combinations, expected at most ${MOST_CELLS}: vary less`);
  }
  // Names of policies come before their parameters.
  const order = paths
    .map((_, i) => i)
    .sort((a, b) => paths[a]!.split('.').length - paths[b]!.split('.').length);
  let cells: AxisValue[][] = [[]];
  for (const { values } of axes)
    cells = cells.flatMap((cell) => values.map((value) => [...cell, value]));
  return cells.map((values) => {
    const changed = order.reduce((machine, i) => withValue(machine, paths[i]!, values[i]!), base);
    return { values, overrides: parseMachine(changed, registry) };
  });
}

function withValue(machine: MachineOverrides, path: string, value: AxisValue): MachineOverrides {
  const [first = '', ...rest] = path.split('.');
  if (Object.hasOwn(DEFAULT_POLICIES, first)) {
    return { ...machine, [first]: withParameter(machine, first, rest, value) };
  }
  if (first === 'device') {
    const change = { name: '*', [rest.join('.')]: value };
    return { ...machine, devices: [...(machine.devices ?? []), change] };
  }
  return nested({ ...machine }, [first, ...rest], value) as MachineOverrides;
}

function withParameter(
  machine: MachineOverrides,
  kind: string,
  rest: readonly string[],
  value: AxisValue,
): PolicyChoice {
  const stated = (machine as Record<string, unknown>)[kind] as PolicyChoice | null | undefined;
  const choice = stated ?? { name: DEFAULT_POLICIES[kind]!, parameters: {} };
  const parameter = rest.join('.');
  if (parameter === '' || parameter === 'name') {
    const parameters = value === choice.name ? choice.parameters : {};
    return { name: String(value), parameters };
  }
  return { name: choice.name, parameters: { ...choice.parameters, [parameter]: value } };
}

function nested(
  record: Record<string, unknown>,
  [key = '', ...rest]: readonly string[],
  value: AxisValue,
): Record<string, unknown> {
  if (rest.length === 0) return { ...record, [key]: value };
  const inner = record[key];
  const known =
    typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : {};
  return { ...record, [key]: nested(known, rest, value) };
}

function range(path: string, text: string): number[] {
  const [, from, to, how, by] = /^([\d.]+?)\.\.([\d.]+):([x+])([\d.]+)$/.exec(text) ?? [];
  const [low, high, step] = [Number(from), Number(to), Number(by)];
  const isWell = low <= high && (how === 'x' ? step > 1 && low > 0 : step > 0);
  if (how === undefined || !isWell) {
    throw new RangeError(
      `${path}: got "${text}", expected FROM..TO:xFACTOR or FROM..TO:+STEP, as in 64..32768:x2 or 5..50:+5`,
    );
  }
  const values: number[] = [];
  for (let i = 0; ; i++) {
    const value = Number((how === 'x' ? low * step ** i : low + step * i).toPrecision(12));
    if (value > high) return values;
    values.push(value);
    if (values.length > MOST_CELLS) throw new RangeError(`${path}: more than ${MOST_CELLS} values`);
  }
}

function typedValue(path: string, word: string): AxisValue {
  if (word === '') throw new RangeError(`${path}: a value is missing between two commas`);
  if (word === 'true' || word === 'false') return word === 'true';
  const number = Number(word);
  // A kernel release is a name: 6.10 is not 6.1.
  return path === 'kernel' || !Number.isFinite(number) ? word : number;
}
