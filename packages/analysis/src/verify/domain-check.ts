// Whether some allowed order of a domain's recorded calls explains its recorded addresses.
//
// Fed while the trace is read: only a window of calls is held. Where an order dies the neighbourhood
// is searched; where nothing helps, one allocation is let through with the model's own result and
// counted as a difference, and the check goes on from there. A domain with many differences is
// compared in the order of entry from then on: there is nothing to be learnt from more searching.

import type { DomainModel } from './domain-model.ts';
import { type Edge, LinearOrder } from './linear-order.ts';
import { UNKNOWN_PFN } from './operation-log.ts';
import type { RecordedDomain } from './recorded-domain.ts';
import { type Budget, REPAIR_MARGIN, repair } from './repair.ts';

/** Calls that must follow before one is judged, so that its neighbours are known. */
const LOOK_AHEAD = 2048;
/** An allocation that does not return for so many calls has no result. */
const NEVER_RETURNS = 65_536;
/** Differences after which no order is searched for any more. */
const MOST_DIFFERENCES = 8;
/** Positions that are searched for the call that first passed a waiting one. */
const FAR = 4096;
/** Waiting calls that are tried as the one that differs. */
const SUSPECTS = 8;

export class DomainCheck {
  readonly domain: RecordedDomain;
  readonly order: LinearOrder;
  /** The budget of a search ran out before the first difference. */
  budgetRanOut = false;
  readonly #budget: Budget;

  constructor(domain: RecordedDomain, model: DomainModel, budget: Budget) {
    this.domain = domain;
    this.order = new LinearOrder(domain.log, model);
    this.#budget = budget;
  }

  /** Judges what has enough of the trace behind it. */
  advance(): void {
    this.#runTo(this.#known(this.domain.log.head - LOOK_AHEAD), false);
    this.order.settle(false);
  }

  /** Judges the rest: the domain or the trace has ended. */
  finish(): void {
    this.#runTo(this.domain.log.head, true);
    this.order.settle(true);
  }

  /** The first operation from the lowest on whose result is not known yet, at most `limit`. */
  #known(limit: number): number {
    const { log } = this.domain;
    for (let operation = this.order.lowest; operation < limit; operation++) {
      const isPending = log.pfn[log.at(operation)] === UNKNOWN_PFN;
      if (isPending && log.head - operation < NEVER_RETURNS) return operation;
    }
    return limit;
  }

  #runTo(limit: number, final: boolean): void {
    const { order } = this;
    while (order.advance(limit, Number.POSITIVE_INFINITY, final) === 'dead') {
      const outcome = repair(order, limit, final, this.#budget);
      if (outcome === 'fixed') continue;
      if (outcome === 'budget' && order.first === null) this.budgetRanOut = true;
      this.#letDiffer(limit, final);
      if (order.differing >= MOST_DIFFERENCES) order.plain = true;
    }
  }

  /** Lets one of the waiting allocations differ: the one with which the order gets furthest. */
  #letDiffer(limit: number, final: boolean): void {
    const { order } = this;
    const dead = order.position;
    if (order.waiting.length === 0) {
      // Constraints of earlier repairs contradict each other here.
      order.edges = [];
      return;
    }
    const { edges, forced } = order;
    const goal = dead + REPAIR_MARGIN;
    let best = { reached: -1, suspect: -1, from: dead };
    for (const suspect of order.waiting.slice(0, SUSPECTS)) {
      for (const from of [this.#overtakenAt(suspect, dead), dead]) {
        this.#rerun(from, edges, new Set([...forced, suspect]), limit, goal, final);
        if (order.position > best.reached) best = { reached: order.position, suspect, from };
        // Back to the dead end, from which the next attempt starts.
        this.#rerun(from, edges, forced, limit, dead, final);
      }
      if (best.reached >= goal) break;
    }
    this.#rerun(best.from, edges, new Set([...forced, best.suspect]), limit, dead, final);
  }

  #rerun(
    from: number,
    edges: readonly Edge[],
    forced: ReadonlySet<number>,
    limit: number,
    stopAt: number,
    final: boolean,
  ): void {
    const { order } = this;
    order.goBack(from);
    order.edges = edges;
    order.forced = forced;
    order.advance(limit, stopAt, final);
  }

  /** The first position at which a later call passed `operation`. */
  #overtakenAt(operation: number, dead: number): number {
    const { order } = this;
    let position = dead;
    for (let p = dead - 1; p >= order.kept && p > dead - FAR; p--) {
      if (order.operationAt(p) > operation) position = p;
    }
    return position;
  }
}
