// A grid of machines on one trace or several: each trace is read once, and every cell replays the same requests.
//
// Figures of several traces are added up, peaks are those of the highest. See docs/sweep.md.

import { type Machine, type PolicyRegistry, replay } from '@dmalab/replay';
import type { Capture } from '@dmalab/trace';
import { OutcomeStats } from '../stats/outcome-stats.ts';
import type { Summary } from '../summary.ts';
import type { Axis, AxisValue } from './axis.ts';
import { paretoFront } from './pareto.ts';

/** One cell of a sweep: what charts and tables show of it. */
export interface SweepRow {
  /** From 1, in the order of the axes. */
  readonly cell: number;
  /** By path. */
  readonly values: Readonly<Record<string, AxisValue>>;
  /** Maps that were asked for, and those that failed. */
  readonly maps: number;
  readonly failed: number;
  /** Flushes of whole domains and invalidations of ranges. */
  readonly invalidations: number;
  /** invalidations x 1000 / unmaps; null without unmaps. */
  readonly invalidationsPerThousandUnmaps: number | null;
  /** Bytes x seconds that unmapped memory stayed within reach. */
  readonly exposureByteSeconds: number;
  /** p99 of the stale window, ns, of the trace where it is longest; null without unmaps. */
  readonly staleP99: number | null;
  /** Most 4 KiB pages live or queued at once: entries that a host would hold. */
  readonly peakMappings: number;
  /** Most slots of bounce memory in use at once; null without. */
  readonly peakSlots: number | null;
  /** Most slots of all pools at once, in use or not; null without. */
  readonly poolSlots: number | null;
  /** Modelled: sum of all costs, ns, and p99 of a map's time, ns. */
  readonly modelledCost: number;
  readonly modelledMapP99: number | null;
  /** True where no other cell is at least as good in invalidations, exposure, peak mappings, slots of pools and failed maps, and better in one. */
  readonly pareto: boolean;
}

/** The JSON of `dmalab sweep`. */
export interface SweepResult {
  readonly schema: 'dmalab.sweep/1';
  readonly traces: readonly string[];
  readonly axes: readonly Axis[];
  readonly rows: readonly SweepRow[];
}

/** Collects the cells of a sweep; traces are added one after the other, so that one is open at a time. */
export class Sweep {
  readonly #axes: readonly Axis[];
  readonly #values: readonly (readonly AxisValue[])[];
  readonly #traces: string[] = [];
  readonly #summaries: Summary[][];

  /** `values` by cell, then by axis. */
  constructor(axes: readonly Axis[], values: readonly (readonly AxisValue[])[]) {
    this.#axes = axes;
    this.#values = values;
    this.#summaries = values.map(() => []);
  }

  /** Replays a trace on the machine of each cell. */
  add(
    name: string,
    capture: Capture,
    machines: readonly Machine[],
    registry: PolicyRegistry,
    progress: (cell: number) => void = () => {},
  ): void {
    const { facts, report } = capture;
    this.#traces.push(name);
    machines.forEach((machine, cell) => {
      progress(cell);
      const stats = new OutcomeStats({ facts, report, machine, version: '', name });
      for (const batch of replay(machine, capture, null, registry)) stats.accumulate(batch);
      this.#summaries[cell]!.push(stats.result().summary);
    });
  }

  /** The cells so far. */
  result(): SweepResult {
    const rows = this.#values.map((values, cell) => this.#row(cell, values));
    const front = paretoFront(
      rows.map((row) => [
        row.invalidations,
        row.exposureByteSeconds,
        row.peakMappings,
        row.poolSlots ?? 0,
        row.failed,
      ]),
    );
    return {
      schema: 'dmalab.sweep/1',
      traces: this.#traces,
      axes: this.#axes,
      rows: rows.map((row, i) => ({ ...row, pareto: front[i]! })),
    };
  }

  #row(cell: number, values: readonly AxisValue[]): Omit<SweepRow, 'pareto'> {
    const all = this.#summaries[cell]!;
    const sum = (of: (summary: Summary) => number): number =>
      all.reduce((total, summary) => total + of(summary), 0);
    const most = (of: (summary: Summary) => number | null | undefined): number | null => {
      const known = all.flatMap((summary) => of(summary) ?? []);
      return known.length === 0 ? null : Math.max(...known);
    };
    const invalidations = sum(({ flushes }) => flushes.total + flushes.rangeInvalidations);
    const unmaps = sum(({ requests }) => requests.unmapped);
    return {
      cell: cell + 1,
      values: Object.fromEntries(this.#axes.map(({ path }, i) => [path, values[i]!])),
      maps: sum(({ requests, failures }) => requests.mapped + requests.directMaps + failures.total),
      failed: sum(({ failures }) => failures.total),
      invalidations,
      invalidationsPerThousandUnmaps: unmaps === 0 ? null : (1000 * invalidations) / unmaps,
      exposureByteSeconds: sum(({ exposure }) => exposure.byteSeconds),
      staleP99: most(({ exposure }) => exposure.staleWindow.p99),
      peakMappings: most(({ occupancy }) => occupancy.peakReachablePages) ?? 0,
      peakSlots: most(({ bounce }) => bounce?.hiwaterSlots),
      poolSlots: most(({ bounce }) => bounce?.totalSlots),
      modelledCost: sum(({ modelledCost }) => modelledCost.total),
      modelledMapP99: most(({ modelledLatency }) => modelledLatency.map.p99),
    };
  }
}
