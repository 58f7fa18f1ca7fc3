// The bundled captures: every DMA API event is one request, and nothing is odd in those without loss.

import { join } from 'node:path';
import { type Capture, EventKind, Flag, Op, openTrace, readCapture } from '@dmalab/trace';
import { describe, expect, test } from 'vitest';

const TRACES = join(import.meta.dirname, '../../../traces');
const trace = (name: string): string => join(TRACES, name, 'trace.txt.zst');

const LOSSLESS = [
  'cpu-hotplug',
  'net-e1000-32bit',
  'net-e1000e-lazy',
  'net-virtio-blk-lazy',
  'nvme-lazy-forcedac',
  'nvme-lazy-mixed-sg',
  'nvme-lazy-randread',
  'nvme-lazy-seqread',
  'nvme-strict-randread',
  'nvme-type-switch',
  'sas-128k',
  'vblk-large-huge',
];

function events(capture: Capture, ...names: string[]): number {
  return names.reduce((sum, name) => sum + (capture.report.events[name] ?? 0), 0);
}

/** "pfn:pages" of every map that succeeded, sorted. */
function ranges(capture: Capture): string[] {
  const all: string[] = [];
  for (const { length, op, flags, addressLow, addressHigh, size } of capture.requests()) {
    for (let i = 0; i < length; i++) {
      const isMap = op[i] === Op.map || op[i] === Op.alloc;
      if (!isMap || (flags[i]! & Flag.failed) !== 0) continue;
      const pfn = addressHigh[i]! * 2 ** 20 + (addressLow[i]! >>> 12);
      all.push(`${pfn}:${Math.ceil(((addressLow[i]! % 4096) + size[i]!) / 4096)}`);
    }
  }
  return all.sort();
}

/** "pfn:pages" of every allocation of the IOVA allocator, sorted. */
async function allocations(name: string): Promise<string[]> {
  const all: string[] = [];
  const asked = new Map<string, number>();
  const reader = await openTrace(trace(name));
  for await (const { length, kind, cpu, tid, context, size, aux } of reader.batches()) {
    for (let i = 0; i < length; i++) {
      const where = `${cpu[i]} ${tid[i]} ${context[i]}`;
      if (kind[i] === EventKind.iovaAlloc) asked.set(where, size[i]!);
      else if (kind[i] === EventKind.iovaAllocRet && aux[i] !== 0) {
        all.push(`${aux[i]}:${asked.get(where)}`);
      }
    }
  }
  return all.sort();
}

describe.each(LOSSLESS)('%s', (name) => {
  test('every DMA API event is one request, and all of them pair', async () => {
    const capture = await readCapture(trace(name));
    const { requests, pairing } = capture.report;
    expect(requests.map).toBe(events(capture, 'dma_map_page', 'dma_map_sg'));
    expect(requests.unmap).toBe(events(capture, 'dma_unmap_page', 'dma_unmap_sg'));
    expect(requests.alloc).toBe(events(capture, 'dma_alloc'));
    expect(requests.free).toBe(events(capture, 'dma_free'));
    expect(requests.openEnd).toBe(requests.map + requests.alloc - requests.unmap - requests.free);
    expect([requests.openStart, requests.failed, pairing]).toEqual([0, 0, {}]);
    capture.close();
  });

  test('the requests are the allocations that the probes show, with or without the probes', async () => {
    const expected = await allocations(name);
    for (const ignoreProbes of [false, true]) {
      const capture = await readCapture(trace(name), { ignoreProbes });
      expect(ranges(capture)).toEqual(expected);
      capture.close();
    }
  });
});

describe('other captures', () => {
  test.each([
    ['k61-nvme-lazy-randread', 6227],
    ['k61-nvme-type-switch', 6026],
  ])('%s: iommu events alone give every allocation with its size', async (name, count) => {
    const expected = await allocations(name);
    const capture = await readCapture(trace(name), { ignoreProbes: true });
    expect(expected).toHaveLength(count);
    expect(ranges(capture)).toEqual(expected);
    expect(capture.report.pairing).toEqual({});
    capture.close();
  });

  test('boot-history has five domains, two of them used, and one mapping that no driver made', async () => {
    const capture = await readCapture(trace('boot-history'));
    expect(capture.facts.domains).toHaveLength(6);
    expect(capture.report.requests).toMatchObject({ map: 3298 + 1, alloc: 20, unmap: 3043 });
    expect(capture.report.pairing).toEqual({});
    capture.close();
  });

  test('hot-remove gives the device three domains in succession', async () => {
    const capture = await readCapture(trace('hot-remove'));
    const { domains } = capture.facts;
    expect(domains.map((domain) => domain.destroyedAt !== null)).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(domains.slice(1).map((domain) => domain.devices)).toEqual([[1], [1], [1]]);
    expect(capture.report.pairing).toEqual({ NULL_FREE: 2 });
    capture.close();
  });

  test('swiotlb-small-full: of 1,110 failed maps 53 demands stand, for their retries never succeeded', async () => {
    const capture = await readCapture(trace('swiotlb-small-full'));
    let standing = 0;
    for (const { length, flags, hold } of capture.requests()) {
      for (let i = 0; i < length; i++) {
        if ((flags[i]! & Flag.failed) === 0 || (flags[i]! & Flag.superseded) !== 0) continue;
        standing++;
        expect(hold[i]).toBeGreaterThan(0);
      }
    }
    expect(standing).toBe(53);
    expect(capture.report.requests.failed).toBe(1110);
    expect(capture.report.pairing).toEqual({ FAILED_LIST: 294 });
    capture.close();
  });

  test('k61-swiotlb-small-full: every slot is a request', async () => {
    const capture = await readCapture(trace('k61-swiotlb-small-full'));
    expect(capture.report.requests).toMatchObject({ map: 20_075, unmap: 18_500, failed: 1575 });
    expect(capture.report.pairing).toEqual({});
    capture.close();
  });

  test('an overwritten buffer has mappings from before, and no false claims', async () => {
    const path = join(TRACES, 'lossy-small-buffer', 'trace.overwrite.txt.zst');
    const capture = await readCapture(path);
    expect(capture.report.requests).toMatchObject({ map: 2415, unmap: 2451, openStart: 36 });
    expect(capture.report.pairing).toEqual({});
    capture.close();
  });
});
