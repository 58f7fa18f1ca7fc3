// Sizing: the smallest (or largest) value of a parameter that meets the goals on every trace.
//
// Every value that the answer rests on is replayed; nothing is extrapolated. See docs/size.md.

import {
  BUILT_IN,
  bootPoolSize,
  coCoSlots,
  DEFAULT_SLOTS,
  type MachineOverrides,
  type PolicyRegistry,
} from '@dmalab/replay';
import { curableFailures, type Goal, NO_FAILURES } from './goal.ts';
import { descending, type Grid } from './grid.ts';
import type { SizedParameter } from './parameter.ts';
import { type Found, searchGrid } from './search.ts';
import type { DefaultSize, OtherReading, SizePoint, SizeResult } from './size-result.ts';
import { type NamedCapture, Trials } from './trials.ts';

/** Replays of each trace, at most. */
const MOST_REPLAYS = 14;
/** Of these, for the first of two readings. */
const FIRST_OF_TWO = 9;
/** Points of the curve beyond the value that fails, as parts of it. */
const CURVE_FACTORS = [2, 4, 8];
/** A peak above this share of what there is says little about what would be enough. */
const TELLING_SHARE = 0.9;
const GIB = 2 ** 30;

/** What is sized, and on what. */
export interface SizeOptions {
  readonly parameter: SizedParameter;
  /** Default: no failures. */
  readonly goals?: readonly Goal[];
  /** The machine, but for the parameter. */
  readonly overrides?: MachineOverrides;
  readonly registry?: PolicyRegistry;
  /** Told before each round of replays. */
  readonly progress?: (value: number) => void;
}

/** Sizes one parameter for all traces; a RangeError says what a machine lacks for it. */
export function sizeParameter(traces: readonly NamedCapture[], options: SizeOptions): SizeResult {
  const { parameter, goals = [NO_FAILURES], overrides = {}, registry = BUILT_IN } = options;
  const progress = options.progress ?? (() => {});
  const setup = { traces, overrides, registry, parameter, goals, progress };
  const first = overrides.recordedFailures ?? 'hold';
  const failed = traces.reduce((sum, { capture }) => sum + capture.report.requests.failed, 0);
  const trials = new Trials(setup);
  requirePool(parameter, trials);
  const rules = defaultRules(parameter, trials, overrides.memory ?? 0);
  const isTwofold = failed > 0;
  const budget = (isTwofold ? FIRST_OF_TWO : MOST_REPLAYS) - rules.length;
  const answered = answer(parameter, goals, trials, budget, null);
  const defaults = rules.map(({ rule, slots }): DefaultSize => ({ rule, ...trials.at(slots) }));
  const second = isTwofold
    ? otherReading(setup, first === 'hold' ? 'drop' : 'hold', answered, trials.count)
    : null;
  completeCurve(answered, trials, MOST_REPLAYS - trials.count - (second?.replays ?? 0));
  const { found, value, below, kernelParameter } = answered;
  const point = value === null ? null : trials.at(value);
  return {
    schema: 'dmalab.size/1',
    parameter: parameter.name,
    policy: policyOf(parameter, trials),
    unit: parameter.unit,
    traces: traces.map(({ name }) => name),
    goals: goals.map(({ text }) => text),
    direction: isLargest(parameter, goals) ? 'largest' : 'smallest',
    answer: value,
    bytes: point?.bytes ?? null,
    passes: point !== null,
    below,
    untried: untried(answered),
    monotone: found.isMonotone,
    kernelParameter,
    setting: value === null ? null : parameter.setting(value, trials.machines),
    headroom:
      point === null || point.peak === null || isLargest(parameter, goals)
        ? null
        : { peak: point.peak, share: 1 - point.peak / point.value },
    replays: trials.count + (second?.replays ?? 0),
    curve: trials.curve(),
    defaults,
    recordedFailures: first,
    failedWhileRecording: failed,
    otherReading: second?.reading ?? null,
    warnings: warningsOf(parameter, trials, answered, failed),
  };
}

interface Answered {
  readonly grid: Grid;
  readonly found: Found;
  readonly value: number | null;
  readonly below: SizeResult['below'];
  readonly kernelParameter: string | null;
}

/** Searches from `near`, the answer of another reading, or from where the parameter starts. */
function answer(
  parameter: SizedParameter,
  goals: readonly Goal[],
  trials: Trials,
  budget: number,
  near: number | null,
): Answered {
  const { machines } = trials;
  const ascending = parameter.grid(machines);
  const largest = isLargest(parameter, goals);
  const grid = largest ? descending(ascending) : ascending;
  const start = grid.indexFrom(near ?? parameter.start(machines));
  const found = searchGrid(grid, Math.min(start, grid.length - 1), budget, (index) => {
    const point = trials.at(grid.at(index));
    return {
      passes: point.passes,
      isHopeless: isHopeless(point, goals),
      guess: guessFrom(point, trials.needed(point.value), goals),
      excess: excessOf(point, goals),
    };
  });
  const value = found.answer === null ? null : grid.at(found.answer);
  return {
    grid,
    found,
    value,
    below: found.below === null ? null : { value: grid.at(found.below), passes: false },
    kernelParameter: value === null ? null : parameter.kernelParameter(value, machines),
  };
}

/** Maps fail, and none of them for want of more. */
function isHopeless({ failed, causes }: SizePoint, goals: readonly Goal[]): boolean {
  const mayFail = goals.every(({ figure, bound }) => figure !== 'failures' || bound > 0);
  return !mayFail && failed > 0 && curableFailures(causes) === 0;
}

