// Another load than the recorded one: the same requests faster, or several times at once.
//
// What it means is said in docs/models/load.md: gaps between requests are divided by `rate` and lifetimes
// stay; copies are the same machine's requests again, shifted in time and on other CPUs. No capture shows
// such a load: results say so.

import type { RequestSource } from '../request-source.ts';
import { CopiedRequests } from './copied-requests.ts';
import { PacedRequests } from './paced-requests.ts';

/** How the requests of a capture are multiplied before they are replayed. */
export interface Load {
  /** The gaps between requests are divided by it, below 1 they grow; lifetimes stay. */
  readonly rate: number;
  /** How many times the requests come in all, 1 and above. */
  readonly copies: number;
  /** Seed of the shifts and CPUs of the copies. */
  readonly seed: number;
  /** ns by which a copy is late at most. */
  readonly shift: number;
}

/** As recorded; copies are up to 10 ms late, so that their bursts do not coincide. */
export const RECORDED_LOAD: Load = { rate: 1, copies: 1, seed: 1, shift: 10e6 };

/** `source` under a load, on a machine with `cpus` CPUs; `load` null: the source itself. */
export function loadedSource(
  source: RequestSource,
  load: Load | null,
  cpus: number,
): RequestSource {
  if (load === null || (load.rate === 1 && load.copies === 1)) return source;
  const lists = source.lists ?? null;
  const paced: RequestSource =
    load.rate === 1
      ? source
      : {
          openStart: () => source.openStart(),
          requests: () => new PacedRequests(load.rate).batches(source.requests()),
          lists,
        };
  if (load.copies === 1) return paced;
  return {
    openStart: () => new CopiedRequests(load, cpus).openStart(paced.openStart()),
    requests: () => new CopiedRequests(load, cpus).batches(paced),
    lists,
  };
}
