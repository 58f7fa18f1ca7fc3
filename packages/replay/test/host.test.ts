import {
  completeChoice,
  FailStage,
  FlushCause,
  HostAnswer,
  type HostResources,
  hostPolicy,
  machineFromFacts,
  OutcomeKind,
  policyKit,
  RefreshScope,
  replay,
  SharedPinBudget,
} from '@dmalab/replay';
import { readCapture } from '@dmalab/trace';
import { expect, test } from 'vitest';
import { domain, machine, ofKind, outcomes } from './support/outcomes.ts';
import { PageWalkHost } from './support/page-walk-host.ts';
import { map, type Row, source, unmap } from './support/requests.ts';

const never = { name: 'single', parameters: { timeoutMs: 1_000_000, size: 1024, timerCpu: -1 } };

function host(name: string, parameters: Record<string, number | string>) {
  return { host: { name, parameters }, flush: never };
}

/** Refreshes as "scope answer gained". */
function refreshes(rows: readonly Row[], changes: Parameters<typeof machine>[0]): string[] {
  const scopes = Object.keys(RefreshScope);
  const answers = Object.keys(HostAnswer);
  const found: string[] = [];
  for (const batch of replay(machine(changes), source(rows))) {
    for (let i = 0; i < batch.length; i++) {
      if (batch.kind[i] !== OutcomeKind.hostRefresh) continue;
      found.push(`${scopes[batch.path[i]!]} ${answers[batch.stage[i]!]} ${batch.value[i]}`);
    }
  }
  return found;
}

const lastEntry = [map(1, 1), map(2, 2), map(3, 3), unmap(1, 4), unmap(2, 5), map(4, 6)];

test('an adaptive queue that reads the room of the host flushes before the host runs out', () => {
  const lazy = { name: 'adaptive', parameters: { budget: 0 } };
  const answers = refreshes(lastEntry, { ...host('vfio', { entries: 5 }), flush: lazy });
  // After two unmaps two entries are free and two wait: half of the four, and the queue is flushed.
  expect(answers.filter((answer) => !/ ok /.test(answer))).toEqual([]);
  expect(answers).toContain('global ok -2');
});

test('the map that takes the last entry is refused, and cured by a refresh of the whole aperture', () => {
  const final = host('vfio', { entries: 4 });
  expect(refreshes(lastEntry, final)).toEqual([
    'map ok 1',
    'map ok 1',
    'map ok 1',
    'map outOfEntries 1',
    'global ok -2',
    // The queue runs out when the trace is over.
    'global ok 0',
  ]);
  const rows = outcomes(machine(final), lastEntry);
  expect(ofKind('mapFail', rows)).toEqual([]);
  const [cured] = ofKind('hostReclaim', rows);
  expect([cured?.id, cured?.value]).toEqual([4, 2]);
  // The queue did not hear of that refresh: both addresses still wait.
  expect(ofKind('map', rows).at(-1)?.queued).toBe(2);
});

test('v2 of the series runs the queue instead, and its addresses are free', () => {
  const v2 = host('vfio', { entries: 4, outOfResource: 'flushQueue' });
  const rows = outcomes(machine(v2), lastEntry);
  expect(ofKind('mapFail', rows)).toEqual([]);
  expect(ofKind('flush', rows).map(({ id, value, cause }) => [id, value, cause])).toEqual([
    [0, 2, 2],
  ]);
  expect(ofKind('map', rows).at(-1)?.queued).toBe(0);
});

test('without an answer to out of resource the map fails and its address is free at once', () => {
  const changes = host('vfio', { entries: 4, outOfResource: 'fail' });
  const rows = outcomes(machine(changes), [...lastEntry, map(5, 7)]);
  const failed = ofKind('mapFail', rows);
  expect(failed.map(({ id, stage, cause }) => [id, stage, cause])).toEqual([
    [4, 3, 3],
    [5, 3, 3],
  ]);
  expect(refreshes(lastEntry, changes).slice(3, 5)).toEqual(['map outOfEntries 1', 'undo ok -1']);
});

