// The events that `minimise` looks for: a row of a replay for which a condition holds, or the first
// request that two machines answer differently.

import {
  AllocPath,
  FailCause,
  FailStage,
  type Machine,
  type OutcomeBatch,
  OutcomeKind,
  type PolicyRegistry,
  type RequestSource,
  replay,
} from '@dmalab/replay';
import { type Condition, type ConditionField, type Figures, parseCondition } from './condition.ts';

/** An event that was found in a replay. */
export interface FoundEvent {
  /** Virtual ns. */
  readonly time: number;
  /** Line of the request in the trace, 0 where a timer did it. */
  readonly line: number;
  /** What happened, e.g. "map: steps 1203". */
  readonly what: string;
}

/** Looks for the event in a replay of `source` as it comes, under no load; null where it does not happen. */
export type EventSearch = (source: RequestSource) => FoundEvent | null;

const causes = namesOf(FailCause);
const stages = namesOf(FailStage);
const paths = namesOf(AllocPath);
const kinds = namesOf(OutcomeKind);

/** What a row is asked for, by name. */
const ROW: Readonly<
  Record<
    string,
    { readonly summary: string; of(batch: OutcomeBatch, i: number): number | string } & {
      readonly words?: readonly string[];
    }
  >
> = {
  kind: {
    summary: 'kind of the row',
    words: [...kinds.values()],
    of: ({ kind }, i) => kinds.get(kind[i]!) ?? '',
  },
  failure: {
    summary: 'a map failed',
    of: ({ kind }, i) => (kind[i] === OutcomeKind.mapFail ? 1 : 0),
  },
  cause: {
    summary: 'why a map failed',
    words: [...causes.values()],
    of: (batch, i) => (isFailure(batch, i) ? (causes.get(batch.cause[i]!) ?? '') : 'none'),
  },
  stage: {
    summary: 'where a map failed',
    words: [...stages.values()],
    of: (batch, i) => (isFailure(batch, i) ? (stages.get(batch.stage[i]!) ?? '') : 'none'),
  },
  path: {
    summary: 'how a map was served',
    words: ['none', ...paths.values()],
    of: ({ kind, path }, i) => (kind[i] === OutcomeKind.map ? (paths.get(path[i]!) ?? '') : 'none'),
  },
  steps: { summary: 'tree nodes visited by a map', of: ({ steps }, i) => steps[i]! },
  searches: { summary: 'tree searches of a map', of: ({ searches }, i) => searches[i]! },
  updates: { summary: 'ranges into or out of the tree', of: ({ updates }, i) => updates[i]! },
  pages: { summary: 'pages of the row', of: ({ pages }, i) => pages[i]! },
  bytes: { summary: 'bytes of the row', of: ({ bytes }, i) => bytes[i]! },
  value: { summary: 'the value of the row, by its kind', of: ({ value }, i) => value[i]! },
  latency: { summary: 'modelled ns of a request', of: ({ latencyNs }, i) => latencyNs[i]! },
  wait: { summary: 'modelled ns of waiting', of: ({ waitNs }, i) => waitNs[i]! },
  cost: { summary: 'modelled ns of work', of: ({ costNs }, i) => costNs[i]! },
  time: { summary: 'virtual ns', of: ({ time }, i) => time[i]! },
  cpu: { summary: 'CPU', of: ({ cpu }, i) => cpu[i]! },
  device: { summary: 'index of the device', of: ({ device }, i) => device[i]! },
  domain: { summary: 'index of the domain', of: ({ domain }, i) => domain[i]! },
  live: { summary: 'live mappings of the domain', of: ({ liveMappings }, i) => liveMappings[i]! },
  livePages: { summary: 'pages in live mappings', of: ({ livePages }, i) => livePages[i]! },
  queued: {
    summary: 'ranges that wait for a flush',
    of: ({ queuedEntries }, i) => queuedEntries[i]!,
  },
  queuedPages: {
    summary: 'pages that wait for a flush',
    of: ({ queuedPages }, i) => queuedPages[i]!,
  },
  cachedPages: { summary: 'pages in caches', of: ({ cachedPages }, i) => cachedPages[i]! },
  low32Pages: { summary: 'pages taken below 4 GiB', of: ({ low32Pages }, i) => low32Pages[i]! },
};

