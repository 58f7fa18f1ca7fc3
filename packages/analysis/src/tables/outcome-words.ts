// Words for the numbers in the columns path, stage and cause of an outcome: what they mean depends on the kind of row.

import {
  AllocPath,
  BounceEvent,
  BounceSource,
  FailCause,
  FailStage,
  FlushCause,
  HostAnswer,
  OutcomeKind,
  QueueKind,
  Reach,
  RefreshScope,
} from '@dmalab/replay';

/** Words by number; a number without one has no entry. */
type Words = readonly (string | undefined)[];

/** Names of the kinds of row. */
export const KIND_WORDS: Words = wordsOf(OutcomeKind);

const PATHS = wordsOf(AllocPath);
const STAGES = wordsOf(FailStage);
const CAUSES = wordsOf(FailCause);
const REACHES = wordsOf(Reach);

/** Words of the columns path, stage and cause for each kind of row that has any. */
const WORDS: readonly ({ path?: Words; stage?: Words; cause?: Words } | undefined)[] = byKind([
  [OutcomeKind.map, { path: PATHS, cause: CAUSES.with(FailCause.none, '') }],
  [OutcomeKind.mapFail, { stage: STAGES, cause: CAUSES }],
  [OutcomeKind.retry, { stage: STAGES, cause: CAUSES }],
  [OutcomeKind.flush, { cause: wordsOf(FlushCause) }],
  [OutcomeKind.typeSwitch, { path: wordsOf(QueueKind), cause: wordsOf(QueueKind) }],
  [OutcomeKind.bounceMap, { path: wordsOf(BounceSource) }],
  [OutcomeKind.bounceEvent, { path: wordsOf(BounceEvent) }],
  [OutcomeKind.hostRefresh, { path: wordsOf(RefreshScope), stage: wordsOf(HostAnswer) }],
  [OutcomeKind.hostReclaim, { cause: CAUSES }],
]);

/** The word for a number in one of the columns, on a row of `kind`; empty where the column says nothing. */
export function outcomeWord(
  kind: number,
  column: 'path' | 'stage' | 'cause',
  value: number,
): string {
  return WORDS[kind]?.[column]?.[value] ?? '';
}

/** The word for a number in the column reach; empty where no address was asked for. */
export function reachWord(value: number): string {
  return value === Reach.none ? '' : (REACHES[value] ?? '');
}

function wordsOf(constants: Readonly<Record<string, number>>): Words {
  const words: (string | undefined)[] = [];
  for (const [name, value] of Object.entries(constants)) words[value] = name;
  return words;
}

function byKind<T>(entries: readonly (readonly [kind: number, words: T])[]): (T | undefined)[] {
  const list: (T | undefined)[] = [];
  for (const [kind, words] of entries) list[kind] = words;
  return list;
}
