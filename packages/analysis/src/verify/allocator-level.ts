// The allocator level of a verification: every recorded allocation against the kernel-exact allocator.
//
// One pass over the events. The calls of each domain are judged as they come, by a search for an
// order that their intervals allow; memory grows with the window of the search, not with the trace.
// See docs/models/verification.md.

import { type EventBatch, openTrace } from '@dmalab/trace';
import { DomainCheck } from './domain-check.ts';
import { DomainModel, type ModelMachine } from './domain-model.ts';
import type { Moved } from './order-summary.ts';
import { RecordedCalls } from './recorded-calls.ts';
import { isCreationSeen, type RecordedDomain } from './recorded-domain.ts';
import { type Flush, RecordedFlushes } from './recorded-flushes.ts';
import type { Budget } from './repair.ts';
import type { AllocatorDomain, AllocatorResult } from './verify-result.ts';
import { WorkItems } from './work-items.ts';

/** What the allocator level found, and the order in which it did. */
export interface AllocatorCheck {
  readonly result: AllocatorResult;
  /** Calls that take effect later than their entry lines say. */
  readonly moved: readonly Moved[];
  /** Recorded flushes by the pointer of their cookie. */
  readonly flushes: ReadonlyMap<string, readonly Flush[]>;
  /** Why a capture with losses cannot be compared, else null. */
  readonly loss: string | null;
  /** Names of the devices that the events number. */
  readonly devices: readonly string[];
}

/** Effort of all searches of a capture: it bounds the time of a hopeless one to a minute or so. */
const PATIENCE = 5000;
const ATTEMPTS = 200_000;
const STEPS = 60_000_000;

/** Checks the recorded allocations of the trace at `path`; `watch` sees the same events. Throws a TraceError for what is no trace. */
export async function checkAllocator(
  path: string,
  machine: ModelMachine,
  watch: (batch: EventBatch) => void,
): Promise<AllocatorCheck> {
  const reader = await openTrace(path);
  const run = new AllocatorRun(path, machine);
  const recorded = new RecordedFlushes();
  for await (const batch of reader.batches()) {
    run.calls.add(batch, reader.tokens);
    recorded.add(batch);
    watch(batch);
    run.advance();
  }
  const flushes = new Map(
    [...recorded.byCookie].map(([token, list]) => [reader.tokens[token] ?? '', list]),
  );
  const loss = lossOf(reader.counts.lost, reader.counts.lostUnknown);
  return { ...run.finish(loss), flushes, loss, devices: reader.devices };
}

interface Judged {
  readonly result: AllocatorDomain;
  readonly moved: readonly Moved[];
}

class AllocatorRun {
  readonly calls: RecordedCalls = new RecordedCalls();
  readonly #file: string;
  readonly #machine: ModelMachine;
  readonly #work = new WorkItems();
  readonly #budget: Budget = {
    patience: PATIENCE,
    attempts: ATTEMPTS,
    steps: STEPS,
  };
  readonly #checks = new Map<RecordedDomain, DomainCheck>();
  readonly #judged = new Map<RecordedDomain, Judged>();

  constructor(file: string, machine: ModelMachine) {
    this.#file = file;
    this.#machine = machine;
  }

  /** Judges what can be judged of the calls so far. */
  advance(): void {
    for (const domain of this.calls.domains) {
      if (this.#judged.has(domain)) continue;
      if (!isCreationSeen(domain)) domain.log.forget(domain.log.head);
      else if (domain.closed) this.#close(domain);
      else this.#check(domain).advance();
    }
  }

  finish(loss: string | null): Pick<AllocatorCheck, 'result' | 'moved'> {
    const moved: Moved[] = [];
    const domains = this.calls.domains.map((domain) => {
      if (isCreationSeen(domain) && !this.#judged.has(domain)) this.#close(domain);
      const judged = this.#judged.get(domain);
      const why = loss ?? whyNot(domain);
      if (judged === undefined || why !== null) return emptyDomain(domain, why);
      for (const move of judged.moved) moved.push(move);
      return judged.result;
    });
    const why = loss ?? (this.calls.probes === 0 ? NO_PROBES : null);
    return { result: sumOf(domains, why), moved };
  }

  #check(domain: RecordedDomain): DomainCheck {
    let check = this.#checks.get(domain);
    if (check === undefined) {
      const model = new DomainModel(domain, this.#machine, this.#work);
      check = new DomainCheck(domain, model, this.#budget);
      this.#checks.set(domain, check);
    }
    return check;
  }

  #close(domain: RecordedDomain): void {
    const check = this.#check(domain);
    check.finish();
    const { order, budgetRanOut } = check;
    const { log, token, line } = domain;
    this.#judged.set(domain, {
      result: {
        token,
        line,
        compared: order.compared,
        matched: order.compared - order.differing,
        reordered: order.summary.places,
        tries: order.tries,
        first: order.first && {
          file: this.#file,
          domain: token,
          proved: !budgetRanOut,
          ...order.first,
        },
        why: null,
      },
      moved: order.summary.moved,
    });
    log.forget(log.head);
    this.#checks.delete(domain);
    this.#work.release(domain.createdAt);
  }
}

const NO_PROBES = 'the capture has no allocation probes (alloc_iova_fast)';

function lossOf(lost: number, lostUnknown: boolean): string | null {
  if (lost === 0 && !lostUnknown) return null;
  return lost === 0 ? 'events were lost' : `${lost} events were lost`;
}

function whyNot(domain: RecordedDomain): string | null {
  if (!isCreationSeen(domain)) return 'its creation (init_iova_domain) is not in the capture';
  return domain.allocations === 0 ? 'it has no allocations' : null;
}

function emptyDomain({ token, line }: RecordedDomain, why: string | null): AllocatorDomain {
  return { token, line, compared: 0, matched: 0, reordered: 0, tries: 0, first: null, why };
}

function sumOf(domains: readonly AllocatorDomain[], why: string | null): AllocatorResult {
  const total = (of: (domain: AllocatorDomain) => number): number =>
    domains.reduce((sum, domain) => sum + of(domain), 0);
  const compared = total(({ compared }) => compared);
  const differences = domains.flatMap(({ first }) => (first === null ? [] : [first]));
  differences.sort((a, b) => a.entryLine - b.entryLine);
  return {
    compared,
    matched: total(({ matched }) => matched),
    reordered: total(({ reordered }) => reordered),
    tries: total(({ tries }) => tries),
    first: differences[0] ?? null,
    why: compared > 0 ? null : (why ?? noDomain(domains)),
    domains,
  };
}

function noDomain(domains: readonly AllocatorDomain[]): string {
  const reasons = new Set(domains.map(({ why }) => why ?? 'nothing returned'));
  if (reasons.size === 0) return 'the capture has no IOVA domain';
  return reasons.size === 1
    ? `no domain can be compared: ${[...reasons][0]}`
    : 'no domain can be compared';
}
