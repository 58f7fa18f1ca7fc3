import {
  atomicPoolBytes,
  type BounceDevice,
  bootPoolSize,
  bouncePolicies,
  coCoSlots,
  createStaticBounce,
  ENDLESS,
  FailCause,
  halvedPoolSize,
  NO_SLOT,
  NOT_FOUND,
  SearchRule,
  SlotPool,
  SlotSearch,
  type Swiotlb,
} from '@dmalab/replay';
import { expect, test } from 'vitest';

const START = 67_108_864;
const MIB = 2 ** 20;

function device(minAlignMask: number, segBoundary = 0xffff_ffff): BounceDevice {
  return { index: 0, minAlignMask, segBoundary, dmaMask: 2 ** 64, busDmaLimit: 0 };
}

function pool(slots: number, areas: number, kernel = '6.12'): Swiotlb {
  return createStaticBounce({ slots, areas, start: START, kernel }, { cpus: 4 });
}

test('a pool of 1024 slots in 4 areas gives what kernel 6.12 gives', () => {
  const bounce = pool(1024, 4);
  const maps = [
    [0, 1_000_000, 100, 0, 0, 67_108_864],
    [0, 1_000_000, 5000, 0, 0, 67_112_960],
    [0, 1_000_000, 100, 0, 0, 67_119_104],
    [1, 1_001_536, 6000, 0, 4095, 67_635_264],
    [0, 1_001_536, 700, 4095, 4095, 67_123_264],
  ] as const;
  for (const [cpu, orig, bytes, mask, minAlign, address] of maps)
    expect(bounce.map(orig, bytes, mask, device(minAlign), cpu, false)).toBe(address);
  expect(bounce.work).toMatchObject({ pool: 0, area: 0, slots: 2, padSlots: 1 });
  expect([bounce.usedSlots(), bounce.areaUsed(0), bounce.areaUsed(1)]).toEqual([10, 7, 3]);

  expect(bounce.unmap(67_108_864, device(0))).toBe(true);
  expect([bounce.usedSlots(), bounce.hiwater()]).toEqual([9, 10]);
  expect(bounce.map(123_456, 2048, 0, device(0), 0, false)).toBe(67_125_248);
  expect(bounce.map(123_456, 262_144, 0, device(0), 0, false)).toBe(67_371_008);
  expect(bounce.map(123_456, 262_144, 0, device(0), 0, false)).toBe(67_895_296);
  expect([bounce.usedSlots(), bounce.hiwater(), bounce.areaUsed(1)]).toEqual([266, 266, 131]);
});

test('a failed map says why', () => {
  const full = pool(512, 4);
  const why = (bounce: Swiotlb, bytes: number, owner = device(0)): FailCause => {
    expect(bounce.map(0x5000, bytes, 0, owner, 0, false)).toBe(NO_SLOT);
    return bounce.work.cause;
  };
  expect(why(full, 262_145)).toBe(FailCause.tooLarge);
  expect(why(full, 5000, device(0, 4095))).toBe(FailCause.tooLarge);
  for (let i = 0; i < 4; i++) full.map(0, 250_000, 0, device(0), i, false);
  expect(why(full, 20_000)).toBe(FailCause.areaFull);
  expect(full.work).toMatchObject({ slots: 10, areasTried: 4, probes: 0 });
  expect(why(full, 60_000)).toBe(FailCause.poolFull);

  const holes = pool(128, 1);
  const buffers = Array.from({ length: 128 }, () => holes.map(1, 1, 0, device(0), 0, false));
  for (let i = 0; i < 128; i += 4) holes.unmap(buffers[i]!, device(0));
  expect(why(holes, 3000)).toBe(FailCause.fragmented);
  expect(holes.work.probes).toBe(128);
  for (let i = 1; i < 128; i += 4) holes.unmap(buffers[i + 2]!, device(0));
  expect(why(holes, 3000, device(4095, 4095))).toBe(FailCause.alignment);
});

test('the search of kernel 6.1 may never end, and then takes nothing', () => {
  const slots = new SlotPool(START, 128, 1);
  const search = new SlotSearch(SearchRule.v6_1);
  const nvme = device(4095);
  // Bit 11 of the address asks for odd slots, which the walk then visits in steps of 4.
  expect(slots.search(search, 0, 0x1800, 250_000, 0, nvme)).toBe(1);
  slots.take(1, 250_000, 0, 0, 0x1800);
  slots.index[0] = 0;
  expect(slots.search(search, 0, 0x1800, 8192, 0, nvme)).toBe(NOT_FOUND);
  slots.index[0] = 2;
  expect(slots.search(search, 0, 0x1800, 8192, 0, nvme)).toBe(ENDLESS);
  expect([search.probes, slots.usedSlots()]).toEqual([129, 123]);
});

test('a pool starts on a page border', () => {
  const bounce = createStaticBounce(
    { slots: 512, areas: 1, start: 0x1000_1234, kernel: '6.12' },
    { cpus: 1 },
  );
  expect(bounce.map(0x234, 1, 0, device(0), 0, false)).toBe(0x1000_1000);
});

test('an area can be put back as it was', () => {
  const slots = new SlotPool(START, 1024, 4);
  slots.take(300, 5000, 0, 0, 0x1000);
  const copy = slots.save(1);
  const before = slots.digest();
  slots.take(310, 100_000, 512, 0, 0x2200);
  slots.release(START + 300 * 2048);
  expect(slots.digest()).not.toBe(before);
  slots.restore(copy);
  expect(slots.digest()).toBe(before);
  expect(slots.slotsAt(300)).toBe(3);
});

test('coherent memory is aligned to its power of two of pages since 6.9, and to a page before', () => {
  const addresses = (['6.1', '6.12'] as const).map((kernel) => {
    const bounce = pool(1024, 1, kernel);
    bounce.map(1, 1, 0, device(0), 0, false);
    return bounce.alloc(12_288, device(0), 0);
  });
  expect(addresses).toEqual([START + 4096, START + 16_384]);
});

test('sizes at boot are those of the kernel', () => {
  expect(bootPoolSize(0, 0, 6)).toEqual({ slots: 32_768, areas: 8 });
  expect(bootPoolSize(640, 3, 16)).toEqual({ slots: 1024, areas: 4 });
  expect(bootPoolSize(100, 64, 1)).toEqual({ slots: 8192, areas: 64 });
  const guest = (gib: number): number => bootPoolSize(coCoSlots(gib * 1024 * MIB), 0, 4).slots;
  expect([1, 2, 4, 8, 12, 64].map((gib) => (guest(gib) * 2048) / MIB)).toEqual([
    64, 128, 256, 512, 1024, 1024,
  ]);
  expect(halvedPoolSize({ slots: 1024, areas: 8 })).toEqual({ slots: 512, areas: 4 });
  expect(halvedPoolSize({ slots: 512, areas: 4 })).toBe(null);
  expect([0.5, 4, 64].map((gib) => atomicPoolBytes(gib * 1024 * MIB) / 1024)).toEqual([
    128, 512, 4096,
  ]);
});

test('every policy of bounce memory is listed with its name', () => {
  expect(bouncePolicies.map(({ name }) => name)).toEqual([
    'none',
    'static',
    'restricted',
    'dynamic',
  ]);
});