test('strict unmapping never meets the limit that lazy unmapping runs into', () => {
  const rows: Row[] = [];
  for (let id = 1; id <= 40; id++) rows.push(map(id, 2 * id), unmap(id, 2 * id + 1));
  const limit = { name: 'vfio', parameters: { entries: 8, outOfResource: 'fail' } };
  const strict = { host: limit, flush: { name: 'strict', parameters: {} } };
  expect(ofKind('mapFail', outcomes(machine(strict), rows))).toEqual([]);
  expect(ofKind('mapFail', outcomes(machine({ host: limit }), rows)).length).toBeGreaterThan(30);
  expect(ofKind('mapFail', outcomes(machine({ host: limit, tlbRefresh: false }), rows))).toEqual(
    [],
  );
});

test('a page that cannot be pinned fails the map, the last pinned one does not', () => {
  const changes = host('pinned', { pages: 3 });
  const rows = outcomes(machine(changes), [map(1, 1), map(2, 2), map(3, 3), map(4, 4)]);
  expect(ofKind('map', rows)).toHaveLength(3);
  expect(ofKind('mapFail', rows).map(({ stage, cause }) => [stage, cause])).toEqual([[3, 4]]);
});

test('behind a restricted aperture addresses run out before the host does', async () => {
  const capture = await readCapture('traces/nvme-lazy-randread/trace.txt.zst');
  const made = machineFromFacts(capture.facts, {
    sac: 'off',
    host: { name: 'aperture', parameters: { entries: 600 } },
  });
  expect(made.domains[1]?.apertureEnd).toBe(4096 + 600 * 4096 - 1);
  let most = 0;
  const failed: Record<number, number> = {};
  for (const { length, kind, stage, hostEntries } of replay(made, capture)) {
    for (let i = 0; i < length; i++) {
      most = Math.max(most, hostEntries[i]!);
      if (kind[i] !== OutcomeKind.mapFail) continue;
      failed[stage[i]!] = (failed[stage[i]!] ?? 0) + 1;
    }
  }
  expect(most).toBeLessThanOrEqual(600);
  expect(failed[FailStage.iova]).toBeGreaterThan(0);
  expect(failed[FailStage.syncMap]).toBeUndefined();
  capture.close();
});

test('the old s390 allocator frees what it held back when the host asks for a flush', () => {
  const old = {
    allocator: { name: 's390-bitmap', parameters: { aperturePages: 64, startPfn: 1 } },
    flush: { name: 'deferred', parameters: {} },
    host: { name: 'vfio', parameters: { entries: 4, outOfResource: 's390Legacy' } },
    sac: 'off' as const,
  };
  const rows = outcomes(machine(old), lastEntry);
  expect(ofKind('mapFail', rows)).toEqual([]);
  expect(ofKind('map', rows).map(({ pfn }) => pfn)).toEqual([1, 2, 3, 4]);
  expect(ofKind('flush', rows).map(({ cause }) => cause)).toEqual([FlushCause.host]);
  const [cured] = ofKind('hostReclaim', rows);
  expect([cured?.id, cured?.value]).toEqual([4, 2]);
  // In strict mode nothing is held back, and no flush would help.
  const strict = {
    ...old,
    allocator: {
      ...old.allocator,
      parameters: { ...old.allocator.parameters, unmapMode: 'strict' },
    },
    flush: { name: 'strict', parameters: {} },
  };
  const full = [map(1, 1), map(2, 2), map(3, 3), map(4, 4)];
  expect(ofKind('mapFail', outcomes(machine(strict), full)).map(({ id }) => id)).toEqual([4]);
});

test('a domain that goes takes its entries with it', () => {
  const changes = { ...host('vfio', { entries: 4 }), domains: [domain(), domain()] };
  const rows: Row[] = [map(1, 1), map(2, 2), unmap(2, 3), map(3, 4)];
  const destroyed: Row[] = [{ op: 17, domain: 1, time: 5 }, map(4, 6), map(5, 7), map(6, 8)];
  const failed = ofKind('mapFail', outcomes(machine(changes), [...rows, ...destroyed]));
  expect(failed).toEqual([]);
});

