// Tables of a report on the state of allocators and pools whenever the replay was looked at.

import type { FreeSpaceState } from '../figures/addresses.ts';
import { formatBytes, formatCount, formatDuration } from '../quantity.ts';
import type { Summary } from '../summary.ts';
import type { DetailTable } from './details.ts';
import { rate } from './group-tables.ts';

/** Free address space of each domain. */
export function freeSpace({ domains: all }: Summary): DetailTable {
  const rows = all.flatMap(({ token, freeSpace: space }) => {
    if (space === null) return [];
    const { mostFragmented, firstFailure, end } = space;
    return [
      freeSpaceRow(token, 'most fragmented', mostFragmented),
      ...(firstFailure === null ? [] : [freeSpaceRow(token, 'first failure', firstFailure)]),
      freeSpaceRow(token, 'end', end),
    ];
  });
  const head = [
    'domain',
    'look',
    'at',
    'free',
    'gaps',
    'largest',
    'F',
    'no use to 32 pages',
    'largest above',
  ];
  return {
    caption: 'Free address space below 4 GiB, and the largest gap above',
    rows: [head, ...rows],
  };
}

function freeSpaceRow(
  token: string,
  look: string,
  { at, below4G, above4G }: FreeSpaceState,
): string[] {
  return [
    token,
    look,
    formatDuration(at),
    formatBytes(below4G.freeBytes),
    formatCount(below4G.gaps),
    formatBytes(below4G.largestGapBytes),
    rate(below4G.fragmentation),
    rate(below4G.alignmentWaste.find(({ pages }) => pages === 32)?.share ?? null),
    formatBytes(above4G.largestGapBytes),
  ];
}

/** Free runs of bounce memory. */
export function freeRuns({ bounce }: Summary): DetailTable {
  const runs = bounce?.freeRuns ?? null;
  const caption = 'Runs of free slots by their length';
  if (runs === null) return { caption, rows: [] };
  const looks = [
    ['fullest', runs.fullest],
    ...(runs.firstFailure === null ? [] : [['first failure', runs.firstFailure] as const]),
    ['end', runs.end],
  ] as const;
  const lengths = runs.end.runs.map(({ slots, upTo }) =>
    slots === upTo ? `${slots}` : `${slots}-${upTo}`,
  );
  const rows = looks.map(([look, state]) => [
    look,
    formatDuration(state.at),
    formatCount(state.freeSlots),
    ...state.runs.map(({ count }) => formatCount(count)),
  ]);
  return { caption, rows: [['look', 'at', 'free slots', ...lengths], ...rows] };
}

/** Hits of the caches by limit. */
export function cacheLimits({ rcache: { limits } }: Summary): DetailTable {
  const rows = limits
    .filter(({ requests }) => requests > 0)
    .map(({ limit, requests, hits, hitRate }) => [
      limit === 'low32' ? '32 bits' : 'beyond',
      formatCount(requests),
      formatCount(hits),
      rate(hitRate),
    ]);
  const head = ['limit', 'requests', 'hits', 'hit rate'];
  return {
    caption: 'Caches by the limit of the request',
    rows: rows.length < 2 ? [] : [head, ...rows],
  };
}

/** Cached ranges by place and age. */
export function cachedAges({ rcache: { cached } }: Summary): DetailTable {
  const caption = 'Cached ranges by the time since they were freed';
  if (cached === null || cached.most.ranges === 0) return { caption, rows: [] };
  const bounds = cached.end.ages.map(({ below }, k, all) =>
    below === null
      ? `${formatDuration(all[k - 1]?.below ?? 0)} and older`
      : `< ${formatDuration(below)}`,
  );
  const looks = [
    ['most', cached.most],
    ['end', cached.end],
  ] as const;
  const rows = looks.map(([look, state]) => [
    look,
    formatDuration(state.at),
    formatCount(state.cpuRanges),
    formatCount(state.depotRanges),
    ...state.ages.map(({ ranges }) => formatCount(ranges)),
  ]);
  return { caption, rows: [['look', 'at', 'at CPUs', 'in depots', ...bounds], ...rows] };
}
