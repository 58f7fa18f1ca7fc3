// What every kind of policy is tested by: random operations, rules that must hold after each, and the
// shortest list of operations that still breaks one.
//
// A list can lose any of its operations and still be run: an operation that refers to one that is not
// there does nothing.

import { seededRandom } from '@dmalab/replay';

/** The tests of one kind of policy. */
export interface Suite<Operation> {
  /** The operations of a seed. */
  operations(random: Random): Operation[];
  /** Runs them on a new object of the policy; what is wrong, or null. */
  run(operations: readonly Operation[]): Violation | null;
  /** One operation as a person reads it. */
  text(operation: Operation): string;
}

/** A rule that did not hold. */
export interface Violation {
  /** e.g. "no overlap". */
  readonly rule: string;
  readonly message: string;
  /** Index of the operation after which it did not hold. */
  readonly at: number;
}

/** A broken rule as it is told: the seed that found it and the shortest operations that show it. */
export interface PolicyFailure {
  readonly rule: string;
  readonly message: string;
  readonly seed: number;
  readonly operations: readonly string[];
}

/** Seeded random choices. */
export class Random {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = seededRandom(seed);
  }

  /** A whole number from 0 to `below` - 1. */
  below(below: number): number {
    return Math.floor(this.#next() * below);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

/** What became of the operations of one run. */
interface Run {
  readonly violation: Violation | null;
  readonly answers: readonly (number | string)[];
}

/** Runs the same operations twice: what is wrong with the first run, or where the second one answers otherwise; null: nothing. */
export function runTwice(operations: readonly unknown[], run: () => Run): Violation | null {
  const first = run();
  if (first.violation !== null) return first.violation;
  const again = run();
  const at = first.answers.findIndex((answer, i) => answer !== again.answers[i]);
  if (at < 0) return null;
  const message = `the same operations gave ${first.answers[at]} and then ${again.answers[at]}`;
  return { rule: 'deterministic', message, at: operations.length - 1 };
}

/** An operation as its name and its parameters. */
export function operationText({ op, ...rest }: { readonly op: string }): string {
  return [op, ...Object.entries(rest).map(([name, value]) => `${name}=${value}`)].join(' ');
}

/** Runs one seed twice; null where every rule held and both runs did the same. */
export function runSeed<Operation>(
  suite: Suite<Operation>,
  seed: number,
): { readonly operations: number; readonly failure: PolicyFailure | null } {
  const operations = suite.operations(new Random(seed));
  const violation = suite.run(operations);
  if (violation === null) return { operations: operations.length, failure: null };
  const shortest = shortened(suite, operations.slice(0, violation.at + 1), violation.rule);
  const { rule, message } = suite.run(shortest) ?? violation;
  return {
    operations: operations.length,
    failure: { rule, message, seed, operations: shortest.map((one) => suite.text(one)) },
  };
}

/** Leaves out ever smaller pieces while the same rule stays broken, until no single operation can go. */
function shortened<Operation>(
  suite: Suite<Operation>,
  operations: readonly Operation[],
  rule: string,
): readonly Operation[] {
  let kept = operations;
  let piece = Math.ceil(kept.length / 2);
  for (;;) {
    const before = kept.length;
    for (let from = 0; from < kept.length; ) {
      const fewer = [...kept.slice(0, from), ...kept.slice(from + piece)];
      if (suite.run(fewer)?.rule === rule) kept = fewer;
      else from += piece;
    }
    if (piece === 1 && kept.length === before) return kept;
    piece = Math.max(1, Math.floor(piece / 2));
  }
}
