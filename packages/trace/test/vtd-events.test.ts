import { describe, expect, test } from 'vitest';
import { capture, words } from './support/text-trace.ts';

const FIO = 'fio-7 0 .';
const OTHER = 'fio-8 1 .';

function mapSingle(who: string, time: number, address: string, size: number): string {
  return `${who} ${time} map_single: dev=0000:00:17.0 dev_addr=0x${address} phys_addr=0x16955${address.slice(-4)} size=${size}`;
}

function unmapSingle(who: string, time: number, address: string, size: number): string {
  return `${who} ${time} unmap_single: dev=0000:00:17.0 dev_addr=0x${address} size=${size}`;
}

/** A segment of a list, as kernels from 5.6 on print it. */
function segment(who: string, time: number, place: string, address: string, size = 4096): string {
  return `${who} ${time} map_sg: dev=0000:00:17.0 [${place}] dev_addr=0x${address} phys_addr=0x157194000 size=${size}`;
}

describe('maps of VT-d before it had the common DMA layer (5.4 to 5.10)', () => {
  test('tell device and pages; the unmap tells the exact size', async () => {
    const c = await capture([
      mapSingle(FIO, 1, 'f8f97200', 4096),
      unmapSingle(OTHER, 9, 'f8f97200', 512),
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 f8f97200+512 of 1 in 1',
      'unmap 1 f8f97200+512 of 1 in 1',
    ]);
    expect(c.facts.devices[1]).toMatchObject({
      name: '0000:00:17.0',
      translated: { value: true, source: 'trace' },
    });
    expect(c.facts.domains[1]!.token).toBe('virtual:1');
    const [batch] = [...c.requests()];
    expect([...batch!.domainClass.subarray(0, 2)]).toEqual([4, 4]);
    expect(batch!.physLow[0]).toBe(0x69557200);
    expect(c.report.unparsed).toBe(0);
  });

  test('without an unmap they are whole pages, and derived', async () => {
    const c = await capture([mapSingle(FIO, 1, 'f8f97200', 4096)]);
    expect(words(c.requests())).toEqual(['map 1 f8f97000+4096 of 1 in 1 (sizeDerived openEnd)']);
  });

  test('an unmap without a map was mapped before the trace', async () => {
    const c = await capture([
      mapSingle(FIO, 1, 'f8f90000', 4096),
      unmapSingle(FIO, 9, 'f8f97200', 512),
    ]);
    expect(words(c.openStart())).toEqual(['map 1 f8f97200+512 of 1 in 1 (synthetic openStart)']);
  });

  test('the segments of a list become one request; unmap_sg repeats its unmap_single', async () => {
    const c = await capture([
      segment(FIO, 1, '1/3', 'f8f96000'),
      segment(FIO, 2, '2/3', 'f8f97000', 512),
      segment(FIO, 3, '3/3', 'f8f98000', 8192),
      unmapSingle(FIO, 9, 'f8f96000', 16384),
      `${FIO} 10 unmap_sg: dev=0000:00:17.0 dev_addr=0xf8f96000 size=16384`,
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 f8f96000+16384 of 1 in 1 (sizeDerived)',
      'unmap 1 f8f96000+16384 of 1 in 1 (sizeDerived)',
    ]);
    expect(c.report.pairing).toEqual({});
  });

  test('5.4 prints a list as one map, and unmap_sg alone closes it', async () => {
    const c = await capture([
      `${FIO} 1 map_sg: dev=0000:00:17.0 dev_addr=0xf8f96000 phys_addr=0x157194200 size=12288`,
      `${FIO} 9 unmap_sg: dev=0000:00:17.0 dev_addr=0xf8f96000 size=12288`,
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 f8f96000+12288 of 1 in 1 (sizeDerived)',
      'unmap 1 f8f96000+12288 of 1 in 1 (sizeDerived)',
    ]);
  });

  test('the address may be mapped on another CPU before its unmap is printed', async () => {
    const c = await capture([
      mapSingle(FIO, 1, 'f8f97000', 4096),
      mapSingle(OTHER, 100, 'f8f97000', 4096),
      unmapSingle(FIO, 110, 'f8f97000', 4096),
      unmapSingle(OTHER, 900, 'f8f97000', 4096),
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 f8f97000+4096 of 1 in 1',
      'map 2 f8f97000+4096 of 1 in 1',
      'unmap 1 f8f97000+4096 of 1 in 1 (reordered)',
      'unmap 2 f8f97000+4096 of 1 in 1',
    ]);
    expect(c.report.pairing).toEqual({ REORDERED: 1 });
  });

  test('a second map long after the first is a double map, and the first is closed', async () => {
    const c = await capture([
      mapSingle(FIO, 1, 'f8f97000', 4096),
      mapSingle(OTHER, 1000, 'f8f97000', 4096),
      unmapSingle(OTHER, 2000, 'f8f97000', 4096),
    ]);
    expect(c.report.pairing).toEqual({ DOUBLE_MAP: 1 });
    expect(words(c.requests())).toEqual([
      'map 2 f8f97000+4096 of 1 in 1 (sizeDerived)',
      'map 1 f8f97000+4096 of 1 in 1',
      'unmap 1 f8f97000+4096 of 1 in 1',
      'unmap 2 f8f97000+4096 of 1 in 1 (synthetic)',
    ]);
  });

  test('two devices have a domain each; the allocator’s probe tells which', async () => {
    const c = await capture([
      `${FIO} 1 alloc_iova_fast: (alloc_iova_fast+0x4/0x2c0) iovad=0xffff888100001000 size=1 limit_pfn=0xfffff flush_rcache=1`,
      `${FIO} 2 alloc_iova_fast_ret: (intel_alloc_iova+0xd4/0xe0 <- alloc_iova_fast) pfn=0xf8f97`,
      mapSingle(FIO, 3, 'f8f97000', 4096),
      `${FIO} 4 bounce_map_single: dev=0000:00:14.0 dev_addr=0xf8f97000 phys_addr=0x12345200 size=512`,
      unmapSingle(FIO, 9, 'f8f97000', 4096),
      `${FIO} 10 bounce_unmap_single: dev=0000:00:14.0 dev_addr=0xf8f97200 size=512`,
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 f8f97000+4096 of 1 in 1',
      'map 2 f8f97200+512 of 2 in 2',
      'unmap 1 f8f97000+4096 of 1 in 1',
      'unmap 2 f8f97200+512 of 2 in 2',
    ]);
    expect(c.facts.domains.map(({ token }) => token)).toEqual([
      '',
      '0xffff888100001000',
      'virtual:1',
    ]);
  });

  test('an event of that name of another system is counted, not read', async () => {
    const c = await capture([
      mapSingle(FIO, 1, 'f8f97000', 4096),
      `${FIO} 2 map_sg: req=17 entries=3`,
    ]);
    expect(c.report.events).toMatchObject({ map_sg: 1, map_single: 1 });
    expect(c.report.unparsed).toBe(0);
  });
});
