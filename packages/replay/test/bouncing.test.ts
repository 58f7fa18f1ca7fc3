import { FailCause, machineFromFacts, OutcomeKind, replay } from '@dmalab/replay';
import { Direction, Flag, Op, readCapture } from '@dmalab/trace';
import { describe, expect, test } from 'vitest';
import { device, machine, type Outcome, ofKind, outcomes } from './support/outcomes.ts';
import { map, type Row, source, unmap } from './support/requests.ts';

const small = { name: 'static', parameters: { slots: 128, areas: 1 } };
const direct = device({ name: 'eth0', translated: false });

/** A machine of one directly mapped device. */
function directMachine(
  changes: Partial<typeof direct> = {},
  more: Parameters<typeof machine>[0] = {},
) {
  return machine({ bounce: small, devices: [device({}), { ...direct, ...changes }], ...more });
}

function kinds(rows: readonly Outcome[]): string[] {
  return rows.map(({ kind }) => kind);
}

test('only what lies beyond the reach of the device bounces', () => {
  const rows = outcomes(directMachine({ maskBits: 32 }), [
    map(1, 1, { phys: 0xffff_f000, size: 4096 }),
    map(2, 2, { phys: 0xffff_f800, size: 4096 }),
    unmap(1, 3),
    unmap(2, 4, { direction: Direction.fromDevice }),
  ]);
  expect(kinds(rows)).toEqual(['direct', 'bounceMap', 'direct', 'direct', 'bounceUnmap', 'direct']);
  expect(ofKind('bounceMap', rows)[0]).toMatchObject({ id: 2, pages: 2 });
});

test('everything bounces where that is forced, nothing where it is forbidden', () => {
  const far = [map(1, 1, { phys: 2 ** 33 }), map(2, 2, { phys: 4096 })];
  const forced = outcomes(directMachine({}, { swiotlb: 'force' }), far);
  expect(kinds(forced)).toEqual(['bounceMap', 'direct', 'bounceMap', 'direct']);
  const forbidden = outcomes(directMachine({ maskBits: 32 }, { swiotlb: 'noforce' }), far);
  expect(forbidden.map(({ kind, stage, cause }) => [kind, stage, cause])).toEqual([
    ['mapFail', 4, 6],
    ['direct', 0, 0],
  ]);
});

test('a list bounces segment by segment, and gives back what it had when one finds no room', () => {
  const lists = {
    length: 3,
    phys: (segment: number) => [0x1000, 2 ** 33, 2 ** 33 + 2 ** 20][segment - 1]!,
    bytes: (segment: number) => [4096, 131_072, 196_608][segment - 1]!,
  };
  const rows: Row[] = [
    map(1, 1, { phys: 0x1000, size: 135_168, segments: 2, list: 1 }),
    unmap(1, 2),
    map(2, 3, { phys: 0x1000, size: 331_776, segments: 3, list: 1 }),
    unmap(2, 4),
  ];
  const found: unknown[][] = [];
  const changed = directMachine({ maskBits: 32 });
  for (const batch of replay(changed, { ...source(rows), lists })) {
    for (let i = 0; i < batch.length; i++) {
      const { kind, id, bytes, bounceUsed, cause } = batch;
      found.push([kind[i], id[i], bytes[i], bounceUsed[i], cause[i]]);
    }
  }
  expect(found).toEqual([
    [OutcomeKind.bounceMap, 1, 131_072, 64, 0],
    [OutcomeKind.direct, 1, 135_168, 64, 0],
    [OutcomeKind.bounceUnmap, 1, 131_072, 0, 0],
    [OutcomeKind.direct, 1, 135_168, 0, 0],
    [OutcomeKind.bounceMap, 2, 131_072, 64, 0],
    // Undone without a copy.
    [OutcomeKind.bounceUnmap, 2, 0, 0, 0],
    [OutcomeKind.mapFail, 2, 331_776, 0, 10],
    [OutcomeKind.skipped, 2, 331_776, 0, 0],
  ]);
});

test('copies go out where the device may have written, and syncs both ways', () => {
  const copied = (direction: number, flags = 0): number[][] => {
    const rows: Row[] = [
      map(1, 1, { phys: 4096, direction }),
      { op: Op.sync, id: 1, time: 2, size: 100, device: 1, direction },
      { op: Op.sync, id: 1, time: 3, size: 100, device: 1, direction, flags: Flag.forDevice },
      unmap(1, 4, { direction, flags }),
    ];
    const all = outcomes(directMachine({ forceBounce: true }), rows);
    return [...ofKind('bounceSync', all), ...ofKind('bounceUnmap', all)].map(
      ({ kind, value, bytes }) => (kind === 'bounceSync' ? [value, bytes] : [bytes]),
    );
  };
  expect(copied(Direction.toDevice)).toEqual([[1, 100], [0]]);
  expect(copied(Direction.fromDevice)).toEqual([[0, 100], [4096]]);
  expect(copied(Direction.bidirectional)).toEqual([[0, 100], [1, 100], [4096]]);
  expect(copied(Direction.fromDevice, Flag.skipCpuSync)).toEqual([[0, 100], [0]]);
});

