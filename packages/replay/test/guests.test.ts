import {
  type Guest,
  OutcomeKind,
  PLAIN_MACHINE,
  replay,
  replayGuests,
  SharedPinBudget,
} from '@dmalab/replay';
import { readCapture } from '@dmalab/trace';
import { expect, test } from 'vitest';
import { machine } from './support/outcomes.ts';
import { map, type Row, source, unmap } from './support/requests.ts';

const kindNames = Object.keys(OutcomeKind);
const kindNumbers: number[] = Object.values(OutcomeKind);

const pinned = { name: 'pinned', parameters: { pages: 1 } };
const strict = { name: 'strict', parameters: {} };
const lazy = { name: 'single', parameters: { timeoutMs: 1000 } };

function guest(
  rows: readonly Row[],
  offset: number,
  changes: Parameters<typeof machine>[0] = {},
): Guest {
  return { machine: machine({ host: pinned, ...changes }), source: source(rows), offset };
}

/** Rows as "guest kind id time", and undone maps with what blocked them. */
function together(guests: readonly Guest[], pages: number): string[] {
  const found: string[] = [];
  for (const { guest, batch } of replayGuests(guests, new SharedPinBudget(pages))) {
    for (let i = 0; i < batch.length; i++) {
      const kind = kindNames[kindNumbers.indexOf(batch.kind[i]!)]!;
      if (/^(map|mapFail|hostReclaim)$/.test(kind)) {
        found.push(`${guest} ${kind} ${batch.id[i]} ${batch.time[i]}`);
      }
      const isUndo = batch.kind[i] === OutcomeKind.hostRefresh && batch.path[i] === 3;
      if (isUndo) found.push(`${guest} undone, blocked ${batch.cause[i]}`);
    }
  }
  return found;
}

const rows = [map(1, 0), unmap(1, 100), map(2, 200), unmap(2, 300)];

test('a guest cures with its own unmapped pages, but not with those of another', () => {
  const guests = [guest(rows, 0, { flush: lazy }), guest([map(1, 0)], 250, { flush: lazy })];
  expect(together(guests, 1)).toEqual([
    '0 map 1 0',
    '0 hostReclaim 2 200',
    '0 map 2 200',
    '1 undone, blocked 0',
    '1 mapFail 1 250',
  ]);
  const late = [guest(rows, 0, { flush: lazy }), guest([map(1, 0)], 350, { flush: lazy })];
  expect(together(late, 1).slice(-2)).toEqual(['1 undone, blocked 1', '1 mapFail 1 350']);
  const kind = [guest(rows, 0, { flush: strict }), guest([map(1, 0)], 350, { flush: strict })];
  expect(together(kind, 1).at(-1)).toBe('1 map 1 350');
});

test('a bare-metal guest takes nothing from the others', () => {
  const bare = { tlbRefresh: false, flush: lazy };
  const guests = [guest(rows, 0, bare), guest([map(1, 0)], 350, { flush: lazy })];
  expect(together(guests, 1).filter((row) => row.includes('Fail'))).toEqual([]);
});

test('who blocked whom is counted, and the peak of all together', () => {
  const budget = new SharedPinBudget(2);
  const guests = [
    guest([map(1, 0), map(2, 1), unmap(1, 2), unmap(2, 3)], 0, { flush: lazy }),
    guest([map(1, 0), map(2, 1)], 10, { flush: lazy }),
  ];
  for (const _ of replayGuests(guests, budget));
  expect([budget.blockedBy(1, 0), budget.blockedBy(0, 1), budget.peak]).toEqual([2, 0, 2]);
});

test('guests that share nothing are replayed as if each were alone', async () => {
  const names = ['nvme-lazy-randread', 'net-e1000-32bit'];
  const captures = await Promise.all(
    names.map((name) => readCapture(`traces/${name}/trace.txt.zst`)),
  );
  const guests = captures.map(({ facts, ...capture }) => ({
    machine: {
      ...PLAIN_MACHINE,
      cpus: facts.cpus.value,
      devices: facts.devices.map(() => machine().devices[1]!),
      domains: facts.domains.map(() => machine().domains[1]!),
    },
    source: capture,
    offset: 0,
  }));
  const digests = guests.map(({ machine, source }) => {
    let sum = 0;
    for (const batch of replay(machine, source)) sum = digest(batch, sum);
    return sum;
  });
  const shared = guests.map(() => 0);
  for (const { guest, batch } of replayGuests(guests, null)) {
    shared[guest] = digest(batch, shared[guest]!);
  }
  expect(shared).toEqual(digests);
  for (const capture of captures) capture.close();
});

function digest(
  batch: { length: number; kind: Uint8Array; pfn: Float64Array; time: Float64Array },
  sum: number,
): number {
  let next = sum;
  for (let i = 0; i < batch.length; i++) {
    next = (next * 31 + batch.kind[i]! + batch.pfn[i]! + batch.time[i]!) % 0xffff_fffb;
  }
  return next;
}
