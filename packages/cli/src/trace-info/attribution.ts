// How surely the domains of the requests are known.

import { DomainClass, Op, type RequestBatch } from '@dmalab/trace';

/** Requests by the class of attribution; `none` are those mapped directly, and those of a domain that is a guess. */
export type ClassCounts = Readonly<Record<keyof typeof DomainClass, number>>;

/** Strongest first. */
const CLASSES = (Object.keys(DomainClass) as (keyof typeof DomainClass)[]).reverse();

const MEANING: Readonly<Record<keyof typeof DomainClass, string>> = {
  A: 'by a probe',
  B: 'by the event of the DMA API',
  C: 'by the mapping that an unmap closes',
  D: 'the only domain there is',
  E: 'by thread and physical page',
  none: 'mapped directly, or not known',
};

/** Counts the requests of a capture by class, batch by batch. */
export class ClassCounter {
  readonly #counts = new Float64Array(CLASSES.length);

  accumulate({ length, op, domainClass }: RequestBatch): void {
    const counts = this.#counts;
    for (let i = 0; i < length; i++) {
      if (op[i] === Op.none || op[i]! >= Op.domainCreate) continue;
      counts[domainClass[i]!]!++;
    }
  }

  result(): ClassCounts {
    return Object.fromEntries(
      CLASSES.map((name) => [name, this.#counts[DomainClass[name]]!]),
    ) as ClassCounts;
  }
}

/** The classes that occur, with what they mean. */
export function classTexts(counts: ClassCounts): [string, number][] {
  return CLASSES.filter((name) => counts[name] > 0).map((name) => [
    `${name === 'none' ? '-' : name}  ${MEANING[name]}`,
    counts[name],
  ]);
}