test('an untrusted device behind an IOMMU bounces what does not fill its granules', () => {
  const watched = machine({
    bounce: small,
    devices: [device({}), device({ name: 'thunderbolt', untrusted: true })],
  });
  const rows = outcomes(watched, [
    map(1, 1, { phys: 0x2000, size: 4096 }),
    map(2, 2, { phys: 0x2800, size: 4096 }),
    unmap(2, 3, { direction: Direction.fromDevice }),
    unmap(1, 4),
  ]);
  expect(kinds(rows).slice(0, 5)).toEqual(['map', 'bounceMap', 'map', 'unmap', 'bounceUnmap']);
  // The offset of 2 KiB stays, so that two granules are mapped, unless the slot begins one.
  expect(ofKind('map', rows).map(({ pages }) => pages)).toEqual([1, 1]);
});

test('a domain that goes gives the slots of its mappings back', () => {
  const watched = machine({
    bounce: small,
    devices: [device({}), device({ name: 'thunderbolt', untrusted: true })],
  });
  const gone: Row = { op: Op.domainDestroy, time: 2, domain: 1 };
  const rows = outcomes(watched, [map(1, 1, { phys: 0x2800, size: 4096 }), gone, unmap(1, 3)]);
  expect(kinds(rows)).toEqual(['bounceMap', 'map', 'domainDestroy', 'bounceUnmap', 'skipped']);
  expect(ofKind('bounceUnmap', rows)).toMatchObject([{ id: 1, bytes: 0 }]);
});

test('a confidential guest bounces everything, through 6 % of its memory', async () => {
  const capture = await readCapture('traces/swiotlb-sync-e1000/trace.txt.zst');
  const memory = 2 ** 31;
  const bounce = { name: 'static', parameters: {} };
  const { swiotlb, ...guest } = machineFromFacts(capture.facts, {
    encrypted: true,
    memory,
    bounce,
  });
  expect(swiotlb).toBe('force');
  // 6 % of 2 GiB in whole slot sets; the pool itself is rounded up to 128 MiB.
  expect(guest.bounce.parameters).toMatchObject({ slots: 62_976, areas: 0 });
  for (const { length, bounceTotal } of replay({ ...guest, swiotlb }, capture)) {
    if (length > 0) expect(bounceTotal[0]).toBe(65_536);
  }
  capture.close();
});

test('a small buffer that may share a cache line bounces on its way in', () => {
  const shared = directMachine({ kmallocAlign: 128 });
  const bounced = (size: number, direction: number): number =>
    ofKind('bounceMap', outcomes(shared, [map(1, 1, { phys: 4096, size, direction })])).length;
  expect(bounced(100, Direction.fromDevice)).toBe(0);
  expect(bounced(60, Direction.fromDevice)).toBe(1);
  expect(bounced(60, Direction.toDevice)).toBe(0);
  expect(bounced(4096, Direction.fromDevice)).toBe(0);
});

const full = [
  map(1, 0, { phys: 4096, size: 262_144 }),
  map(2, 1e6, { phys: 2 ** 20, size: 4096 }),
  unmap(1, 8e6),
  unmap(2, 60e6),
];

test('a failed map is tried again after a delay, and its unmap holds when it succeeded', () => {
  const retry = { mode: 'retry', delayMs: 3, tries: 5 } as const;
  const rows = outcomes(directMachine({ forceBounce: true }, { failedRequests: retry }), full);
  expect(
    ofKind('retry', rows).map(({ id, time, value, cause }) => [id, time, value, cause]),
  ).toEqual([
    [2, 1e6, 0, 10],
    [2, 4e6, 1, 10],
    [2, 7e6, 2, 10],
  ]);
  expect(ofKind('mapFail', rows)).toEqual([]);
  expect(ofKind('bounceMap', rows).map(({ id, time }) => [id, time])).toEqual([
    [1, 0],
    [2, 10e6],
  ]);
  expect(ofKind('bounceUnmap', rows).map(({ id, time }) => [id, time])).toEqual([
    [1, 8e6],
    [2, 60e6],
  ]);
});

