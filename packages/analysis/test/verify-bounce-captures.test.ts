import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { type BounceResult, bounceHolds, verify } from '@dmalab/analysis';
import { expect, onTestFinished, test } from 'vitest';

const traces = join(import.meta.dirname, '../../../traces');

async function verifyCapture(name: string): Promise<BounceResult> {
  return (await verify(join(traces, name, 'trace.txt.zst'))).bounce;
}

test.each([
  ['swiotlb-force-default', 23_547, 0, 0, 494],
  ['swiotlb-small-full', 13_197, 1404, 10_663, 2048],
  ['k61-swiotlb-small-full', 18_500, 1575, 15_377, null],
  ['swiotlb-sync-e1000', 2475, 0, 0, 325],
  ['swiotlb-32bit-highmem', 1330, 0, 0, 301],
])('%s: %d slot addresses, %d failed maps and %d searches in vain', async (name, ...figures) => {
  const [addresses, failures, misses, hiwater] = figures;
  const bounce = await verifyCapture(name);
  expect(bounce).toMatchObject({
    compared: addresses,
    matched: addresses,
    failures: { recorded: failures, explained: failures },
    misses: { recorded: misses, explained: misses },
    first: null,
    dynamic: null,
    why: null,
  });
  expect(bounce.usage?.hiwater?.recorded ?? null).toBe(hiwater);
  expect(bounceHolds(bounce)).toBe(true);
});

test.each([
  ['swiotlb-dynamic-32bit', 6840, 0, 4040, { added: 11, growth: 0, own: 137, none: 0, useless: 0 }],
  [
    'swiotlb-dynamic-burst',
    2451,
    63,
    12_134,
    { added: 7, growth: 0, own: 98, none: 0, useless: 63 },
  ],
  [
    'swiotlb-dynamic-full',
    1093,
    188,
    931,
    { added: 1, growth: 75, own: 69, none: 188, useless: 0 },
  ],
  ['swiotlb-dynamic-ramp', 6011, 0, 2237, { added: 3, growth: 0, own: 27, none: 0, useless: 0 }],
])(
  '%s: %d slot addresses in pools that come and go',
  async (name, addresses, failures, misses, pools) => {
    const bounce = await verifyCapture(name);
    const all = (recorded: number) => ({ recorded, explained: recorded });
    expect(bounce).toMatchObject({
      compared: addresses,
      matched: addresses,
      failures: all(failures),
      misses: all(misses),
      dynamic: {
        added: all(pools.added),
        growthFailed: all(pools.growth),
        transient: all(pools.own),
        transientFailed: all(pools.none),
        transientUseless: all(pools.useless),
      },
    });
    const { samples } = bounce.usage!;
    expect(samples.recorded).toBeGreaterThan(60);
    expect(samples).toMatchObject({ explained: samples.recorded, equal: samples.atRest });
    expect(bounceHolds(bounce)).toBe(true);
  },
);

/** The result for a copy of a capture in which the first match of `from` is another text. */
async function tampered(from: RegExp, to: string): Promise<BounceResult> {
  const source = join(traces, 'swiotlb-dynamic-full');
  const folder = mkdtempSync(join(tmpdir(), 'dmalab-tampered-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(join(source, 'meta.json'), join(folder, 'meta.json'));
  const text = zstdDecompressSync(readFileSync(join(source, 'trace.txt.zst'))).toString('latin1');
  const changed = text.replace(from, to);
  expect(changed).not.toBe(text);
  writeFileSync(join(folder, 'trace.txt'), changed, 'latin1');
  return (await verify(join(folder, 'trace.txt'))).bounce;
}

test('another address is found out', async () => {
  const bounce = await tampered(/(tbl_map_single_ret: .*tlb_addr=0x)2944000/, '$12944100');
  expect(bounce.matched).toBeLessThan(bounce.compared);
  expect(bounce.first?.recorded).toBe(0x2944_1000);
  expect(bounceHolds(bounce)).toBe(false);
});

test('a release of another address is found out', async () => {
  const bounce = await tampered(/(swiotlb_release_slots: .*tlb_addr=0x)2944000/, '$12944100');
  expect(bounce.strays).toBe(1);
  expect(bounceHolds(bounce)).toBe(false);
});

test('a search in vain that must have found slots is found out', async () => {
  const bounce = await tampered(/(swiotlb_search_pool_area_ret: .*index=)0/, '$1-1');
  expect(bounce.misses.explained).toBe(bounce.misses.recorded - 1);
  expect(bounceHolds(bounce)).toBe(false);
});

test('a pool of another size than the growth work asks for is found out', async () => {
  const bounce = await tampered(/(swiotlb_alloc_tlb: .*bytes=)1048576/, '$12097152');
  expect(bounce.matched).toBe(bounce.compared);
  expect(bounce.dynamic?.growthFailed).toEqual({ recorded: 75, explained: 74 });
});

test('another number in a line of debugfs is found out', async () => {
  const bounce = await tampered(/(io_tlb_used=)0( io_tlb_used_hiwater=0)/, '$15$2');
  expect(bounce.usage?.samples).toMatchObject({ recorded: 75, explained: 74 });
});
