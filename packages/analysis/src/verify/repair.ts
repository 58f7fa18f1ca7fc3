// Finds an allowed order that gets over the place where an order is dead.
//
// A choice is a pair of calls whose intervals overlap, which share something (the magazines of a CPU
// and size, a depot, the tree), and which the order took as U, V: the alternative is "V before U".
// Sets of such constraints are searched best first: those that get furthest are extended first. All
// choices near the dead end are tried, and further back those that show late: two frees, or work in the
// background, whose order nothing contradicted when they were taken.
//
// The search is bounded by a budget of attempts; whether it ran out is part of the answer.

import { Choices } from './choices.ts';
import type { Edge, LinearOrder, OrderStatus } from './linear-order.ts';

/** How far a repair must get beyond the dead end. */
export const REPAIR_MARGIN = 256;
/** Positions before a dead end whose choices are all tried. */
const NEAR = 96;

/** Effort that is left, in attempts and in calls of the model. */
export interface Budget {
  attempts: number;
  steps: number;
}

/** fixed: the order now goes on. exhausted: no choice is left. budget: there may be one. */
export type RepairOutcome = 'fixed' | 'exhausted' | 'budget';

interface Trial {
  readonly edges: readonly Edge[];
  /** Position at which it is dead. */
  readonly reached: number;
  /** Below this position it is as the order that was dead at first. */
  readonly from: number;
}

/** Looks for constraints that get `order`, which is dead, further. Without success it is left at its furthest. */
export function repair(
  order: LinearOrder,
  limit: number,
  final: boolean,
  budget: Budget,
): RepairOutcome {
  return new Repair(order, limit, final, budget).run();
}

class Repair {
  readonly #order: LinearOrder;
  readonly #limit: number;
  readonly #final: boolean;
  readonly #budget: Budget;
  readonly #root: Trial;
  readonly #goal: number;
  readonly #seen = new Set<string>();
  readonly #queue: Trial[] = [];
  /** Below this position the order is as the root. */
  #changedFrom: number;

  constructor(order: LinearOrder, limit: number, final: boolean, budget: Budget) {
    this.#order = order;
    this.#limit = limit;
    this.#final = final;
    this.#budget = budget;
    this.#root = { edges: order.edges, reached: order.position, from: order.position };
    this.#changedFrom = order.position;
    this.#goal = order.position + REPAIR_MARGIN;
    this.#seen.add(nameOf(order.edges));
  }

  run(): RepairOutcome {
    const root = this.#root;
    const near = Math.max(this.#order.kept, root.reached - NEAR);
    if (this.#extend(root, near, root.reached, false)) return 'fixed';
    if (this.#extend(root, this.#order.kept, near, true)) return 'fixed';
    let best = root;
    for (;;) {
      if (this.#isSpent()) return this.#giveUp(best, 'budget');
      const trial = takeFurthest(this.#queue);
      if (trial === null) return this.#giveUp(best, 'exhausted');
      if (trial.reached > best.reached) best = trial;
      const bottom = Math.max(this.#order.kept, trial.reached - NEAR);
      if (this.#extend(trial, bottom, trial.reached, false)) return 'fixed';
    }
  }

  /** Tries the choices of `trial` from position `bottom` to below `top`; true as soon as one gets to the goal. */
  #extend(trial: Trial, bottom: number, top: number, lateOnly: boolean): boolean {
    this.#redo(trial);
    const choices = new Choices(this.#order, bottom);
    for (let u = top - 1; u >= bottom; u--) {
      const after = choices.operationAt(u);
      for (const before of choices.partners(u, lateOnly)) {
        const edges = withEdge(trial.edges, { before, after });
        if (this.#attempt(edges, u, Math.min(u, trial.from))) return true;
        if (this.#isSpent()) return false;
      }
    }
    return false;
  }

  #attempt(edges: readonly Edge[], position: number, from: number): boolean {
    const name = nameOf(edges);
    if (this.#seen.has(name)) return false;
    this.#seen.add(name);
    this.#order.tries++;
    this.#budget.attempts--;
    if (this.#runFrom(position, edges) !== 'dead') return true;
    this.#queue.push({ edges, reached: this.#order.position, from });
    return false;
  }

  /** Makes the order that of `trial` again. */
  #redo(trial: Trial): void {
    const position = Math.min(this.#changedFrom, trial.from);
    if (position < this.#order.position || trial.edges !== this.#order.edges) {
      this.#runFrom(position, trial.edges);
    }
    this.#changedFrom = trial.from;
  }

  #runFrom(position: number, edges: readonly Edge[]): OrderStatus {
    const order = this.#order;
    const { steps } = order;
    this.#changedFrom = Math.min(this.#changedFrom, position);
    order.goBack(position);
    order.edges = edges;
    const status = order.advance(this.#limit, this.#goal, this.#final);
    this.#budget.steps -= order.steps - steps;
    return status;
  }

  #isSpent(): boolean {
    return this.#budget.attempts <= 0 || this.#budget.steps <= 0;
  }

  #giveUp(best: Trial, outcome: RepairOutcome): RepairOutcome {
    this.#redo(best);
    return outcome;
  }
}

function takeFurthest(queue: Trial[]): Trial | null {
  let at = -1;
  for (let i = 0; i < queue.length; i++) {
    if (at < 0 || queue[i]!.reached > queue[at]!.reached) at = i;
  }
  return at < 0 ? null : queue.splice(at, 1)[0]!;
}

function withEdge(edges: readonly Edge[], added: Edge): readonly Edge[] {
  const kept = edges.filter(
    ({ before, after }) => before !== added.after || after !== added.before,
  );
  return [...kept, added];
}

function nameOf(edges: readonly Edge[]): string {
  return edges
    .map(({ before, after }) => `${before}<${after}`)
    .sort()
    .join(' ');
}