test('a failed map is dropped after its last try, or when it is unmapped before', () => {
  const twice = { mode: 'retry', delayMs: 3, tries: 2 } as const;
  const given = outcomes(directMachine({ forceBounce: true }, { failedRequests: twice }), full);
  expect(ofKind('mapFail', given).map(({ id, time, value }) => [id, time, value])).toEqual([
    [2, 7e6, 2],
  ]);
  expect(ofKind('skipped', given).map(({ id }) => id)).toEqual([2]);
  const early = [...full.slice(0, 2), unmap(2, 2e6), unmap(1, 8e6)];
  const often = { ...twice, tries: 100 };
  const left = outcomes(directMachine({ forceBounce: true }, { failedRequests: often }), early);
  expect(ofKind('mapFail', left).map(({ id, time }) => [id, time])).toEqual([[2, 2e6]]);
  expect(ofKind('retry', left)).toHaveLength(1);
});

const COPYING = new Set<number>([
  OutcomeKind.bounceMap,
  OutcomeKind.bounceUnmap,
  OutcomeKind.bounceSync,
]);

test.each([
  ['swiotlb-32bit-highmem', 301, 0],
  ['swiotlb-sync-e1000', 325, 0],
  ['swiotlb-force-default', 494, 0],
  ['swiotlb-dynamic-32bit', 1507, 0],
])('%s fills its pool as the recorded machine did', async (name, hiwater, failures) => {
  const capture = await readCapture(`traces/${name}/trace.txt.zst`);
  const { facts } = capture;
  expect(facts.bounce?.after?.hiwater).toBe(hiwater);
  let highest = 0;
  let failed = 0;
  let copies = 0;
  for (const { length, kind, bounceUsed, bytes } of replay(machineFromFacts(facts), capture)) {
    for (let i = 0; i < length; i++) {
      highest = Math.max(highest, bounceUsed[i]!);
      if (kind[i] === OutcomeKind.mapFail) failed++;
      if (COPYING.has(kind[i]!) && bytes[i]! > 0) copies++;
    }
  }
  expect([highest, failed]).toEqual([hiwater, failures]);
  const recorded = capture.report.events.swiotlb_bounce;
  if (recorded !== undefined) expect(copies).toBe(recorded);
  capture.close();
});

describe('throttled bounce memory', () => {
  const throttled = { ...small.parameters, throttleHigh: 0.5, throttleLow: 0.25 };
  const crowded = directMachine(
    {},
    { swiotlb: 'force', bounce: { name: 'static', parameters: throttled } },
  );
  const TASK = 0x2e;
  // 33 buffers of two slots are more than half of 128.
  const full = Array.from({ length: 33 }, (_, i) =>
    map(i + 1, i, { phys: 2 ** 33, context: TASK }),
  );
  const some = full.slice(0, 18).map(({ id }, i) => unmap(id!, 1000 + i));

  test('a request that may sleep waits until less is in use, and lives as long as recorded', () => {
    const late = map(34, 100, { phys: 2 ** 33, context: TASK });
    const rows = outcomes(crowded, [...full, late, ...some, unmap(34, 5100)]);
    expect(ofKind('retry', rows).map(({ id, time, cause }) => [id, time, cause])).toEqual([
      [34, 100, FailCause.throttled],
    ]);
    // The 18th unmap leaves 30 slots, fewer than a quarter.
    const [served, gone] = rows.filter(({ id, kind }) => id === 34 && kind === 'direct');
    expect([served?.time, gone?.time]).toEqual([1017, 1017 + 5000]);
    expect(ofKind('mapFail', rows)).toEqual([]);
  });

  test('its unmap may come while it sleeps', () => {
    const late = map(34, 100, { phys: 2 ** 33, context: TASK });
    const rows = outcomes(crowded, [...full, late, unmap(34, 400), ...some]);
    const times = rows.filter(({ id, kind }) => id === 34 && kind === 'direct');
    expect(times.map(({ time }) => time)).toEqual([1017, 1317]);
  });

  test('who must not sleep is served at once, and what sleeps to the end has failed', () => {
    const now = map(34, 100, { phys: 2 ** 33 });
    const later = map(35, 101, { phys: 2 ** 33, context: TASK });
    const rows = outcomes(crowded, [...full, now, later]);
    expect(ofKind('direct', rows).at(-1)?.id).toBe(34);
    expect(ofKind('mapFail', rows).map(({ id, cause }) => [id, cause])).toEqual([
      [35, FailCause.throttled],
    ]);
  });

  test('the share to go on at is not above the share to wait at', () => {
    const parameters = { ...throttled, throttleLow: 0.6 };
    const wrong = directMachine({}, { bounce: { name: 'static', parameters } });
    expect(() => outcomes(wrong, [])).toThrow('throttleLow: got 0.6, expected more than 0');
  });
});