test('counting entries is the same as walking the pages', () => {
  let refused = 0;
  for (let seed = 1; seed <= 60; seed++) refused += compareWithWalk(seed);
  expect(refused).toBeGreaterThan(500);
});

/** Random maps, unmaps and refreshes of two domains in 40 pages; the refusals. */
function compareWithWalk(seed: number): number {
  const random = generator(seed);
  const entries = random(3) === 0 ? 0 : 4 + random(20);
  const pages = entries === 0 || random(2) === 0 ? 4 + random(20) : 0;
  const { parameters } = completeChoice('host', { name: 'vfio', parameters: { entries, pages } });
  const budget = new SharedPinBudget(pages);
  const made = hostPolicy('vfio').create(parameters, { kit: policyKit, pinBudget: () => budget });
  if (made === null) throw new Error('vfio has limits');
  const walk = new PageWalkHost(entries || Infinity, pages || Infinity);
  const live: { domain: number; first: number; pages: number }[] = [];
  const stale: typeof live = [];
  let refused = 0;
  for (let step = 0; step < 400; step++) {
    const domain = random(2);
    switch (random(5)) {
      case 0:
      case 1: {
        const range = freeRange(domain, 1 + random(4), [...live, ...stale], random);
        if (range === null) break;
        walk.set(domain, range.first, range.pages, true);
        let expected = walk.refresh(domain, range.first, range.pages);
        expect(made.refreshMapped(domain, range.pages)).toBe(expected);
        if (expected !== HostAnswer.ok) {
          refused++;
          expected = walk.refresh(domain, 0, 40);
          expect(made.refreshAll(domain)).toBe(expected);
          removeAll(stale, (old) => old.domain === domain);
        }
        if (expected === HostAnswer.ok) live.push(range);
        else {
          walk.set(domain, range.first, range.pages, false);
          walk.refresh(domain, range.first, range.pages);
          made.undo(domain, range.pages);
        }
        break;
      }
      case 2: {
        const [range] = live.splice(random(live.length), 1);
        if (!range) break;
        walk.set(range.domain, range.first, range.pages, false);
        made.unmapped(range.domain, range.pages);
        stale.push(range);
        break;
      }
      case 3: {
        const [range] = stale.splice(random(stale.length), 1);
        if (!range) break;
        walk.refresh(range.domain, range.first, range.pages);
        made.refreshUnmapped(range.domain, range.pages);
        break;
      }
      case 4:
        expect(made.refreshAll(domain)).toBe(walk.refresh(domain, 0, 40));
        removeAll(stale, (old) => old.domain === domain);
    }
    checkCounts(made, walk, budget, live, stale);
  }
  return refused;
}

// Entries = live pages + lazily unmapped pages that no refresh has covered.
function checkCounts(
  made: HostResources,
  walk: PageWalkHost,
  budget: SharedPinBudget,
  live: readonly { pages: number }[],
  stale: readonly { pages: number }[],
): void {
  const sum = (ranges: readonly { pages: number }[]): number =>
    ranges.reduce((total, range) => total + range.pages, 0);
  expect(made.entries).toBe(walk.entries);
  expect(made.staleEntries).toBe(walk.stale());
  expect(made.entries).toBe(sum(live) + sum(stale));
  expect(budget.used).toBe(made.entries);
}

function freeRange(
  domain: number,
  pages: number,
  taken: readonly { domain: number; first: number; pages: number }[],
  random: (below: number) => number,
) {
  const first = random(40 - pages);
  const overlaps = taken.some(
    (other) =>
      other.domain === domain && other.first < first + pages && first < other.first + other.pages,
  );
  return overlaps ? null : { domain, first, pages };
}

function removeAll<T>(list: T[], matches: (item: T) => boolean): void {
  for (let i = list.length - 1; i >= 0; i--) if (matches(list[i]!)) list.splice(i, 1);
}

/** Whole numbers below a bound, the same ones for the same seed. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return below === 0 ? 0 : Math.floor((state / 2 ** 32) * below);
  };
}
