// Random streams of maps and unmaps through a whole replay and through a slow guest behind a slow host.
//
// Every answer of every layer is compared, in order: addresses, flushes, releases, refreshes with what the
// host gained, holds and has of stale pages, cures and failures. After each request entries = live pages +
// unmapped pages that no refresh has covered, and queues stay below their size.

import { deepEqual, equal, ok } from 'node:assert/strict';
import {
  FailStage,
  HostAnswer,
  type Machine,
  type OutcomeBatch,
  OutcomeKind,
  type OutOfResource,
  PLAIN_DEVICE,
  PLAIN_MACHINE,
  RefreshScope,
  replay,
} from '@dmalab/replay';
import { map, type Row, source, unmap } from '../../packages/replay/test/support/requests.ts';
import { SlowPages } from '../../packages/replay/test/support/slow-blocks.ts';
import { SlowIova } from '../../packages/replay/test/support/slow-iova.ts';
import type { Random } from '../fuzz/random.ts';
import type { ConformanceCase } from './conformance-case.ts';
import {
  type SlowAllocator,
  SlowGuest,
  type SlowGuestOptions,
  type SlowMode,
} from './slow-guest.ts';

const DMA32 = 2 ** 20;
const SCOPES = Object.keys(RefreshScope);
const ANSWERS = Object.keys(HostAnswer);

/** Hosts with each of their four answers, beside a slow guest. */
export const guestCases: readonly ConformanceCase[] = [
  { name: 'host unlimited', run: (random) => guestStream(random, 'unlimited') },
  { name: 'host vfio', run: (random) => guestStream(random, 'vfio') },
  { name: 'host pinned', run: (random) => guestStream(random, 'pinned') },
  { name: 'host aperture', run: (random) => guestStream(random, 'aperture') },
  { name: 's390 up to 6.6', run: legacyStream },
];

/** What a stream is run on. */
interface Setting {
  readonly machine: Machine;
  readonly slow: SlowGuest;
  readonly cpus: number;
  readonly most: number;
}

function guestStream(random: Random, host: string): number {
  const answer = random.pick<OutOfResource>([
    'fail',
    'flushQueue',
    'globalFlushRetry',
    's390Legacy',
  ]);
  const mode = random.pick<SlowMode>(['strict', 'percpu', 'percpu', 'single']);
  const cpus = random.from(1, 4);
  const size = random.pick([2, 4, 8, 32, 128]);
  const timeoutMs = random.pick([1, 10, 100]);
  const startPfn = random.pick([1, 7, DMA32 - 400]);
  const entries = host === 'vfio' || host === 'aperture' ? random.from(8, 200) : 0;
  const pages = host === 'pinned' || random.chance(0.2) ? random.from(8, 200) : 0;
  const end = host === 'aperture' ? startPfn + entries - 1 : Number.POSITIVE_INFINITY;
  const maskBits = random.pick([32, 33, 48]);
  const limit = Math.min(2 ** (maskBits - 12) - 1, end);
  const sac = random.chance(0.5);
  const iova = new SlowIova(cpus, startPfn, DMA32, 32);
  const options: SlowGuestOptions = {
    mode,
    cpus,
    size,
    timeout: timeoutMs * 1e6,
    sac,
    limit,
    host: host === 'unlimited' ? null : { entries, pages, answer },
  };
  const parameters = host === 'unlimited' ? {} : { entries, pages, outOfResource: answer };
  const queue = { size, timeoutMs, timerCpu: -1 };
  const machine: Machine = {
    ...PLAIN_MACHINE,
    cpus,
    kernel: '6.1',
    timerMode: 'ideal',
    sac: sac ? 'always' : 'off',
    devices: [PLAIN_DEVICE, { ...PLAIN_DEVICE, name: 'nvme0', maskBits }],
    domains: [domainOf(startPfn, end), domainOf(startPfn, end)],
    allocator: { name: 'linux', parameters: { kernel: '6.1' } },
    flush: { name: mode, parameters: mode === 'strict' ? {} : queue },
    host: { name: host, parameters },
  };
  return play(random, { machine, slow: new SlowGuest(options, iova), cpus, most: 40 });
}

function legacyStream(random: Random): number {
  const startPfn = random.pick([1, 16]);
  const aperturePages = random.from(40, 400);
  const lazy = random.chance(0.7);
  const unmapMode = lazy ? 'lazy' : 'strict';
  const entries = random.from(8, 200);
  const pages = new SlowPages(startPfn, aperturePages, lazy, DMA32);
  const allocator: SlowAllocator = {
    alloc: (count, limit, _cpu, lastTry) => pages.alloc(count, limit, lastTry),
    free: (pfn, count) => pages.free(pfn, count),
    flushes: () => pages.flushes,
    ...(lazy ? { releaseLazy: () => pages.releaseLazy() } : {}),
  };
  const options: SlowGuestOptions = {
    mode: lazy ? 'deferred' : 'strict',
    cpus: 2,
    size: 2,
    timeout: 1,
    sac: false,
    limit: 2 ** 36 - 1,
    host: { entries, pages: 0, answer: 's390Legacy' },
  };
  const machine: Machine = {
    ...PLAIN_MACHINE,
    cpus: 2,
    timerMode: 'ideal',
    sac: 'off',
    devices: [PLAIN_DEVICE, { ...PLAIN_DEVICE, name: 'nvme0', maskBits: 48 }],
    domains: [domainOf(startPfn, Infinity), domainOf(startPfn, Infinity)],
    allocator: { name: 's390-bitmap', parameters: { aperturePages, startPfn, unmapMode } },
    flush: { name: lazy ? 'deferred' : 'strict', parameters: {} },
    host: { name: 'vfio', parameters: { entries, pages: 0, outOfResource: 's390Legacy' } },
  };
  return play(random, { machine, slow: new SlowGuest(options, allocator), cpus: 2, most: 12 });
}

