import { FlushCause } from '@dmalab/replay';
import { Flag, Op } from '@dmalab/trace';
import { expect, test } from 'vitest';
import { device, domain, machine, ofKind, outcomes } from './support/outcomes.ts';
import { map, unmap } from './support/requests.ts';

const MS = 1e6;
const percpu = (size: number, timeoutMs: number) => ({
  name: 'percpu',
  parameters: { size, timeoutMs },
});

test('a ring of four releases three ranges when it is full and the last one by its timer', () => {
  const rows = outcomes(machine({ flush: percpu(4, 10) }), [
    map(1, 0),
    map(2, 0),
    map(3, 0),
    map(4, 0),
    unmap(1, 0),
    unmap(2, 1 * MS),
    unmap(3, 2 * MS),
    unmap(4, 3 * MS),
  ]);
  const flushes = ofKind('flush', rows);
  expect(flushes.map((row) => [row.time / MS, row.cause, row.value])).toEqual([
    [3, FlushCause.full, 3],
    [10, FlushCause.timeout, 1],
  ]);
  const windows = ofKind('release', rows).map((row) => [row.id, row.value / MS]);
  expect(windows).toEqual([
    [1, 3],
    [2, 2],
    [3, 1],
    [4, 7],
  ]);
  expect(ofKind('unmap', rows).map((row) => row.queued)).toEqual([1, 2, 3, 1]);
});

test('strict: an unmap, its invalidation and its release, nothing waits', () => {
  const rows = outcomes(machine({ domains: [domain(), domain({ type: 'DMA' })] }), [
    map(1, 0),
    unmap(1, 5),
    map(2, 7),
  ]);
  expect(rows.map((row) => [row.kind, row.time, row.id, row.value, row.live])).toEqual([
    ['map', 0, 1, 0, 1],
    ['unmap', 5, 1, 5, 0],
    ['sync', 5, 0, 0, 0],
    ['release', 5, 1, 0, 0],
    ['map', 7, 2, 0, 1],
  ]);
  expect(rows.every((row) => row.queued === 0)).toBe(true);
  expect(rows[0]!.pfn).toBe(1048575);
  expect(rows[4]!.pfn).toBe(1048575);
});

test('a lazy range is not used again before its flush', () => {
  const rows = outcomes(machine(), [map(1, 0), unmap(1, 5), map(2, 7), map(3, 11 * MS)]);
  expect(ofKind('map', rows).map((row) => row.pfn)).toEqual([1048575, 1048574, 1048575]);
});

test('the flush policy of the user rules every domain, whatever its type', () => {
  const domains = [domain(), domain({ type: 'DMA' })];
  const rows = outcomes(machine({ domains, flush: { name: 'single', parameters: {} } }), [
    map(1, 0),
    unmap(1, 5),
    { op: Op.typeSwitch, domain: 1, time: 6 },
  ]);
  expect(rows.map((row) => row.kind)).toEqual(['map', 'unmap', 'typeSwitch', 'flush', 'release']);
  expect(rows[3]!.time).toBe(5 + 1000 * MS);
});

test('as recorded, a domain becomes lazy at its type switch', () => {
  const rows = outcomes(machine({ domains: [domain(), domain({ type: 'DMA' })] }), [
    map(1, 0),
    map(2, 0),
    unmap(1, 5),
    { op: Op.typeSwitch, domain: 1, time: 6 },
    unmap(2, 7),
  ]);
  expect(ofKind('release', rows).map((row) => [row.id, row.value])).toEqual([
    [1, 0],
    [2, 10 * MS],
  ]);
});

test('a buffer that touches two granules takes two pages', () => {
  const rows = outcomes(machine(), [map(1, 0, { size: 200, phys: 0x12fc0 })]);
  expect(rows[0]!.pages).toBe(2);
  expect(rows[0]!.pfn).toBe(1048574);
});

test('a derived size is whole already, and coherent memory begins at a page', () => {
  const rows = outcomes(machine(), [
    map(1, 0, { size: 8192, phys: 0x800, flags: Flag.sizeDerived }),
    map(2, 0, { size: 4096, phys: 0x800, op: Op.alloc } as object),
  ]);
  expect(rows.map((row) => row.pages)).toEqual([2, 1]);
});

test('a recorded failure is held for its time, then unmapped by nobody', () => {
  const rows = outcomes(machine({ domains: [domain(), domain({ type: 'DMA' })] }), [
    map(1, 0, { flags: Flag.failed, hold: 300, cpu: 1 }),
    map(2, 0, { flags: Flag.failed | Flag.superseded, hold: 300 }),
    map(3, 0, { flags: Flag.failed, hold: 0 }),
    map(4, 1000),
  ]);
  expect(rows.map((row) => [row.kind, row.id, row.time])).toEqual([
    ['map', 1, 0],
    ['skipped', 2, 0],
    ['skipped', 3, 0],
    ['unmap', 1, 300],
    ['sync', 0, 300],
    ['release', 1, 300],
    ['map', 4, 1000],
  ]);
  expect(rows[3]!.flags & Flag.synthetic).toBe(Flag.synthetic);
  expect(rows[3]!.cpu).toBe(1);
  expect(rows[3]!.device).toBe(1);
});

