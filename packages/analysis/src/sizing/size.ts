// Sizing: the smallest (or largest) value of a parameter that meets the goals on every trace.
//
// Every value that the answer rests on is replayed; nothing is extrapolated. See docs/size.md.

import { BUILT_IN, type MachineOverrides, type PolicyRegistry } from '@dmalab/replay';
import { formatCount } from '../quantity.ts';
import { curableFailures, type Goal, NO_FAILURES } from './goal.ts';
import { descending, type Grid } from './grid.ts';
import type { SizedParameter } from './parameter.ts';
import { type Found, searchGrid } from './search.ts';
import { counted, shortfall } from './shortfall.ts';
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
  requireSense(goals, parameter, trials);
  const rules = parameter.defaults(trials.machines, overrides.memory ?? 0);
  const isTwofold = failed > 0;
  const budget = (isTwofold ? FIRST_OF_TWO : MOST_REPLAYS) - rules.length;
  const answered = answer(parameter, goals, trials, budget, null);
  const defaults = rules.map(({ rule, value }): DefaultSize => ({ rule, ...trials.at(value) }));
  const second = isTwofold
    ? otherReading(setup, first === 'hold' ? 'drop' : 'hold', answered, trials.count)
    : null;
  completeCurve(answered, trials, MOST_REPLAYS - trials.count - (second?.replays ?? 0));
  const { found, value, below, kernelParameter, direction } = answered;
  const point = value === null ? null : trials.at(value);
  return {
    schema: 'dmalab.size/1',
    parameter: parameter.name,
    policy: policyOf(parameter, trials),
    unit: parameter.unit,
    traces: traces.map(({ name }) => name),
    goals: goals.map(({ text }) => text),
    direction,
    answer: value,
    bytes: point?.bytes ?? null,
    passes: point !== null,
    below,
    untried: untried(answered),
    monotone: found.isMonotone,
    kernelParameter,
    setting: value === null ? null : parameter.setting(value, trials.machines),
    headroom:
      point === null || point.peak === null || direction === 'largest'
        ? null
        : { peak: point.peak, share: 1 - point.peak / point.value },
    replays: trials.count + (second?.replays ?? 0),
    curve: trials.curve(),
    defaults,
    recordedFailures: first,
    failedWhileRecording: failed,
    otherReading: second?.reading ?? null,
    warnings: warningsOf(parameter, goals, trials, answered, failed),
  };
}

interface Answered {
  readonly direction: SizeResult['direction'];
  readonly grid: Grid;
  readonly found: Found;
  /** Where the goals that want more of it are met first, but not the others; else null. */
  readonly conflict: number | null;
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
  const wanting = goals.filter(({ figure }) => parameter.wantsMore(figure));
  const direction = wanting.length === 0 ? 'largest' : 'smallest';
  const grid = direction === 'largest' ? descending(ascending) : ascending;
  // Goals that want less of it are best met by the least that the others want.
  const sought = wanting.length === 0 ? goals : wanting;
  const start = grid.indexFrom(near ?? parameter.start(machines));
  const found = searchGrid(grid, Math.min(start, grid.length - 1), budget, (index) => {
    const point = trials.at(grid.at(index));
    return {
      passes: point.figures.every((figure) => isMet(figure, sought)),
      isHopeless: isHopeless(point, goals),
      guess: guessFrom(point, trials.needed(point.value), goals),
      excess: excessOf(point, goals),
    };
  });
  const reached = found.answer === null ? null : grid.at(found.answer);
  const value = reached !== null && trials.at(reached).passes ? reached : null;
  return {
    direction,
    grid,
    found,
    conflict: value === null ? reached : null,
    value,
    below: found.below === null ? null : { value: grid.at(found.below), passes: false },
    kernelParameter: value === null ? null : parameter.kernelParameter(value, machines),
  };
}

/** True for a figure of another goal as well. */
function isMet({ goal, value }: SizePoint['figures'][number], goals: readonly Goal[]): boolean {
  return goals.every(({ text, bound }) => text !== goal || (value !== null && value <= bound));
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
  const reading = {
    recordedFailures,
    answer: value,
    below,
    untried: untried(second),
    kernelParameter,
    curve,
  };
  return { reading, replays: trials.count };
}

function untried({ grid, found, value, below }: Answered): number {
  if (found.answer === null || value === null) return 0;
  const from = below === null ? -1 : grid.indexFrom(below.value);
  return found.answer - from - 1;
}