function domainOf(startPfn: number, endPfn: number): Machine['domains'][number] {
  const apertureEnd = endPfn === Number.POSITIVE_INFINITY ? 0 : (endPfn + 1) * 4096 - 1;
  return { granule: 4096, startPfn, reserved: [], apertureEnd, type: 'DMA-FQ' };
}

/** Runs one stream; the number of requests. */
function play(random: Random, { machine, slow, cpus, most }: Setting): number {
  const rows = requests(random, cpus, most);
  const expected = rows.flatMap((row) => step(slow, row));
  // After the last request time runs on until nothing waits.
  while (slow.waiting() > 0) expected.push(...timedOut(slow));

  const found = lines(machine, rows);
  const at = expected.findIndex((line, i) => line !== found[i]);
  const near = (of: readonly string[]): readonly string[] => of.slice(Math.max(0, at - 5), at + 2);
  if (at >= 0) deepEqual(near(found), near(expected), `line ${at} of ${expected.length}`);
  equal(found.length, expected.length);
  return rows.length;
}

function requests(random: Random, cpus: number, most: number): Row[] {
  const rows: Row[] = [];
  const mapped: number[] = [];
  const steps = random.from(200, 1500);
  const many = random.pick([10, 40, 150]);
  let time = 0;
  for (let id = 1; rows.length < steps; ) {
    time += random.pick([0, 1000, 1e5, random.below(3e7)]);
    const cpu = random.below(cpus);
    const large = random.chance(0.1);
    const pages = random.from(1, large ? most : 4);
    if (mapped.length < many && random.chance(0.55)) {
      rows.push(map(id, time, { cpu, size: pages * 4096 }));
      mapped.push(id++);
    } else if (mapped.length > 0) {
      const [freed] = mapped.splice(random.below(mapped.length), 1);
      rows.push(unmap(freed!, time, { cpu }));
    }
  }
  return rows;
}

/** What a request causes, with the timers before it. */
function step(slow: SlowGuest, { time = 0, op, id = 0, cpu = 0, size = 0 }: Row): string[] {
  const lines: string[] = [];
  while (slow.deadline !== null && slow.deadline <= time) lines.push(...timedOut(slow));
  slow.now = time;
  if (op === 1) slow.map(id, size / 4096, cpu);
  else slow.unmap(time, id, cpu);
  checkEntries(slow);
  return [...lines, ...slow.log.splice(0)];
}

function timedOut(slow: SlowGuest): string[] {
  slow.timeout();
  return slow.log.splice(0);
}

// Without a limit a host need not be asked.
function checkEntries({ walk, live }: SlowGuest): void {
  if (walk === null) return;
  const pages = [...live.values()].reduce((sum, range) => sum + range.pages, 0);
  equal(walk.entries, pages + walk.stale(), 'entries = live + stale pages');
}

/** The lines of a replay. */
function lines(machine: Machine, rows: readonly Row[]): string[] {
  const found: string[] = [];
  for (const batch of replay(machine, source(rows))) {
    for (let i = 0; i < batch.length; i++) {
      // That caches were emptied shows in the addresses.
      if (batch.kind[i] !== OutcomeKind.rcacheFlush) found.push(lineOf(batch, i));
      ok(batch.livePages[i]! >= 0 && batch.queuedPages[i]! >= 0, 'pages below none');
      ok(batch.hostStale[i]! <= batch.hostEntries[i]!, 'more stale pages than entries');
      if (machine.host.name !== 'unlimited') equal(batch.hostPinned[i], batch.hostEntries[i]);
    }
  }
  return found;
}

function lineOf(batch: OutcomeBatch, i: number): string {
  const { kind, id, pfn, stage, cause, value, path, hostEntries, hostStale } = batch;
  switch (kind[i]) {
    case OutcomeKind.map:
      return `map ${id[i]} at ${pfn[i]}`;
    case OutcomeKind.mapFail:
      return `fail ${id[i]} stage ${stage[i]}${stage[i] === FailStage.iova ? '' : ` cause ${cause[i]}`}`;
    case OutcomeKind.unmap:
      return `unmap ${id[i]}`;
    case OutcomeKind.skipped:
      return `skipped ${id[i]}`;
    case OutcomeKind.sync:
      return `sync ${pfn[i]}`;
    case OutcomeKind.flush:
      return `flush ${cause[i]}`;
    case OutcomeKind.release:
      return `free ${pfn[i]} after ${value[i]}`;
    case OutcomeKind.hostRefresh:
      return `${SCOPES[path[i]!]} ${ANSWERS[stage[i]!]} ${value[i]}, ${hostEntries[i]} held ${hostStale[i]} stale`;
    case OutcomeKind.hostReclaim:
      return `cured ${cause[i]! - 2} freed ${value[i]}`;
    default:
      return `kind ${kind[i]}`;
  }
}
