// Where replays of the same requests part: the first request that ends differently, with the state of both, and
// how many do.

import {
  FailCause,
  FailStage,
  type Machine,
  type OutcomeBatch,
  OutcomeKind,
  type PolicyRegistry,
  replay,
} from '@dmalab/replay';
import type { Capture } from '@dmalab/trace';
import type { RunResult } from '../run-result.ts';
import { OutcomeStats, type RunContext } from '../stats/outcome-stats.ts';
import { RequestOutcomes } from './request-outcomes.ts';

/** A machine to replay on, under the name that results give it. */
export interface NamedMachine {
  readonly label: string;
  readonly machine: Machine;
  readonly registry: PolicyRegistry;
}

/** What became of a request, and the state right after it. */
export interface OutcomeState {
  readonly outcome: 'mapped' | 'failed' | 'toBeRetried' | 'direct' | 'unmapped' | 'skipped';
  /** I/O virtual address, hex; null where there is none. Its offset in the page is left out. */
  readonly address: string | null;
  /** Of a failed map. */
  readonly stage: string | null;
  readonly cause: string | null;
  /** Page of the first bounce slots, hex, and slots taken; null and 0 where nothing bounced. */
  readonly bouncePage: string | null;
  readonly bounceSlots: number;
  readonly liveMappings: number;
  readonly livePages: number;
  readonly queuedEntries: number;
  readonly queuedPages: number;
  readonly cachedPages: number;
  /** Slots of bounce memory in use, and in all. */
  readonly bounceUsed: number;
  readonly bounceTotal: number;
  /** Entries that the host holds. */
  readonly hostEntries: number;
}

/** The first request that two replays answer differently. */
export interface FirstDivergence {
  /** Number of the request, from 1. */
  readonly request: number;
  /** 1-based line in the trace. */
  readonly line: number;
  /** ns of virtual time. */
  readonly time: number;
  readonly device: string;
  readonly cpu: number;
  readonly bytes: number;
  /** What differs first. */
  readonly what: 'outcome' | 'address' | 'failure' | 'bounce';
  readonly base: OutcomeState;
  readonly other: OutcomeState;
}

/** One replay against the first. */
export interface Divergence {
  readonly run: string;
  /** null where all requests end alike. */
  readonly first: FirstDivergence | null;
  /** Requests that end differently, and what differs: served or failed; else the address; the cause; the bounce slots. */
  readonly differing: number;
  readonly byOutcome: number;
  readonly byAddress: number;
  readonly byFailure: number;
  readonly byBounce: number;
}

/** Replays that were walked side by side. */
export interface WalkedRuns {
  readonly results: readonly { readonly label: string; readonly result: RunResult }[];
  readonly requests: number;
  /** One for each run after the first; null where the runs do not have the same requests. */
  readonly divergences: readonly Divergence[] | null;
}

/** Replays `capture` on all machines at once; `context` lacks the machine only, `watch` sees the outcomes of the first. */
export function walkRuns(
  capture: Capture,
  runs: readonly NamedMachine[],
  context: Omit<RunContext, 'machine'>,
  watch: (outcomes: Iterable<OutcomeBatch>) => Iterable<OutcomeBatch> = (outcomes) => outcomes,
): WalkedRuns {
  const stats = runs.map(({ machine }) => new OutcomeStats({ ...context, machine }));
  const sides = runs.map(({ machine, registry }, i) => {
    const outcomes = replay(machine, capture, null, registry);
    return new RequestOutcomes(i === 0 ? watch(outcomes) : outcomes, stats[i]!);
  });
  const devices = capture.facts.devices.map(({ name }) => name);
  const walk = new Walk(sides, runs, devices);
  while (walk.step());
  for (const side of sides) while (side.next());
  return {
    results: runs.map(({ label }, i) => ({ label, result: stats[i]!.result() })),
    requests: walk.requests,
    divergences: walk.isTogether ? walk.divergences() : null,
  };
}

const NAMES = {
  outcome: 0,
  address: 1,
  failure: 2,
  bounce: 3,
} as const satisfies Record<FirstDivergence['what'], number>;
const WHAT = Object.keys(NAMES) as FirstDivergence['what'][];

class Walk {
  requests = 0;
  /** False: the replays do not have the same requests. */
  isTogether = true;
  readonly #sides: readonly RequestOutcomes[];
  readonly #runs: readonly NamedMachine[];
  readonly #devices: readonly string[];
  readonly #counts: Float64Array[];
  readonly #first: (FirstDivergence | null)[];

  constructor(
    sides: readonly RequestOutcomes[],
    runs: readonly NamedMachine[],
    devices: readonly string[],
  ) {
    this.#sides = sides;
    this.#runs = runs;
    this.#devices = devices;
    this.#counts = runs.map(() => new Float64Array(WHAT.length));
    this.#first = runs.map(() => null);
  }

