// Finds an allowed order that gets over the place where an order is dead.
//
// A choice is a pair of calls whose intervals overlap, which share something, and which the order took
// as U, V: the alternative is the constraint "V before U" (choices.ts). Sets of such constraints are
// searched best first: those that get furthest are extended first.
//
// The search is bounded by a budget of attempts; whether it ran out is part of the answer.

import { type Choice, Choices } from './choices.ts';
import type { Edge, LinearOrder, OrderStatus } from './linear-order.ts';

/** How far a repair must get beyond the dead end. */
export const REPAIR_MARGIN = 256;

/** Attempts without progress that the hasty search may make. */
const HASTE = 400;
/** A choice that gets so much further is followed at once; otherwise all are tried and the best is followed. */
const HASTY_LEAP = 1;
const LEAP = 24;

/** Effort that is left: attempts since the last progress and in all, and calls of the model. */
export interface Budget {
  patience: number;
  attempts: number;
  steps: number;
}

/** fixed: the order now goes on. exhausted: no choice is left. budget: there may be one. */
export type RepairOutcome = 'fixed' | 'exhausted' | 'budget';

/** A set of constraints that was tried. */
interface Trial {
  readonly edges: readonly Edge[];
  /** Position at which it is dead. */
  readonly reached: number;
  /** Below this position it is as the order that was dead at first. */
  readonly from: number;
  /** Choices that are left of the list asked for last, latest last; and which list is the next. */
  choices: Choice[];
  list: number;
}

/** The lists of choices of a trial, in the order in which they are tried. */
const lists: readonly ((choices: Choices) => Choice[])[] = [
  (choices) => choices.ofAddresses(),
  (choices) => choices.near(true),
  (choices) => choices.far(),
];

/** Looks for constraints that get `order`, which is dead, further. Without success it is left at its furthest. */
export function repair(
  order: LinearOrder,
  limit: number,
  final: boolean,
  budget: Budget,
): RepairOutcome {
  const hasty = new Repair(order, limit, final, budget, HASTY_LEAP, HASTE);
  if (hasty.run() === 'fixed') return 'fixed';
  hasty.giveUp(false);
  const patient = new Repair(order, limit, final, budget, LEAP, budget.patience);
  const outcome = patient.run();
  if (outcome !== 'fixed') patient.giveUp(true);
  return outcome;
}

class Repair {
  readonly #order: LinearOrder;
  readonly #limit: number;
  readonly #final: boolean;
  readonly #budget: Budget;
  readonly #goal: number;
  readonly #leap: number;
  readonly #mostPatience: number;
  readonly #root: Trial;
  readonly #seen = new Set<string>();
  readonly #queue: Trial[] = [];
  #best: Trial;
  /** Attempts that the search may still make before it gets further. */
  #patience: number;
  /** Below this position the order is as it was dead at first. */
  #changedFrom: number;

  constructor(
    order: LinearOrder,
    limit: number,
    final: boolean,
    budget: Budget,
    leap: number,
    patience: number,
  ) {
    const { edges, position } = order;
    this.#order = order;
    this.#limit = limit;
    this.#final = final;
    this.#budget = budget;
    this.#leap = leap;
    this.#mostPatience = patience;
    this.#patience = patience;
    this.#best = { edges, reached: position, from: position, choices: [], list: 0 };
    this.#root = this.#best;
    this.#changedFrom = position;
    this.#goal = position + REPAIR_MARGIN;
    this.#seen.add(nameOf(edges));
    this.#queue.push(this.#best);
  }

  run(): RepairOutcome {
    for (;;) {
      const trial = furthest(this.#queue);
      if (trial === null) return 'exhausted';
      this.#redo(trial);
      if (this.#extend(trial)) return 'fixed';
      if (this.#isSpent()) return 'budget';
    }
  }

  /** Tries choices of `trial` until one gets further or none is left; true if it gets to the goal. */
  #extend(trial: Trial): boolean {
    while (!this.#isSpent()) {
      const choice = this.#nextChoice(trial);
      if (choice === null) {
        this.#queue.splice(this.#queue.indexOf(trial), 1);
        return false;
      }
      const edges = withEdge(trial.edges, choice);
      const name = nameOf(edges);
      if (this.#seen.has(name)) continue;
      this.#seen.add(name);
      const reached = this.#attempt(edges, choice.position);
      if (reached === ALIVE) return true;
      const from = Math.min(choice.position, trial.from);
      const child: Trial = { edges, reached, from, choices: [], list: 0 };
      this.#queue.push(child);
      if (reached > this.#best.reached) {
        this.#best = child;
        this.#patience = this.#mostPatience;
      }
      if (reached >= trial.reached + this.#leap) return false;
    }
    return false;
  }

  // The lists begin with the latest position, so what lies before it is still as in the trial.
  #nextChoice(trial: Trial): Choice | null {
    while (trial.choices.length === 0) {
      const list = lists[trial.list++];
      if (list === undefined) return null;
      this.#redo(trial);
      trial.choices = list(new Choices(this.#order)).reverse();
    }
    return trial.choices.pop()!;
  }

  /** The position at which the order dies with `edges`, or {@link ALIVE}. */
  #attempt(edges: readonly Edge[], position: number): number {
    this.#order.tries++;
    this.#patience--;
    this.#budget.attempts--;
    return this.#runFrom(position, edges) === 'dead' ? this.#order.position : ALIVE;
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
    return this.#patience <= 0 || this.#budget.attempts <= 0 || this.#budget.steps <= 0;
  }

  /** Leaves the order at its furthest, or as it was dead at first. */
  giveUp(furthest: boolean): void {
    this.#redo(furthest ? this.#best : this.#root);
  }
}

const ALIVE = -1;

function furthest(queue: readonly Trial[]): Trial | null {
  let best: Trial | null = null;
  for (const trial of queue) if (best === null || trial.reached > best.reached) best = trial;
  return best;
}

function withEdge(edges: readonly Edge[], added: Edge): readonly Edge[] {
  const kept = edges.filter(
    ({ before, after }) => before !== added.after || after !== added.before,
  );
  return [...kept, { before: added.before, after: added.after }];
}

function nameOf(edges: readonly Edge[]): string {
  return edges
    .map(({ before, after }) => `${before}<${after}`)
    .sort()
    .join(' ');
}
