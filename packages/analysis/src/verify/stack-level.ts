// The whole-stack level of a verification: requests alone, compared in flush moments and addresses.
//
// The capture is replayed on the machine that it was recorded on, in wheel time: the flush queues decide
// when a range is free again. The order of requests is the one that the allocator level found. One
// pair of calls the other way round, or one timer that fired late, moves every later address, so the
// flushes are what counts. A second replay takes the moments of the recorded timers over, so that a
// machine that runs its timers late can be judged by what follows from them. See
// docs/models/verification.md.

import {
  type FiringRule,
  FlushCause,
  type Machine,
  type MachineOverrides,
  machineFromFacts,
  type OutcomeBatch,
  OutcomeKind,
  pfnOf,
  replay,
} from '@dmalab/replay';
import { type Capture, Flag, Op, type RequestBatch } from '@dmalab/trace';
import { compareFlushes, sumComparisons } from './compare-flushes.ts';
import type { Moved } from './order-summary.ts';
import { OrderedRequests } from './ordered-requests.ts';
import type { Flush } from './recorded-flushes.ts';
import { RecordedTimers } from './recorded-timers.ts';
import { tickPhase } from './tick-phase.ts';
import type { StackDifference, StackDomain, StackResult, StackRunResult } from './verify-result.ts';

const NS_PER_SECOND = 1e9;

/** What the stack level takes over from the pass over the events. */
export interface RecordedStack {
  readonly moved: readonly Moved[];
  /** Recorded flushes by the index of their domain in the capture's facts. */
  readonly flushes: ReadonlyMap<number, readonly Flush[]>;
  /** Why nothing can be compared (losses), else null. */
  readonly why: string | null;
}

/** Replays the requests of `capture` and compares what the trace shows. */
export function checkStack(
  capture: Capture,
  recorded: RecordedStack,
  overrides: MachineOverrides,
): StackResult {
  const { facts } = capture;
  const jiffy = NS_PER_SECOND / (overrides.hz ?? facts.hz.value);
  const phase = tickPhase(timeoutsOf(recorded.flushes), jiffy);
  const machine = machineFromFacts(facts, { timerMode: 'wheel', tickPhase: phase, ...overrides });
  const timers = new RecordedTimers(recorded.flushes);
  const free = runOnce(capture, machine, recorded, jiffy, null);
  const follows = free.flushes !== null;
  const following = follows ? runOnce(capture, machine, recorded, jiffy, timers.rule) : null;
  const compared = timers.comparison(jiffy);
  const followed = following && compared && { ...following, timers: compared };
  return { ...free, jiffyNs: jiffy, phaseNs: phase, followed };
}

/** One replay, with the timers of the machine or by `rule`. */
function runOnce(
  capture: Capture,
  machine: Machine,
  recorded: RecordedStack,
  jiffy: number,
  rule: FiringRule | null,
): StackRunResult {
  const { facts, report } = capture;
  const run = new StackRun(report.source, capture, machine);
  const requests = new OrderedRequests(recorded.moved, run.pfnOf);
  if (recorded.why === null) {
    const source = {
      openStart: () => capture.openStart(),
      requests: () => run.remembered(requests.of(capture.requests())),
    };
    for (const batch of replay(machine, source, rule)) run.add(batch);
  }
  const domains = facts.domains
    .map((_, index) => run.domain(index, recorded, jiffy))
    .filter((domain) => domain !== null);
  return sumOf(domains, recorded.why, requests.moved);
}

/** What is counted of one domain while the replay runs. */
interface Counted {
  compared: number;
  matched: number;
  first: StackDifference | null;
  readonly flushes: Flush[];
}

class StackRun {
  readonly #source: string;
  readonly #capture: Capture;
  readonly #machine: Machine;
  readonly #counted: Counted[];
  /** Recorded pfn and line of map requests whose outcome has not come yet, by id. */
  readonly #recorded = new Map<number, number>();