function requirePool({ name }: SizedParameter, { machines }: Trials): void {
  if (!name.startsWith('bounce.') || machines.every(({ bounce }) => bounce.name !== 'none')) return;
  throw new RangeError(
    `${name}: the machine has no bounce memory; choose one, as in bounce: static`,
  );
}

/** A goal that nothing on these machines can miss is a mistake. */
function requireSense(
  goals: readonly Goal[],
  { name }: SizedParameter,
  { machines }: Trials,
): void {
  for (const { text, figure } of goals) {
    if (figure === 'hiwater' && name.startsWith('flush.')) {
      if (machines.every(({ host }) => host.name !== 'unlimited')) continue;
      throw new RangeError(
        `${text}: what a flush queue fills is the host, and that has no limit; choose one, as in host: vfio`,
      );
    }
    if (figure !== 'transients' || machines.every(({ bounce }) => bounce.name === 'dynamic')) {
      continue;
    }
    throw new RangeError(
      `${text}: only pools that grow have transient ones; choose them, as in bounce: dynamic`,
    );
  }
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
  goals: readonly Goal[],
  trials: Trials,
  answered: Answered,
  failed: number,
): string[] {
  const { found, value } = answered;
  const warnings: string[] = [];
  if (failed > 0) {
    warnings.push(
      `${formatCount(failed)} maps failed while recording: how long they would have lived is not known; the answer is given for both readings of them.`,
    );
  }
  if (value === null) warnings.push(unmet(parameter, trials, answered));
  else if (found.below === null) warnings.push(undecided(parameter, goals, trials, answered));
  if (value !== null && !found.isMonotone) warnings.push(scattered(parameter, trials, answered));
  return warnings;
}

/** Why there is no answer. */
function unmet(
  { name, unit }: SizedParameter,
  trials: Trials,
  { direction, grid, found, conflict }: Answered,
): string {
  if (conflict !== null) {
    return `No value meets all goals: ${counted(conflict, unit)} is the least that meets those which want more of ${name}, and there ${shortfall(trials.at(conflict))}.`;
  }
  const best = grid.at(found.below!);
  const at = `${counted(best, unit)} ${shortfall(trials.at(best))}`;
  if (found.below === grid.length - 1) return `No value meets the goals: even at ${at}.`;
  const isCured = curableFailures(trials.at(best).causes) > 0 || trials.at(best).failed === 0;
  return isCured
    ? `No value that was tried meets the goals: at ${at}.`
    : `No value meets the goals: at ${at}, and ${direction === 'smallest' ? 'more' : 'less'} ${unit} cure none of it.`;
}

/** Which values do not fit into the picture of a limit. */
function scattered(
  { unit }: SizedParameter,
  trials: Trials,
  { direction, value }: Answered,
): string {
  const more = direction === 'smallest' ? 'larger' : 'smaller';
  const isBeyond = (at: number): boolean => (direction === 'smallest' ? at > value! : at < value!);
  const failing = trials
    .curve()
    .filter((point) => !point.passes && isBeyond(point.value))
    .map((point) => formatCount(point.value));
  return failing.length === 0
    ? `Values before the answer meet the goals too, but not all ${more} ones up to it; from the answer on all that were tried do.`
    : `The answer stands alone: at ${failing.join(', ')} ${unit} the goals are not met.`;
}

/** Why the first legal value is enough. */
function undecided(
  { name, unit }: SizedParameter,
  goals: readonly Goal[],
  { machines, hasBounced, hasTranslated }: Trials,
  { direction, value }: Answered,
): string {
  const isOfBounce = name.startsWith('bounce.');
  if (isOfBounce && !hasBounced) {
    return 'Nothing bounces on these traces: every device reaches its buffers.';
  }
  if (!isOfBounce && !hasTranslated) {
    return 'Nothing is mapped through an IOMMU on these traces: every device is mapped directly.';
  }
  const first = `Even the ${direction} legal value, ${counted(value!, unit)}, meets the goals`;
  const isGrowing = isOfBounce && machines.every(({ bounce }) => bounce.name === 'dynamic');
  return isGrowing && goals.every(({ figure }) => figure !== 'transients')
    ? `${first}, because pools are added; a goal such as transients<=1% asks for what the pool of boot serves by itself.`
    : `${first}: on these traces they do not depend on it.`;
}
