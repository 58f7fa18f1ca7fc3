import {
  type BounceDevice,
  BounceEvent,
  type BouncePort,
  BounceSource,
  completeChoice,
  createDynamicBounce,
  FailCause,
  NO_SLOT,
  type Parameters,
  policyKit,
  type Swiotlb,
  Timers,
  ZonedPages,
} from '@dmalab/replay';
import { expect, test } from 'vitest';

const NVME: BounceDevice = {
  index: 0,
  minAlignMask: 4095,
  segBoundary: 0xffff_ffff,
  dmaMask: 2 ** 64,
  busDmaLimit: 0,
};
const LOW: BounceDevice = { ...NVME, index: 1, minAlignMask: 0, dmaMask: 0xffff_ffff };
const FULL = 252 * 1024;
const MS = 1e6;

/** Dynamic bounce memory of 512 slots in 2 areas, on a clock of its own. */
class Guest {
  readonly timers = new Timers(1000, 'ideal');
  readonly pages = new ZonedPages();
  readonly events: string[] = [];
  readonly bounce: Swiotlb;

  constructor(parameters: Parameters = {}) {
    const names = Object.entries(BounceEvent);
    const port: BouncePort = {
      kit: policyKit,
      cpus: 2,
      now: () => this.timers.now,
      later: (delayNs, callback, argument) =>
        this.timers.armAt(0, 0, this.timers.now + delayNs, (_, n) => callback(n), argument),
      pages: this.pages,
      event: (kind, _pool, _start, slots) =>
        this.events.push(`${names.find(([, value]) => value === kind)?.[0]} ${slots}`),
    };
    const choice = { name: 'dynamic', parameters: { slots: 512, areas: 2, ...parameters } };
    this.bounce = createDynamicBounce(completeChoice('bounce', choice).parameters, port);
  }

  map(bytes: number, device: BounceDevice = NVME, maySleep = false, orig = 0x10_0000): number {
    return this.bounce.map(orig, bytes, 0, device, 0, maySleep);
  }

  /** Takes the whole pool in buffers of 252 KiB, as many as it has slot sets. */
  fill(): number[] {
    return [1, 2, 3, 4].map(() => this.map(FULL));
  }
}

test('a miss gets a transient pool at once and a full pool later', () => {
  const guest = new Guest();
  guest.fill();
  const address = guest.map(10_000);
  expect(address).toBe(0x1_0000_0000);
  expect(guest.bounce.work).toMatchObject({ source: BounceSource.transient, pool: 1, slots: 5 });
  expect([guest.bounce.transientSlots(), guest.bounce.totalSlots()]).toEqual([5, 512]);
  guest.timers.advance(1 * MS);
  expect([guest.bounce.totalSlots(), guest.bounce.pools()]).toEqual([1024, 2]);
  guest.map(10_000);
  expect(guest.bounce.work).toMatchObject({ source: BounceSource.grown, pool: 2 });
  expect(guest.bounce.unmap(address, LOW)).toBe(false);
  expect(guest.bounce.unmap(address, NVME)).toBe(true);
  expect([guest.bounce.transientSlots(), guest.bounce.waitingBytes()]).toEqual([0, 10_240]);
  guest.timers.advance(21 * MS);
  expect(guest.bounce.waitingBytes()).toBe(0);
  expect(guest.events).toEqual(['transientAdd 5', 'poolAdd 512', 'transientDel 5']);
});

test('a transient pool lies within the reach of its device', () => {
  const guest = new Guest();
  guest.fill();
  expect(guest.map(10_000, LOW)).toBe(0x4000_0000);
});

test('a transient pool of exactly its slots is of no use to a buffer in the second half of a page', () => {
  const guest = new Guest();
  guest.fill();
  expect(guest.map(4096, NVME, false, 0x10_0800)).toBe(NO_SLOT);
  expect(guest.bounce.work.cause).toBe(FailCause.transientUseless);
  expect(guest.events).toEqual(['transientUseless 2']);
});

test('without memory the request fails, and the background work halves what it asks for', () => {
  const guest = new Guest({ slots: 2048 });
  guest.pages.atomicOrder = -1;
  guest.pages.sleepingOrder = 8;
  for (let i = 0; i < 16; i++) guest.map(FULL);
  expect(guest.map(10_000)).toBe(NO_SLOT);
  expect(guest.bounce.work.cause).toBe(FailCause.noMemory);
  guest.timers.advance(1 * MS);
  expect(guest.events).toEqual(['transientFail 5', 'poolAdd 512']);
});

test('an encrypted guest dips into its atomic pools, which double when they run low', () => {
  const guest = new Guest({ encrypted: true, atomicPool: 128, canGrow: true, growDelay: 5 });
  guest.fill();
  expect([1, 2].map(() => guest.map(64 * 1024) !== NO_SLOT)).toEqual([true, true]);
  // Kernel, DMA32 and DMA zone: 128 KiB each, the first one is used up.
  expect(guest.map(100_000)).toBeLessThan(2 ** 32);
  expect(guest.map(100_000)).toBeLessThan(2 ** 24);
  expect(guest.map(100_000)).toBe(NO_SLOT);
  expect(guest.bounce.work.cause).toBe(FailCause.atomicPool);
  guest.timers.advance(5 * MS);
  const expansions = guest.events.filter((event) => event.startsWith('atomicExpand'));
  expect(expansions).toEqual(['atomicExpand 64', 'atomicExpand 64', 'atomicExpand 64']);
});

test('a request that may sleep waits for a full pool where the policy lets it', () => {
  const guest = new Guest({ maySleep: true, encrypted: true });
  guest.fill();
  guest.map(10_000, NVME, true);
  expect(guest.bounce.work).toMatchObject({
    source: BounceSource.grown,
    convertedBytes: 512 * 2048,
  });
  expect(guest.events).toEqual(['poolAdd 512']);
});

test('early growth adds a pool before one is missed', () => {
  const guest = new Guest({ earlyGrow: 0.7 });
  guest.map(FULL);
  guest.map(FULL);
  guest.timers.advance(1 * MS);
  expect(guest.events).toEqual([]);
  guest.map(FULL);
  guest.timers.advance(2 * MS);
  expect(guest.events).toEqual(['poolAdd 512']);
});

test('idle pools go when more than those to keep have been idle', () => {
  const guest = new Guest({ shrink: 10, keep: 1 });
  const buffers = guest.fill();
  for (let i = 0; i < 2; i++) {
    guest.bounce.unmap(guest.map(10_000), NVME);
    guest.timers.advance((2 + i) * MS);
    buffers.push(...guest.fill());
  }
  expect([guest.bounce.pools(), guest.bounce.totalSlots()]).toEqual([3, 1536]);
  for (const address of buffers) guest.bounce.unmap(address, NVME);
  guest.timers.advance(9_000 * MS);
  expect(guest.bounce.pools()).toBe(3);
  guest.timers.advance(11_000 * MS);
  expect([guest.bounce.pools(), guest.bounce.usedSlots()]).toEqual([2, 0]);
});

test('nothing grows once the base of the default pool was asked for', () => {
  const guest = new Guest({ canGrow: false });
  guest.fill();
  expect(guest.map(FULL)).toBe(NO_SLOT);
  expect(guest.bounce.work.cause).toBe(FailCause.poolFull);
  guest.timers.advance(100 * MS);
  expect(guest.events).toEqual([]);
});