/** What is enough by a replay in which nothing was short: what requests need, and the peak at its allowed share. */
function guessFrom(
  { value, failed, peak }: SizePoint,
  needed: number | null,
  goals: readonly Goal[],
): number | null {
  if (failed > 0) return null;
  const guesses = goals.map(({ figure, bound }) => {
    if (figure === 'failures') return needed;
    return figure === 'hiwater' && bound > 0 && peak !== null ? peak / bound : null;
  });
  const most = guesses.includes(null) ? 0 : Math.max(...guesses.map(Number));
  return most > 0 && most <= TELLING_SHARE * value ? most : null;
}

/** The share of failures beyond its bound, where nothing else is wrong; null elsewhere. */
function excessOf({ figures, failureRate }: SizePoint, goals: readonly Goal[]): number | null {
  let most: number | null = null;
  for (const [i, { value }] of figures.entries()) {
    const { figure, bound } = goals[i]!;
    if (value !== null && value <= bound) continue;
    if (figure !== 'failures' && value !== null) return null;
    most = Math.max(most ?? 0, failureRate - (value === null ? 0 : bound));
  }
  return most;
}

/** Values on the wrong side of the answer, so that the curve shows how fast it gets worse. */
function completeCurve({ grid, found }: Answered, trials: Trials, most: number): void {
  if (found.below === null) return;
  const worst = grid.at(found.below);
  const isAscending = grid.at(0) <= worst;
  for (const factor of CURVE_FACTORS.slice(0, Math.max(0, most))) {
    const index = grid.indexFrom(isAscending ? worst / factor : worst * factor);
    trials.at(grid.at(index));
  }
}

function otherReading(
  setup: ConstructorParameters<typeof Trials>[0],
  recordedFailures: 'hold' | 'drop',
  first: Answered,
  used: number,
): { reading: OtherReading; replays: number } {
  const overrides = { ...setup.overrides, recordedFailures };
  const trials = new Trials({ ...setup, overrides });
  const { parameter, goals } = setup;
  const second = answer(parameter, goals, trials, MOST_REPLAYS - used, first.value);
  const { value, below, kernelParameter } = second;
  const curve = trials.curve();
  const reading = { recordedFailures, answer: value, below, kernelParameter, curve };
  return { reading, replays: trials.count };
}

function untried({ grid, found, value, below }: Answered): number {
  if (found.answer === null || value === null) return 0;
  const from = below === null ? -1 : grid.indexFrom(below.value);
  return found.answer - from - 1;
}

function isLargest(parameter: SizedParameter, goals: readonly Goal[]): boolean {
  return parameter.wantsLargest(goals.map(({ figure }) => figure));
}

/** What the kernel takes where `swiotlb=` gives no size, as values of the parameter. */
function defaultRules(
  { name }: SizedParameter,
  { machines }: Trials,
  memory: number,
): { rule: string; slots: number }[] {
  if (name !== 'bounce.slots' || machines.some(({ bounce }) => bounce.name === 'restricted')) {
    return [];
  }
  const plain = { rule: '64 MiB', slots: DEFAULT_SLOTS };
  if (memory === 0) return [plain];
  const { slots } = bootPoolSize(coCoSlots(memory), 1, 1);
  const rule = `6 % of ${Number((memory / GIB).toPrecision(6))} GiB, from 64 MiB to 1 GiB (SEV, TDX)`;
  return slots === DEFAULT_SLOTS
    ? [{ ...plain, rule: `64 MiB; ${rule}` }]
    : [plain, { rule, slots }];
}

function requirePool({ name }: SizedParameter, { machines }: Trials): void {
  if (!name.startsWith('bounce.') || machines.every(({ bounce }) => bounce.name !== 'none')) return;
  throw new RangeError(
    `${name}: the machine has no bounce memory; choose one, as in bounce: static`,
  );
}

function policyOf({ name }: SizedParameter, { machines: [machine] }: Trials): string | null {
  if (machine === undefined) return null;
  if (name.startsWith('bounce.')) return machine.bounce.name;
  if (name.startsWith('flush.')) return machine.flush?.name ?? 'percpu';
  if (!name.startsWith('host.')) return null;
  if (machine.host.name !== 'unlimited') return machine.host.name;
  return name === 'host.pages' ? 'pinned' : 'vfio';
}

function warningsOf(
  parameter: SizedParameter,
  trials: Trials,
  { found, value, below }: Answered,
  failed: number,
): string[] {
  const curve = trials.curve();
  const last = curve.at(-1);
  const warnings: string[] = [];
  if (failed > 0) {
    warnings.push(
      `${failed} maps failed while recording: how long they would have lived is not known; the answer is given for both readings of them.`,
    );
  }
  if (value === null && last !== undefined) {
    const why = last.causes.map(({ cause, count }) => `${count} ${cause}`).join(', ');
    warnings.push(
      `No value from ${curve[0]?.value} to ${last.value} ${parameter.unit} meets the goals${why === '' ? '' : `; at ${last.value} maps still fail: ${why}`}.`,
    );
  }
  if (value !== null && below === null) {
    warnings.push(
      'Every legal value meets the goals: on these traces the parameter decides nothing.',
    );
  }
  if (!found.isMonotone) {
    warnings.push('The goals are not met at some values beyond smaller ones that meet them.');
  }
  if (parameter.name.startsWith('bounce.') && last !== undefined && last.peak === 0) {
    warnings.push('Nothing bounces on these traces: every device reaches its buffers.');
  }
  return warnings;
}
