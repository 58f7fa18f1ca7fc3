// Replays of all traces with one value of a parameter; each value is replayed once.

import {
  type Machine,
  type MachineOverrides,
  machineFromFacts,
  type PolicyRegistry,
  replay,
} from '@dmalab/replay';
import type { Capture } from '@dmalab/trace';
import type { FailureCause } from '../figures/requests.ts';
import { OutcomeStats } from '../stats/outcome-stats.ts';
import { sum } from '../stats/quantile.ts';
import type { Summary } from '../summary.ts';
import { failureRate, figureOf, type Goal, mapsOf } from './goal.ts';
import type { SizedParameter } from './parameter.ts';
import type { SizePoint } from './size-result.ts';

/** A capture under the name that results give it. */
export interface NamedCapture {
  readonly name: string;
  readonly capture: Capture;
}

/** What the trials of one reading share. */
export interface TrialSetup {
  readonly traces: readonly NamedCapture[];
  readonly overrides: MachineOverrides;
  readonly registry: PolicyRegistry;
  readonly parameter: SizedParameter;
  readonly goals: readonly Goal[];
  /** Told before each value is replayed. */
  readonly progress: (value: number) => void;
}

/** See the head of the file. */
export class Trials {
  readonly machines: readonly Machine[];
  readonly #setup: TrialSetup;
  readonly #points = new Map<number, SizePoint>();
  readonly #needed = new Map<number, number | null>();
  #hasBounced = false;
  #hasTranslated = false;

  constructor(setup: TrialSetup) {
    this.#setup = setup;
    this.machines = setup.traces.map(({ capture: { facts } }) =>
      machineFromFacts(facts, setup.overrides, setup.registry),
    );
  }

  /** Values replayed so far. */
  get count(): number {
    return this.#points.size;
  }

  /** The trial of a value. */
  at(value: number): SizePoint {
    const known = this.#points.get(value);
    if (known) return known;
    this.#setup.progress(value);
    const point = this.#point(value);
    this.#points.set(value, point);
    return point;
  }

  /** What requests need at least by the trial of a value, on the trace that needs most. */
  needed(value: number): number | null {
    return this.#needed.get(value) ?? null;
  }

  /** True where a trial bounced a buffer. */
  get hasBounced(): boolean {
    return this.#hasBounced;
  }

  /** True where a trial mapped through an IOMMU. */
  get hasTranslated(): boolean {
    return this.#hasTranslated;
  }

  /** All trials, by ascending value. */
  curve(): SizePoint[] {
    return [...this.#points.values()].sort((a, b) => a.value - b.value);
  }

  #point(value: number): SizePoint {
    const { traces, parameter, goals } = this.#setup;
    const summaries = traces.map((_, i) => this.#replay(i, value));
    const failing = traces.filter((_, i) =>
      goals.some((goal) => this.#figure(goal, summaries[i]!, value) > goal.bound),
    );
    this.#hasBounced ||= summaries.some(({ bounce }) => (bounce?.buffers ?? 0) > 0);
    this.#hasTranslated ||= summaries.some(({ requests }) => requests.mapped > 0);
    const needs = summaries.map((summary) => parameter.needed(summary));
    this.#needed.set(value, needs.includes(null) ? null : Math.max(...needs.map(Number)));
    const peaks = summaries.map((summary) => parameter.peak(summary));
    return {
      value,
      bytes: parameter.unitBytes === 0 ? null : value * parameter.unitBytes,
      passes: failing.length === 0,
      maps: sum(summaries.map(mapsOf)),
      failed: sum(summaries.map(({ failures }) => failures.total)),
      failureRate: Math.max(...summaries.map(failureRate)),
      peak: peaks.includes(null) ? null : Math.max(...peaks.map(Number)),
      figures: goals.map((goal) => {
        const worst = Math.max(...summaries.map((summary) => this.#figure(goal, summary, value)));
        return {
          goal: goal.text,
          value: Number.isFinite(worst) ? worst : null,
          isMet: worst <= goal.bound,
        };
      }),
      causes: mergedCauses(summaries),
      failing: failing.map(({ name }) => name),
    };
  }

  #figure({ figure }: Goal, summary: Summary, value: number): number {
    return figureOf(figure, summary, this.#setup.parameter.usedShare(summary, value));
  }

  #replay(trace: number, value: number): Summary {
    const { traces, overrides, registry, parameter } = this.#setup;
    const { name, capture } = traces[trace]!;
    const { facts, report } = capture;
    const changes = parameter.overrides(this.machines[trace]!, value, this.machines);
    const machine = machineFromFacts(facts, { ...overrides, ...changes }, registry);
    const stats = new OutcomeStats({ report, facts, machine, version: '', name });
    for (const batch of replay(machine, capture, null, registry)) stats.accumulate(batch);
    return stats.result().summary;
  }
}

function mergedCauses(summaries: readonly Summary[]): SizePoint['causes'] {
  const merged = new Map<string, Pick<FailureCause, 'stage' | 'cause' | 'count'>>();
  for (const { stage, cause, count } of summaries.flatMap(({ failures }) => failures.causes)) {
    const key = `${stage} ${cause}`;
    merged.set(key, { stage, cause, count: count + (merged.get(key)?.count ?? 0) });
  }
  return [...merged.values()].sort((a, b) => b.count - a.count);
}