  constructor(source: string, capture: Capture, machine: Machine) {
    this.#source = source;
    this.#capture = capture;
    this.#machine = machine;
    this.#counted = capture.facts.domains.map(() => ({
      compared: 0,
      matched: 0,
      first: null,
      flushes: [],
    }));
  }

  /** The recorded pfn of a request. */
  readonly pfnOf = (batch: RequestBatch, row: number): number => {
    const granule = this.#machine.domains[batch.domain[row]!]?.granule ?? 4096;
    return pfnOf(batch.addressLow[row]!, batch.addressHigh[row]!, granule);
  };

  /** Hands the requests on and remembers their recorded addresses. */
  *remembered(batches: Iterable<RequestBatch>): Generator<RequestBatch, void, undefined> {
    for (const batch of batches) {
      for (let row = 0; row < batch.length; row++) {
        const isMap = batch.op[row] === Op.map || batch.op[row] === Op.alloc;
        if (!isMap || (batch.flags[row]! & (Flag.failed | Flag.direct)) !== 0) continue;
        if (this.#isCompared(batch.domain[row]!)) {
          this.#recorded.set(batch.id[row]!, this.pfnOf(batch, row));
        }
      }
      yield batch;
    }
  }

  add(batch: OutcomeBatch): void {
    for (let row = 0; row < batch.length; row++) {
      const kind = batch.kind[row];
      if (kind === OutcomeKind.map || kind === OutcomeKind.mapFail) this.#compare(batch, row);
      else if (kind === OutcomeKind.flush) this.#flush(batch, row);
    }
  }

  /** The result of a domain; null for one that nothing in the capture belongs to. */
  domain(index: number, { flushes, why }: RecordedStack, jiffy: number): StackDomain | null {
    const { token, createdAt, devices } = this.#capture.facts.domains[index]!;
    const counted = this.#counted[index]!;
    const recorded = flushes.get(index) ?? [];
    if (index === 0 || (createdAt === null && devices.length === 0)) return null;
    const known = why === null && createdAt !== null;
    const comparable = known && recorded.length > 0;
    return {
      token,
      compared: counted.compared,
      matched: counted.matched,
      first: counted.first,
      why: why ?? (createdAt === null ? 'the creation of its domain is not in the capture' : null),
      flushes: comparable ? compareFlushes(recorded, counted.flushes, jiffy) : null,
    };
  }

  #isCompared(domain: number): boolean {
    return domain > 0 && this.#capture.facts.domains[domain]?.createdAt != null;
  }

  #compare(batch: OutcomeBatch, row: number): void {
    const id = batch.id[row]!;
    const pfn = this.#recorded.get(id);
    if (pfn === undefined) return;
    this.#recorded.delete(id);
    const counted = this.#counted[batch.domain[row]!];
    if (counted === undefined) return;
    counted.compared++;
    if (batch.pfn[row] === pfn) counted.matched++;
    else counted.first ??= this.#difference(batch, row, pfn);
  }

  #difference(batch: OutcomeBatch, row: number, recordedPfn: number): StackDifference {
    const { domains, devices } = this.#capture.facts;
    const modelPfn = batch.pfn[row]!;
    return {
      file: this.#source,
      line: batch.line[row]!,
      domain: domains[batch.domain[row]!]?.token ?? '',
      device: devices[batch.device[row]!]?.name ?? '',
      time: batch.time[row]!,
      cpu: batch.cpu[row]!,
      pages: batch.pages[row]!,
      recordedPfn,
      modelPfn: modelPfn < 0 ? null : modelPfn,
      liveMappings: batch.liveMappings[row]!,
      queuedEntries: batch.queuedEntries[row]!,
      cachedPages: batch.cachedPages[row]!,
    };
  }

  #flush(batch: OutcomeBatch, row: number): void {
    this.#counted[batch.domain[row]!]?.flushes.push({
      time: batch.time[row]!,
      cause: batch.cause[row]! as FlushCause,
      cpu: batch.cpu[row]!,
      armedAt: -1,
      released: batch.value[row]!,
      line: 0,
    });
  }
}

function timeoutsOf(flushes: ReadonlyMap<number, readonly Flush[]>): number[] {
  const times: number[] = [];
  for (const list of flushes.values()) {
    for (const { cause, time } of list) if (cause === FlushCause.timeout) times.push(time);
  }
  return times;
}

function sumOf(
  domains: readonly StackDomain[],
  loss: string | null,
  reordered: number,
): StackRunResult {
  const compared = domains.reduce((sum, domain) => sum + domain.compared, 0);
  const differences = domains.flatMap(({ first }) => (first === null ? [] : [first]));
  differences.sort((a, b) => a.line - b.line);
  const reasons = new Set(domains.map(({ why }) => why));
  const only = reasons.size === 1 ? [...reasons][0] : null;
  const why = loss ?? only ?? 'no request of a domain whose creation is in the capture';
  return {
    compared,
    matched: domains.reduce((sum, domain) => sum + domain.matched, 0),
    reordered,
    first: differences[0] ?? null,
    why: compared > 0 ? null : why,
    flushes: sumComparisons(domains.flatMap(({ flushes }) => flushes ?? [])),
    domains,
  };
}