test('recorded failures can be dropped', () => {
  const rows = outcomes(machine({ recordedFailures: 'drop' }), [
    map(1, 0, { flags: Flag.failed, hold: 300 }),
  ]);
  expect(rows.map((row) => row.kind)).toEqual(['skipped']);
});

test('mappings from before the trace are in their place, and their lifetime is unknown', () => {
  const rows = outcomes(
    machine(),
    [map(2, 0), unmap(1, 5)],
    [map(1, 0, { address: 0xfffff000, flags: Flag.openStart })],
  );
  expect(rows.map((row) => [row.kind, row.pfn, row.value]).slice(0, 3)).toEqual([
    ['openStart', 1048575, 0],
    ['map', 1048574, 0],
    ['unmap', 1048575, -1],
  ]);
});

test('a mapping from before the trace without a size is one page', () => {
  const rows = outcomes(
    machine(),
    [unmap(1, 5)],
    [map(1, 0, { address: 0xfffff000, size: 0, flags: Flag.openStart })],
  );
  expect(rows.map((row) => [row.kind, row.pages]).slice(0, 2)).toEqual([
    ['openStart', 1],
    ['unmap', 1],
  ]);
});

test('of two open starts at one address the second is left out and its unmap skipped', () => {
  const rows = outcomes(
    machine(),
    [unmap(1, 1), unmap(2, 2)],
    [map(1, 0, { address: 0x5000 }), map(2, 0, { address: 0x5000 })],
  );
  expect(rows.map((row) => [row.kind, row.value]).slice(0, 4)).toEqual([
    ['openStart', 0],
    ['openStart', 1],
    ['unmap', -1],
    ['skipped', 0],
  ]);
});

test('a failed map is a row with stage and cause, and its unmap is skipped', () => {
  const full = domain({ startPfn: 0xfffff });
  const rows = outcomes(
    machine({ domains: [full, full], devices: [device({}), device({ maskBits: 32 })] }),
    [map(1, 0), map(2, 1), unmap(2, 2)],
  );
  expect(rows.map((row) => [row.kind, row.stage, row.cause, row.live])).toEqual([
    ['map', 0, 0, 1],
    // max32: the search after the flush of the caches is answered by the one before it.
    ['mapFail', 1, 1, 1],
    ['skipped', 0, 0, 1],
  ]);
});

test('a sticky device leaves 32-bit addresses once and for good, an always one tries each time', () => {
  const full = domain({ startPfn: 0xfffff });
  const requests = [
    map(1, 0),
    map(2, 1),
    unmap(1, 2),
    map(3, 3), // the 32-bit range is free again
  ];
  const domains = [full, { ...full, type: 'DMA' as const }];
  const sticky = outcomes(machine({ domains }), requests);
  expect(sticky.map((row) => row.kind)).toContain('sacGiveUp');
  // The cached 32-bit range is good for a 64-bit request too, so look at the next one.
  const always = outcomes(machine({ domains, sac: 'always' }), requests);
  expect(always.map((row) => row.kind)).not.toContain('sacGiveUp');
  const off = outcomes(machine({ domains, sac: 'off' }), requests);
  expect(ofKind('map', off)[0]!.pfn).toBe(2 ** 52 - 1);
});

test('devices without a recorded domain get one each', () => {
  const devices = [device({}), device({ name: 'a' }), device({ name: 'b' })];
  const rows = outcomes(machine({ devices }), [
    map(1, 0, { device: 1, domain: 0 }),
    map(2, 0, { device: 2, domain: 0 }),
    map(3, 0, { device: 1, domain: 0 }),
  ]);
  expect(rows.map((row) => [row.domain, row.pfn])).toEqual([
    [3, 1048575],
    [4, 1048575],
    [3, 1048574],
  ]);
});

test('a device that is not translated needs no range', () => {
  const devices = [device({}), device({ translated: false })];
  const rows = outcomes(machine({ devices }), [map(1, 0), unmap(1, 1)]);
  expect(rows.map((row) => row.kind)).toEqual(['direct', 'direct']);
});

test('a workload that was mapped directly can be put behind an IOMMU', () => {
  const devices = [device({}), device({ translated: true })];
  const rows = outcomes(machine({ devices }), [map(1, 0, { domain: 0, flags: Flag.direct })]);
  expect(rows.map((row) => [row.kind, row.pfn])).toEqual([['map', 1048575]]);
});

