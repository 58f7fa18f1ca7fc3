// Cuts a trace to the smallest list of requests whose replay still shows an event.
//
// First a prefix: nothing after the event caused it. Then mappings, each with all that is done to it, and
// control rows; last the single rows that are left (an unmap that need not be). Deterministic.

import { loadedSource, type Machine } from '@dmalab/replay';
import type { Capture } from '@dmalab/trace';
import { reduce } from './delta-debugging.ts';
import type { EventSearch, FoundEvent } from './replay-events.ts';
import { RequestList } from './request-list.ts';

/** What a search was like, and what is left. */
export interface Minimised {
  /** The event in the whole trace, and in what is left. */
  readonly event: FoundEvent;
  readonly eventLeft: FoundEvent;
  /** Requests and control rows in the trace up to the event, and left. */
  readonly before: number;
  readonly left: number;
  readonly replays: number;
  /** True where no single mapping, unmap or control row can be left out. */
  readonly minimal: boolean;
  /** What is left, as a capture that can be replayed and written. */
  readonly capture: Capture;
}

/** How a search is limited and watched. */
export interface MinimiseOptions {
  /** Replays at most. */
  readonly replays?: number;
  /** Called before each replay with their number so far and the units that are left. */
  readonly progress?: (replays: number, left: number) => void;
}

const MAX_REPLAYS = 20_000;

/** What is left of `capture` under a load; null where the event does not happen at all. */
export function minimise(
  capture: Capture,
  load: Pick<Machine, 'load' | 'cpus'>,
  search: EventSearch,
  { replays: limit = MAX_REPLAYS, progress = () => {} }: MinimiseOptions = {},
): Minimised | null {
  let replays = 1;
  progress(replays, 0);
  const source = loadedSource(capture, load.load, load.cpus);
  const event = search(source);
  if (event === null) return null;
  const list = RequestList.of(source, event.time);
  const spend = (left: number): boolean => {
    if (replays >= limit) return false;
    progress(++replays, left);
    return true;
  };
  const shows = (chosen: Uint8Array): boolean => search(list.source(chosen)) !== null;
  const rows = list.rows.length;
  const units = unitsOf(list, shortestPrefix(rows, shows, spend));
  const byUnit = reduce(units.all, (kept) => shows(units.rowsOf(kept)), spend);
  const rowsLeft = indices(units.rowsOf(byUnit.kept));
  const byRow = reduce(rowsLeft, (kept) => shows(maskOf(kept, rows)), spend);
  const chosen = maskOf(byRow.kept, rows);
  const eventLeft = search(list.source(chosen));
  if (eventLeft === null) throw new Error('the smallest list does not show the event');
  return {
    event,
    eventLeft,
    before: rows,
    left: byRow.kept.length,
    replays,
    minimal: byUnit.minimal && byRow.minimal,
    capture: list.capture(capture, chosen),
  };
}

/** The least number of rows from the first on that shows the event; the list as a whole does. */
function shortestPrefix(
  rows: number,
  shows: (chosen: Uint8Array) => boolean,
  spend: (left: number) => boolean,
): number {
  let fails = 0;
  let works = rows;
  while (works - fails > 1) {
    const middle = Math.floor((fails + works) / 2);
    if (!spend(works)) break;
    if (shows(new Uint8Array(rows).fill(1, 0, middle))) works = middle;
    else fails = middle;
  }
  return works;
}

/** The units that begin in the first `prefix` rows, and the mask of the rows there that some of them have. */
function unitsOf(
  list: RequestList,
  prefix: number,
): { readonly all: number[]; rowsOf(units: readonly number[]): Uint8Array } {
  const { of, count } = list.units();
  const { length } = list.rows;
  const inPrefix = new Uint8Array(count);
  for (let row = 0; row < prefix; row++) inPrefix[of[row]!] = 1;
  const rowsOf = (units: readonly number[]): Uint8Array => {
    const has = maskOf(units, count);
    return Uint8Array.from({ length }, (_, row) => (row < prefix && has[of[row]!] === 1 ? 1 : 0));
  };
  return { all: indices(inPrefix), rowsOf };
}

function indices(mask: Uint8Array): number[] {
  const found: number[] = [];
  mask.forEach((chosen, i) => {
    if (chosen === 1) found.push(i);
  });
  return found;
}

function maskOf(kept: readonly number[], length: number): Uint8Array {
  const mask = new Uint8Array(length);
  for (const i of kept) mask[i] = 1;
  return mask;
}
