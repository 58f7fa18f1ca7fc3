// Profiles are timed in processes of their own that take turns.
//
// Whoever shares the core slows a process down, by up to two and for a second or more; the fastest of some processes counts.

/** Processes of one profile at most. */
const MOST_TURNS = 5;
/** Two processes agree when the slower takes at most this many times as long as the faster. */
const AGREEMENT = 1.1;

/**
 * Has each of `names` measured, in turns, until its two fastest processes agree: those of every kind, where `measure` runs
 * several. It returns ns per operation, of one process of each kind and always in the same order.
 */
export function takeTurns(
  names: readonly string[],
  measure: (name: string, turn: number) => readonly number[],
): void {
  const measured = new Map<string, (readonly number[])[]>(names.map((name) => [name, []]));
  for (let turn = 1; turn <= MOST_TURNS; turn++) {
    for (const [name, turns] of measured) if (!settled(turns)) turns.push(measure(name, turn));
  }
}

function settled(turns: readonly (readonly number[])[]): boolean {
  const [first] = turns;
  return first?.every((_, kind) => agree(turns.map((ns) => ns[kind]!))) ?? false;
}

function agree(ns: readonly number[]): boolean {
  const [fastest, second] = ns.toSorted((a, b) => a - b);
  return second !== undefined && second <= fastest! * AGREEMENT;
}
