import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CheckResult, checkCapture, checkText, findingKinds } from '@dmalab/analysis';
import { readCapture } from '@dmalab/trace';
import { describe, expect, test } from 'vitest';

/** Checks a trace of these event texts, a microsecond apart; "3| text" is on CPU 3, "+900 text" later by 900 us. */
async function check(bodies: readonly string[]): Promise<CheckResult> {
  let time = 5_000_000;
  const lines = bodies.map((body) => {
    const [, cpu, late, text] = body.match(/^(?:(\d)\| )?(?:\+(\d+) )?(.*)$/s)!;
    time += Number(late ?? 1);
    if (text!.startsWith('CPU:')) return text;
    const stamp = (time / 1e6).toFixed(6).padStart(12);
    return `             fio-70      [00${cpu ?? 0}] ..... ${stamp}: ${text}`;
  });
  return await checkContent(`# tracer: nop\n#\n${lines.join('\n')}\n`);
}

async function checkContent(text: string): Promise<CheckResult> {
  const folder = mkdtempSync(join(tmpdir(), 'dmalab-check-'));
  try {
    const path = join(folder, 'trace.txt');
    writeFileSync(path, text);
    const capture = await readCapture(path);
    const result = checkCapture(capture);
    capture.close();
    return result;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What is certain or likely, with its line numbers. */
function sure(result: CheckResult): string[] {
  return said(result).filter((text) => !text.includes(' possible'));
}

function said({ findings }: CheckResult): string[] {
  return findings.map(({ code, confidence, lines }) => {
    const numbers = lines.map(({ role, where }) => `${role} ${where.split(':').at(-1)}`);
    return `${code} ${confidence}: ${numbers.join(', ')}`;
  });
}

const DEV = '0000:00:04.0';
const OTHER = '0000:00:05.0';

const table = (event: 'map' | 'unmap', address: string): string => {
  const at = Number.parseInt(address, 16);
  const print = (n: number): string => `0x${n.toString(16).padStart(16, '0')}`;
  const rest =
    event === 'map' ? 'paddr=0x0000000012345000 size=4096' : 'size=4096 unmapped_size=4096';
  return `${event}: IOMMU: iova=${print(at)} - ${print(at + 4096)} ${rest}`;
};

/** A map of a device behind an IOMMU, two lines. */
const map = (address: string, size = 4096, dir = 'TO_DEVICE', device = DEV): string[] => [
  table('map', address),
  `dma_map_page: ${device} dir=${dir} dma_addr=${address} size=${size} phys_addr=12345000 attrs=`,
];

const unmap = (address: string, size = 4096, dir = 'TO_DEVICE', device = DEV): string[] => [
  table('unmap', address),
  `dma_unmap_page: ${device} dir=${dir} dma_addr=${address} size=${size} attrs=`,
];

const onlyUnmap = (address: string, device = DEV): string =>
  unmap(address, 4096, 'TO_DEVICE', device)[1]!;

const sync = (address: string, size: number, dir = 'TO_DEVICE'): string =>
  `dma_sync_single_for_cpu: ${DEV} dir=${dir} dma_addr=${address} size=${size} attrs=`;

const CREATED = [
  'init_iova_domain: (init_iova_domain+0x4/0x90) iovad=0xffff888000001008 granule=0x1000 start_pfn=0x1',
  `iommu_dma_alloc_iova: (iommu_dma_alloc_iova+0x0/0xe0) domain=0xffff888000002000 size=0x1000 dma_limit=0xffffffff dev="${DEV}"`,
  'alloc_iova_fast: (alloc_iova_fast+0x4/0x2c0) iovad=0xffff888000001008 size=1 limit_pfn=0xfffff flush_rcache=0',
  'alloc_iova_fast_ret: (iommu_dma_alloc_iova+0xd4/0xe0 <- alloc_iova_fast) pfn=0xfffff',
  ...map('fffff000'),
];

describe('a map and its unmap', () => {
  test('that agree are no finding', async () => {
    const result = await check([...map('fffff000'), ...unmap('fffff000')]);
    expect(result).toMatchObject({ passed: true, requests: 2, lost: 0, counts: [], findings: [] });
  });

  test('of different sizes', async () => {
    const result = await check([...map('fffff000', 2048), ...unmap('fffff000', 1024)]);
    expect(sure(result)).toEqual(['SIZE_MISMATCH certain: map 4, unmap 6']);
    expect(result.passed).toBe(false);
    expect(result.findings[0]).toMatchObject({
      device: DEV,
      task: 'fio',
      address: '0xfffff000',
      message: '2048 bytes were mapped, 1024 bytes unmapped',
    });
  });

  test('of different directions', async () => {
    const result = await check([
      ...map('fffff000', 4096, 'FROM_DEVICE'),
      ...unmap('fffff000', 4096, 'BIDIRECTIONAL'),
    ]);
    expect(sure(result)).toEqual(['DIRECTION_MISMATCH certain: map 4, unmap 6']);
    expect(result.findings[0]!.message).toBe('mapped FROM_DEVICE, unmapped BIDIRECTIONAL');
  });

  test('a list of another direction', async () => {
    const result = await check([
      `dma_map_sg: ${DEV} dir=TO_DEVICE nents=1/1 ents=1/1 dma_addrs={0x5000} sizes={0x1000} phys_addrs={0x5000} attrs=`,
      `dma_unmap_sg: ${DEV} dir=FROM_DEVICE phys_addrs={0x5000} attrs=`,
    ]);
    expect(sure(result)).toEqual(['DIRECTION_MISMATCH certain: map 3, unmap 4']);
  });

  test('memory that is freed with another size, or unmapped', async () => {
    const alloc = `dma_alloc: ${DEV} dma_addr=fffff000 size=4096 virt_addr=00000000deadbeef flags=GFP_KERNEL attrs=`;
    const short = await check([
      table('map', 'fffff000'),
      alloc,
      `dma_free: ${DEV} dma_addr=fffff000 size=512 virt_addr=00000000deadbeef attrs=`,
      table('unmap', 'fffff000'),
    ]);
    expect(sure(short)).toEqual(['SIZE_MISMATCH certain: map 4, unmap 5']);
    const wrong = await check([table('map', 'fffff000'), alloc, ...unmap('fffff000')]);
    expect(sure(wrong)).toContain('WRONG_CALL certain: map 4, unmap 6');
  });
});

describe('an unmap without a map', () => {
  test('at the start of a trace may be of an older mapping', async () => {
    const result = await check(unmap('fffff000'));
    expect(said(result)).toEqual(['UNMATCHED_UNMAP possible: unmap 4']);
    expect(result.passed).toBe(true);
  });

  test('is certain where the domain was recorded from its creation', async () => {
    const result = await check([...CREATED, ...unmap('fffff000'), ...unmap('ffffe000')]);
    expect(sure(result)).toEqual(['UNMATCHED_UNMAP certain: unmap 12']);
  });

  test('is no fault before its device came back with a new domain', async () => {
    const result = await check([...unmap('ffffe000'), ...CREATED, ...unmap('fffff000')]);
    expect(said(result)).toEqual(['UNMATCHED_UNMAP possible: unmap 4']);
  });

  test('after a loss is only possible', async () => {
    const result = await check([
      ...CREATED,
      ...unmap('fffff000'),
      'CPU:1 [LOST 5 EVENTS]',
      ...unmap('ffffe000'),
    ]);
    expect(said(result)).toEqual(['UNMATCHED_UNMAP possible: unmap 13']);
    expect(result.lost).toBe(5);
  });

  test('that the same device unmapped before is the second', async () => {
    const result = await check([...map('fffff000'), ...unmap('fffff000'), onlyUnmap('fffff000')]);
    expect(sure(result)).toEqual(['DOUBLE_UNMAP certain: map 4, first unmap 6, unmap 7']);
  });

  test('that another device mapped', async () => {
    const result = await check([
      'add_device_to_group: IOMMU: groupID=2 device=0000:00:04.0',
      'add_device_to_group: IOMMU: groupID=2 device=0000:00:05.0',
      ...map('fffff000', 4096, 'TO_DEVICE', OTHER),
      ...map('ffffe000'),
      onlyUnmap('ffffe000', OTHER),
    ]);
    expect(sure(result)).toEqual(['OTHER_DEVICE certain: map 8, unmap 9']);
    expect(result.findings[0]!.message).toBe('0000:00:04.0 mapped it, 0000:00:05.0 unmaps it');
  });

  test('of the error value', async () => {
    const result = await check([onlyUnmap('ffffffffffffffff')]);
    expect(sure(result)).toEqual(['UNMAP_OF_ERROR certain: unmap 3']);
  });

  test('a free of null is harmless', async () => {
    const result = await check([
      `dma_free: ${DEV} dma_addr=0 size=0 virt_addr=0000000000000000 attrs=`,
    ]);
    expect(said(result)).toEqual(['FREE_OF_NULL possible: unmap 3']);
  });
});

describe('an address that is mapped twice', () => {
  test('without an unmap in between', async () => {
    const result = await check([
      ...map('fffff000'),
      '+900 x: y',
      ...map('fffff000'),
      ...unmap('fffff000'),
    ]);
    expect(sure(result)).toEqual(['DOUBLE_MAP certain: map 4, other map 7']);
  });

  test('with a loss in between is only possible', async () => {
    const result = await check([
      ...map('fffff000'),
      'CPU:0 [LOST 7 EVENTS]',
      ...map('fffff000'),
      ...unmap('fffff000'),
    ]);
    expect(said(result)).toEqual(['DOUBLE_MAP possible: map 4, other map 7']);
  });

  test('is no fault where only the line of the unmap is late', async () => {
    const [gone, line] = unmap('fffff000');
    const [again, done] = map('fffff000');
    const result = await check([
      ...map('fffff000'),
      gone!,
      `1| ${again}`,
      `1| ${done}`,
      line!,
      ...unmap('fffff000'),
    ]);
    expect(said(result)).toEqual([]);
  });

  test('is no fault where another CPU unmapped the first within the resolution of the clock', async () => {
    const result = await check([
      ...map('fffff000'),
      ...map('fffff000').map((line) => `1| ${line}`),
      ...unmap('fffff000').map((line) => `1| ${line}`),
      ...unmap('fffff000'),
    ]);
    expect(said(result)).toEqual([]);
  });

  test('is no fault without translation', async () => {
    const direct = `dma_map_page: ${DEV} dir=TO_DEVICE dma_addr=12345000 size=512 phys_addr=12345000 attrs=`;
    const end = unmap('12345000', 512)[1]!;
    expect(said(await check([direct, direct, end, end]))).toEqual([]);
  });
});

describe('a sync', () => {
  test('inside a mapping is no finding', async () => {
    const result = await check([...map('fffff000'), sync('fffff800', 1024), ...unmap('fffff000')]);
    expect(said(result)).toEqual([]);
  });

  test('after the unmap', async () => {
    const result = await check([...map('fffff000'), ...unmap('fffff000'), sync('fffff200', 512)]);
    expect(sure(result)).toEqual(['SYNC_AFTER_UNMAP certain: map 4, unmap 6, sync 7']);
  });

  test('just after another CPU unmapped it is only possible', async () => {
    const result = await check([
      ...map('fffff000'),
      ...unmap('fffff000'),
      `2| ${sync('fffff000', 512)}`,
    ]);
    expect(said(result)).toEqual(['SYNC_AFTER_UNMAP possible: map 4, unmap 6, sync 7']);
  });

  test('of an address that nobody mapped', async () => {
    const result = await check([...CREATED, sync('fffe0000', 512)]);
    expect(sure(result)).toEqual(['SYNC_UNMAPPED certain: sync 9']);
    expect(said(await check([sync('fffe0000', 512)]))).toEqual(['SYNC_UNMAPPED possible: sync 3']);
  });

  test('beyond the end of the mapping', async () => {
    const result = await check([
      ...map('fffff000', 512),
      sync('fffff100', 512),
      ...unmap('fffff000', 512),
    ]);
    expect(sure(result)).toEqual(['SYNC_OUTSIDE certain: map 4, sync 5']);
    expect(result.findings[0]!.message).toBe('bytes 256 to 768 of a mapping of 512 bytes');
  });

  test('in another direction', async () => {
    const result = await check([
      ...map('fffff000'),
      sync('fffff000', 64, 'FROM_DEVICE'),
      ...unmap('fffff000'),
    ]);
    expect(sure(result)).toEqual(['SYNC_DIRECTION certain: map 4, sync 5']);
  });
});

describe('a mapping that never ends', () => {
  test('is leaked when its device is removed', async () => {
    const result = await check([
      'add_device_to_group: IOMMU: groupID=2 device=0000:00:04.0',
      ...map('fffff000'),
      ...map('ffffe000', 512),
      ...unmap('fffff000'),
      'remove_device_from_group: IOMMU: groupID=2 device=0000:00:04.0',
    ]);
    expect(said(result)).toEqual(['LEAK certain: map 7, removal 10']);
    expect(result.findings[0]).toMatchObject({ count: 1, bytes: 512, device: DEV, task: 'fio' });
  });

  test('is leaked when its domain is destroyed', async () => {
    const put = 'put_iova_domain: (put_iova_domain+0x4/0x90) iovad=0xffff888000001008';
    expect(said(await check([...CREATED, put]))).toEqual(['LEAK certain: map 8, removal 9']);
  });

  test('is only told where the trace just ends', async () => {
    const result = await check([...map('fffff000'), ...map('ffffe000')]);
    expect(said(result)).toEqual(['STILL_MAPPED possible: map 4, map 6']);
    expect(result.passed).toBe(true);
  });

  test('piles up where every tenth is forgotten', async () => {
    const lines: string[] = [];
    for (let i = 0; i < 1000; i++) {
      const address = (0xfffff000 - i * 4096).toString(16);
      lines.push(...map(address));
      if (i % 10 !== 0) lines.push(...unmap(address));
    }
    const result = await check(lines);
    expect(result.counts).toEqual([
      { code: 'GROWING', certain: 0, likely: 1, possible: 0 },
      { code: 'STILL_MAPPED', certain: 0, likely: 0, possible: 1 },
    ]);
    expect(result.findings[0]).toMatchObject({ count: 75, task: 'fio' });
  });

  test('is no fault in a ring that is refilled', async () => {
    const lines: string[] = [];
    const address = (i: number): string => (0xfffff000 - i * 4096).toString(16);
    for (let i = 0; i < 1000; i++) {
      lines.push(...map(address(i), 2048, 'FROM_DEVICE'));
      if (i >= 256) lines.push(...unmap(address(i - 256), 2048, 'FROM_DEVICE'));
    }
    expect(sure(await check(lines))).toEqual([]);
  });
});

describe('the text', () => {
  test('says where, what it means, and what to do', async () => {
    const result = await check([...map('fffff000', 2048), ...unmap('fffff000', 1024)]);
    const text = checkText({ ...result, source: 'trace.txt' }).replaceAll(
      /\/\S*trace\.txt/g,
      'trace.txt',
    );
    expect(text).toBe(`trace.txt
  1 certain, 0 likely in 2 requests, nothing lost

certain: unmapped with another size (SIZE_MISMATCH)
  0000:00:04.0, fio, 0xfffff000: 2048 bytes were mapped, 1024 bytes unmapped
  map         trace.txt:4
  unmap       trace.txt:6
  Meaning: map and unmap disagree on the size: part stays mapped, or a neighbour is hit.
  Why certain: map and unmap both were recorded, and nothing was lost in between.
  To do: keep the size beside the address and unmap with it.
`);
  });

  test('has a meaning and an advice for every code', () => {
    for (const { code, meaning, advice } of findingKinds) {
      expect(code).toMatch(/^[A-Z_]+$/);
      expect(meaning).toMatch(/^[^A-Z].*[^.]$/);
      expect(advice).toMatch(/^[^A-Z].*[^.]$/);
    }
  });
});