/** Totals up to and with the row, by the kind that they count. */
const TOTALS: Readonly<Record<string, { readonly summary: string; readonly kind: OutcomeKind }>> = {
  maps: { summary: 'maps so far', kind: OutcomeKind.map },
  failures: { summary: 'failed maps so far', kind: OutcomeKind.mapFail },
  unmaps: { summary: 'unmaps so far', kind: OutcomeKind.unmap },
  flushes: { summary: 'flushes of a domain so far', kind: OutcomeKind.flush },
  invalidations: { summary: 'range invalidations so far', kind: OutcomeKind.sync },
  releases: { summary: 'ranges freed so far', kind: OutcomeKind.release },
  trims: { summary: 'magazines trimmed from depots so far', kind: OutcomeKind.depotTrim },
  cacheFlushes: {
    summary: 'times that all caches were emptied so far',
    kind: OutcomeKind.rcacheFlush,
  },
  giveUps: { summary: 'devices that gave up 32-bit addresses so far', kind: OutcomeKind.sacGiveUp },
};

/** The names that conditions know. */
export const CONDITION_FIELDS: readonly ConditionField[] = [
  ...Object.entries(ROW).map(([name, { summary, words }]) =>
    words === undefined ? { name, summary } : { name, summary, words },
  ),
  ...Object.entries(TOTALS).map(([name, { summary }]) => ({ name, summary })),
];

/** Looks for the first row for which the condition `until` holds; a RangeError says what is wrong in it. */
export function conditionSearch(
  until: string,
  machine: Machine,
  registry?: PolicyRegistry,
): EventSearch {
  const condition = parseCondition(until, CONDITION_FIELDS);
  const names = CONDITION_FIELDS.map(({ name }) => name).filter((name) =>
    new RegExp(`\\b${name}\\b`).test(until),
  );
  const unloaded = { ...machine, load: null };
  return (source) => {
    const rows = new RowFigures();
    for (const batch of replay(unloaded, source, null, registry)) {
      const at = rows.first(batch, condition);
      if (at >= 0) return found(batch, at, names, rows.figures);
    }
    return null;
  };
}

/** Looks for the first map that two machines answer differently: another address, or a failure of one. */
export function divergenceSearch(a: Machine, b: Machine, registry?: PolicyRegistry): EventSearch {
  return (source) => {
    const answers: number[] = [];
    for (const batch of replay({ ...a, load: null }, source, null, registry)) {
      for (let i = 0; i < batch.length; i++)
        if (isAnswer(batch, i)) answers.push(batch.id[i]!, batch.pfn[i]!);
    }
    let at = 0;
    for (const batch of replay({ ...b, load: null }, source, null, registry)) {
      for (let i = 0; i < batch.length; i++) {
        if (!isAnswer(batch, i)) continue;
        const [id, pfn] = [answers[at++], answers[at++]];
        if (id === batch.id[i] && pfn === batch.pfn[i]) continue;
        const what = `map: ${pfnText(pfn)} on the first machine, ${pfnText(batch.pfn[i]!)} on the second`;
        return { time: batch.time[i]!, line: batch.line[i]!, what };
      }
    }
    return null;
  };
}

class RowFigures {
  readonly #totals = new Float64Array(256);
  #batch: OutcomeBatch | null = null;
  #row = 0;

  readonly figures: Figures = (name) => {
    const total = TOTALS[name];
    return total === undefined ? ROW[name]!.of(this.#batch!, this.#row) : this.#totals[total.kind]!;
  };

  /** The first row of a batch for which the condition holds, -1 where it holds for none. */
  first(batch: OutcomeBatch, condition: Condition): number {
    this.#batch = batch;
    for (let i = 0; i < batch.length; i++) {
      this.#row = i;
      this.#totals[batch.kind[i]!]!++;
      if (condition(this.figures)) return i;
    }
    return -1;
  }
}

function found(
  batch: OutcomeBatch,
  i: number,
  names: readonly string[],
  figures: Figures,
): FoundEvent {
  const said = names.map((name) => `${name} ${figures(name)}`).join(', ');
  return {
    time: batch.time[i]!,
    line: batch.line[i]!,
    what: `${kinds.get(batch.kind[i]!) ?? 'row'}: ${said}`,
  };
}

function isFailure({ kind }: OutcomeBatch, i: number): boolean {
  return kind[i] === OutcomeKind.mapFail || kind[i] === OutcomeKind.retry;
}

function isAnswer({ kind }: OutcomeBatch, i: number): boolean {
  return kind[i] === OutcomeKind.map || kind[i] === OutcomeKind.mapFail;
}

function pfnText(pfn: number | undefined): string {
  return pfn === undefined ? 'nothing' : pfn < 0 ? 'a failure' : `pfn 0x${pfn.toString(16)}`;
}

function namesOf(numbers: Readonly<Record<string, number>>): Map<number, string> {
  return new Map(Object.entries(numbers).map(([name, number]) => [number, name]));
}
