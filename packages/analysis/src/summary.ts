// The figures of one replay. docs/summary.schema.json and docs/summary-schema.md are made
// from this file and those in figures/.
//
// Every field has its formula and its unit in its sentence. Where no unit is named a field is a
// count; "ns" is virtual time since the first event of the capture, or a span of it. A quantile is
// the nearest-rank one: the smallest value such that at least that share of all values is not above
// it; its relative error is stated beside it. Null means that there was nothing to measure.

import type { Machine } from '@dmalab/replay';
import type { AddressFigures, OccupancyFigures } from './figures/addresses.ts';
import type { RcacheFigures, TreeFigures } from './figures/caches.ts';
import type { DistributionFigures } from './figures/distribution.ts';
import type { ExposureFigures, FlushFigures, TypeSwitchFigures } from './figures/flushes.ts';
import type {
  CpuFigures,
  DeviceFigures,
  DomainFigures,
  SizeFigures,
  TaskFigures,
} from './figures/groups.ts';
import type {
  CostFigures,
  LatencyFigures,
  MeasuredFigures,
  WorkFigures,
} from './figures/latency.ts';
import type { BounceFigures, Headroom, HostFigures } from './figures/limits.ts';
import type { FailureFigures, RequestFigures } from './figures/requests.ts';

/** Everything that a replay of one capture on one machine amounts to. */
export interface Summary {
  /** Name and version of this layout; a field changes its meaning only with the version. */
  readonly schema: 'dmalab.summary/1';
  readonly tool: ToolFacts;
  readonly trace: TraceFacts;
  /** What the result was made of, so that a batch can tell that it need not be made again; null outside a batch. */
  readonly inputs: InputHashes | null;
  readonly machine: Machine;
  /** What weakens the figures, the gravest first. */
  readonly warnings: readonly Warning[];
  readonly time: TimeFacts;
  readonly requests: RequestFigures;
  readonly failures: FailureFigures;
  readonly occupancy: OccupancyFigures;
  readonly addresses: AddressFigures;
  readonly rcache: RcacheFigures;
  readonly tree: TreeFigures;
  readonly flushes: FlushFigures;
  /** Switches of the domain type, recorded or of the machine file, in the order of time. */
  readonly typeSwitches: readonly TypeSwitchFigures[];
  readonly exposure: ExposureFigures;
  /** Time from map to unmap, for mappings whose map and unmap both lie in the capture. */
  readonly lifetime: DistributionFigures;
  /** How far the peaks stay below the limits that apply. */
  readonly headroom: readonly Headroom[];
  /** Bounce memory (swiotlb); null where the machine has none. */
  readonly bounce: BounceFigures | null;
  /** The host behind the page table; null where it limits nothing. */
  readonly host: HostFigures | null;
  readonly modelledCost: CostFigures;
  readonly modelledLatency: LatencyFigures;
  readonly modelledWork: WorkFigures;
  /** Kernel functions whose calls were timed while recording, by name: measured on the recorded machine, to be held against the modelled ones. */
  readonly measuredLatency: readonly MeasuredFigures[];
  /** Domains with at least one row, by index. */
  readonly domains: readonly DomainFigures[];
  /** Devices with at least one request, by index. */
  readonly devices: readonly DeviceFigures[];
  /** CPUs with at least one map or unmap, by number; those of a machine with fewer than the recorded one. */
  readonly cpus: readonly CpuFigures[];
  /** The 32 tasks with most maps, the busiest first. Of more than 2,048 tasks those with fewest maps are forgotten on the way. */
  readonly tasks: readonly TaskFigures[];
  /** Tasks with a map or an unmap; one that was forgotten and comes again is another. */
  readonly taskCount: number;
  /** Sizes that were asked for, the smallest first. */
  readonly sizes: readonly SizeFigures[];
}

/** What made the summary. */
export interface ToolFacts {
  /** Always that. */
  readonly name: 'dmalab';
  /** Version of the package. */
  readonly version: string;
}

/** SHA-256 of all that a result depends on beside the version of the tool, hex. */
export interface InputHashes {
  /** The trace as it lies on disk; for a directory the list of the files in it with their hashes. */
  readonly trace: string;
  /** The meta.json beside the trace; null where there is none. */
  readonly meta: string | null;
  /** What the machine file, the policies and the options say, in the order and spelling that dmalab gives them. */
  readonly machine: string;
}

/** Where the requests come from, and how well the recording was read. */
export interface TraceFacts {
  /** What the capture is called in reports: as the caller named it, else the base name of the file. */
  readonly name: string;
  /** Base name of the file, "-" for standard input. */
  readonly source: string;
  /** SHA-256 of the file as it lies on disk, hex. */
  readonly sha256: string;
  /** Format that was recognised. */
  readonly format: string;
  /** Compression of the file. */
  readonly compression: 'none' | 'gzip' | 'zstd';
  /** Kernel release of the recording, null where the capture does not say. */
  readonly kernel: string | null;
  /** Events by name (without the group). */
  readonly events: Readonly<Record<string, number>>;
  /** Events of all names. */
  readonly eventsTotal: number;
  /** Events known to be lost. */
  readonly lost: number;
  /** True where events were lost whose number was not recorded. */
  readonly lostUnknown: boolean;
  /** Lines that look like events and were not understood. */
  readonly unparsed: number;
  /** Time between the first and the last event, ns. */
  readonly duration: number;
  /** Step of the recorded times, ns: nothing shorter can be told apart. */
  readonly resolution: number;
}

/** Something that weakens the figures. */
export interface Warning {
  /** Stable name for scripts. */
  readonly code: string;
  /** How often. */
  readonly count: number;
  /** What happened. */
  readonly text: string;
  /** What it does to the figures. */
  readonly meaning: string;
}

/** The span that means over time are taken over. */
export interface TimeFacts {
  /** End of the replay: the later of the last event and the last outcome (timers run on), ns. */
  readonly end: number;
  /** Outcome rows that were counted. */
  readonly outcomes: number;
}