test('a destroyed domain takes its queue and its timer with it', () => {
  const rows = outcomes(machine(), [
    { op: Op.domainCreate, domain: 1, time: 0 },
    map(1, 1),
    map(2, 1),
    unmap(1, 2),
    { op: Op.domainDestroy, domain: 1, time: 3 },
    unmap(2, 4),
    { op: Op.domainCreate, domain: 1, time: 5 },
    map(3, 20 * MS),
  ]);
  expect(rows.map((row) => row.kind)).toEqual([
    'domainCreate',
    'map',
    'map',
    'unmap',
    'domainDestroy',
    'skipped',
    'domainCreate',
    'map',
  ]);
  expect(rows.at(-1)!.pfn).toBe(1048575);
});

test('a recorded CPU that the machine does not have takes no other one offline', () => {
  const rows = outcomes(machine({ cpus: 2 }), [
    map(1, 0, { cpu: 3 }),
    { op: Op.cpuDown, cpu: 3, time: 1 },
    { op: Op.cpuUp, cpu: 3, time: 2 },
    { op: Op.cpuDown, cpu: 1, time: 3 },
  ]);
  expect(rows.map((row) => [row.kind, row.cpu])).toEqual([
    ['map', 1],
    ['cpuDown', 1],
  ]);
});

test('a CPU that goes offline returns its caches, and its queue waits for the timer', () => {
  const rows = outcomes(machine({ domains: [domain(), domain({ type: 'DMA' })] }), [
    map(1, 0, { cpu: 1 }),
    unmap(1, 1, { cpu: 1 }),
    { op: Op.cpuDown, cpu: 1, time: 2 },
    { op: Op.cpuDown, cpu: 1, time: 3 },
    { op: Op.cpuUp, cpu: 1, time: 4 },
    map(2, 5, { cpu: 0 }),
  ]);
  expect(rows.map((row) => row.kind).slice(4)).toEqual(['cpuDown', 'cpuUp', 'map']);
  expect(rows.at(-1)!.pfn).toBe(1048575);
});

test('what an offline CPU queued waits for the timer, which another CPU runs', () => {
  const rows = outcomes(machine(), [
    map(1, 0, { cpu: 1 }),
    unmap(1, 1, { cpu: 1 }),
    { op: Op.cpuDown, cpu: 1, time: 2 },
    map(2, 3, { cpu: 0 }),
    map(3, 11 * MS, { cpu: 0 }),
  ]);
  expect(rows.map((row) => [row.kind, row.cpu, row.pfn]).slice(3)).toEqual([
    ['map', 0, 1048574],
    ['flush', 0, -1],
    ['release', 0, 1048575],
    ['map', 0, 1048575],
  ]);
});

test('lost events are told', () => {
  const rows = outcomes(machine(), [{ op: Op.loss, cpu: 1, size: 37, time: 9 }]);
  expect(rows.map((row) => [row.kind, row.cpu, row.value])).toEqual([['loss', 1, 37]]);
});

test('costs are those of the cost model', () => {
  const rows = outcomes(machine({ domains: [domain(), domain({ type: 'DMA' })] }), [
    map(1, 0),
    unmap(1, 1),
    map(2, 2),
  ]);
  // A tree search of one step and an insert; a page-table entry each; cache put and get.
  expect(rows.map((row) => [row.kind, row.cost])).toEqual([
    ['map', 300 + 10 + 300 + 50],
    ['unmap', 50],
    ['sync', 700],
    ['release', 50],
    ['map', 50 + 50],
  ]);
});

test('rows that span batches come out once each', () => {
  const requests = [];
  for (let id = 1; id <= 32_767; id++) requests.push(map(id, id));
  for (let id = 1; id <= 32_767; id++) requests.push(unmap(id, 40_000 + id));
  const rows = outcomes(machine({ flush: { name: 'single', parameters: {} } }), requests);
  expect(rows.length).toBe(3 * 32_767 + 1);
  expect(ofKind('flush', rows).map((row) => row.value)).toEqual([32_767]);
});

test('a domain costs what its own devices cost, however many the machine has', () => {
  const count = 20_000;
  const devices = Array.from({ length: count }, () => device({}));
  const rows = Array.from({ length: count - 1 }, (_, i) =>
    map(i + 1, i, { device: i + 1, domain: 0 }),
  );
  const ends = rows.map(({ device = 0, id = 0 }, i) => unmap(id, count + i, { device, domain: 0 }));
  const found = outcomes(machine({ devices, flush: percpu(256, 10) }), [...rows, ...ends]);
  expect(ofKind('release', found)).toHaveLength(count - 1);
});