  /** Compares one request; false at the end, or where the sides are at different requests. */
  step(): boolean {
    const [base, ...others] = this.#sides;
    const more = base!.next();
    for (const other of others) if (other.next() !== more) this.isTogether = false;
    if (!more || !this.isTogether) return false;
    this.requests++;
    for (let i = 1; i < this.#sides.length; i++) this.#compare(base!, i);
    return this.isTogether;
  }

  divergences(): Divergence[] {
    return this.#runs.slice(1).map(({ label }, i) => {
      const [byOutcome = 0, byAddress = 0, byFailure = 0, byBounce = 0] = this.#counts[i + 1]!;
      const differing = byOutcome + byAddress + byFailure + byBounce;
      const first = this.#first[i + 1]!;
      return { run: label, first, differing, byOutcome, byAddress, byFailure, byBounce };
    });
  }

  #compare(base: RequestOutcomes, at: number): void {
    const other = this.#sides[at]!;
    const [a, i, b, j] = [base.batch!, base.row, other.batch!, other.row];
    if (a.id[i] !== b.id[j] || a.line[i] !== b.line[j]) {
      this.isTogether = false;
      return;
    }
    const what = difference(base, other);
    if (what < 0) return;
    this.#counts[at]![what]!++;
    this.#first[at] ??= {
      request: this.requests,
      line: a.line[i]!,
      time: a.time[i]!,
      device: this.#devices[a.device[i]!] ?? '',
      cpu: a.cpu[i]!,
      bytes: a.bytes[i]!,
      what: WHAT[what]!,
      base: stateOf(base, this.#runs[0]!.machine),
      other: stateOf(other, this.#runs[at]!.machine),
    };
  }
}

/** A number of NAMES, or -1. An unmap of another address follows from its map, and is no difference of its own. */
function difference(base: RequestOutcomes, other: RequestOutcomes): number {
  const [a, i, b, j] = [base.batch!, base.row, other.batch!, other.row];
  if (a.kind[i] !== b.kind[j]) return NAMES.outcome;
  if (a.kind[i] === OutcomeKind.unmap) return -1;
  if (a.pfn[i] !== b.pfn[j]) return NAMES.address;
  if (a.stage[i] !== b.stage[j]) return NAMES.failure;
  if (a.stage[i] !== FailStage.none && a.cause[i] !== b.cause[j]) return NAMES.failure;
  if (base.bouncePfn !== other.bouncePfn || base.bounceSlots !== other.bounceSlots) {
    return NAMES.bounce;
  }
  return -1;
}

function stateOf(
  { batch, row, bouncePfn, bounceSlots }: RequestOutcomes,
  machine: Machine,
): OutcomeState {
  const b: OutcomeBatch = batch!;
  const domain = machine.domains[b.domain[row]!] ?? machine.domains[0];
  const pfn = b.pfn[row]!;
  const hasFailed = b.stage[row]! > 0;
  return {
    outcome: OUTCOMES[b.kind[row]!] ?? 'skipped',
    address: pfn < 0 ? null : hex(pfn, domain?.granule ?? 4096),
    stage: hasFailed ? nameOf(FailStage, b.stage[row]!) : null,
    cause: hasFailed ? nameOf(FailCause, b.cause[row]!) : null,
    bouncePage: bouncePfn < 0 ? null : hex(bouncePfn, 4096),
    bounceSlots,
    liveMappings: b.liveMappings[row]!,
    livePages: b.livePages[row]!,
    queuedEntries: b.queuedEntries[row]!,
    queuedPages: b.queuedPages[row]!,
    cachedPages: b.cachedPages[row]!,
    bounceUsed: b.bounceUsed[row]!,
    bounceTotal: b.bounceTotal[row]!,
    hostEntries: b.hostEntries[row]!,
  };
}

const OUTCOMES: Readonly<Record<number, OutcomeState['outcome']>> = {
  [OutcomeKind.map]: 'mapped',
  [OutcomeKind.mapFail]: 'failed',
  [OutcomeKind.retry]: 'toBeRetried',
  [OutcomeKind.direct]: 'direct',
  [OutcomeKind.unmap]: 'unmapped',
  [OutcomeKind.skipped]: 'skipped',
};

function hex(pfn: number, granule: number): string {
  return `0x${(BigInt(pfn) * BigInt(granule)).toString(16)}`;
}

function nameOf(codes: Readonly<Record<string, number>>, code: number): string {
  return Object.entries(codes).find(([, value]) => value === code)?.[0] ?? 'unknown';
}
