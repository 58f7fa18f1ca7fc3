// Tables of requests and events: what is written is what is read back.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Capture,
  openTrace,
  type RequestBatch,
  readCapture,
  TABLE_FORMATS,
  writeEvents,
  writeRequests,
} from '@dmalab/trace';
import { tableFromIPC } from '@uwdata/flechette';
import { expect, test } from 'vitest';
import { tempFolder, writeTemp } from '../../../test/support/temp-folder.ts';
import { capture as captureOf, mapPage, unmapPage } from './support/text-trace.ts';

const folder = tempFolder();

/** A list, a failed map, an address near 2^64, a loss, an unmap without a map, and names that need quotes. */
const TRACE = [
  ...unmapPage('fio-7 0 .', 0, '12345'),
  'a,"b";-8 1 s 5 map: IOMMU: iova=0xfffffffffffff000 - 0x0000000000000000 paddr=0x0000000012345000 size=4096',
  'a,"b";-8 1 s 6 dma_map_page: dev0 dir=TO_DEVICE dma_addr=fffffffffffff200 size=512 phys_addr=12345200 attrs=',
  'fio-7 0 . 10 dma_map_page: dev0 dir=TO_DEVICE dma_addr=ffffffffffffffff size=4096 phys_addr=77000 attrs=',
  'fio-7 0 . 20 map: IOMMU: iova=0x00000000fff00000 - 0x00000000fff02000 paddr=0x0000000000010000 size=8192',
  'fio-7 0 . 21 dma_map_sg: 0000:00:05.0 dir=FROM_DEVICE dma_addrs={0xfff00000} sizes={8192} phys_addrs={0x10000,0x18000} attrs=',
  'CPU:1 [LOST 37 EVENTS]',
  ...mapPage('fio-7 0 .', 30, 'ffff3'),
  ...unmapPage('fio-7 0 .', 40, 'ffff3'),
];

function* rows(batches: Iterable<RequestBatch>): Generator<string> {
  for (const batch of batches) {
    const columns = Object.entries(batch).filter(([name]) => name !== 'length');
    for (let i = 0; i < batch.length; i++) {
      yield columns.map(([name, values]) => `${name}=${(values as Uint32Array)[i]}`).join(' ');
    }
  }
}

function contentOf(capture: Capture): object {
  const { source, table, ...report } = capture.report;
  return {
    facts: capture.facts,
    tasks: capture.tasks,
    report,
    openStart: [...rows(capture.openStart())],
    requests: [...rows(capture.requests())],
  };
}

test.each(TABLE_FORMATS)('requests come back from %s as they were', async (format) => {
  const original = await captureOf(TRACE);
  const path = join(folder, `requests.${format}`);
  const count = writeRequests(original, path, format);
  const back = await readCapture(path);
  expect(contentOf(back)).toEqual(contentOf(original));
  expect([...rows(back.openStart())]).toHaveLength(1);
  expect([...rows(back.requests())]).toHaveLength(count - 1);
  expect(back.report.source).toBe('trace.txt');
  expect(back.report.table).toEqual({
    path,
    format: expect.stringMatching(/^(Parquet|Arrow|CSV|JSON lines)$/),
  });
  original.close();
  back.close();
});

test.each(TABLE_FORMATS)('segments of a list come back from %s', async (format) => {
  const list =
    'a-1 0 . 10 dma_map_sg: 0000:00:05.0 dir=FROM_DEVICE dma_addrs={0x10800,0x18000} sizes={0x800,0x200} phys_addrs={0x10800,0x18000} attrs=';
  const original = await captureOf([list, list.replace(' 10 ', ' 20 ')]);
  const path = join(folder, `lists.${format}`);
  writeRequests(original, path, format);
  const back = await readCapture(path);
  expect(contentOf(back)).toEqual(contentOf(original));
  const [batch] = back.requests();
  const segments = [...batch!.list.subarray(0, 2)].map((first) => [
    back.lists!.phys(first),
    back.lists!.bytes(first),
    back.lists!.phys(first + 1),
    back.lists!.bytes(first + 1),
  ]);
  expect(segments).toEqual([
    [0x10800, 2048, 0x18000, 512],
    [0x10800, 2048, 0x18000, 512],
  ]);
  original.close();
  back.close();
});

test('a table with other segments than its rows tell is an error', async () => {
  const original = await captureOf([
    'a-1 0 . 10 dma_map_sg: 0000:00:05.0 dir=FROM_DEVICE dma_addrs={0x1000,0x3000} sizes={8,9} phys_addrs={0x1000,0x3000} attrs=',
  ]);
  const path = join(folder, 'segments.csv');
  writeRequests(original, path, 'csv');
  original.close();
  writeFileSync(path, readFileSync(path, 'utf8').replace(';0x3000/9', ''));
  await expect(readCapture(path)).rejects.toThrow(
    'MALFORMED_EVENT: expected 2 segments "0x.../size" joined by ";", found "0x1000/8"',
  );
});

test.each(TABLE_FORMATS)(
  'events come back from %s and pair to the same requests',
  async (format) => {
    const path = writeTemp(folder, 'events.csv', EVENTS);
    const original = await readCapture(path);
    const table = join(folder, `events.${format}`);
    expect(await writeEvents(await openTrace(path), table, format)).toBe(5);
    const back = await readCapture(table);
    expect([...rows(back.requests())].map(withoutLine)).toEqual(
      [...rows(original.requests())].map(withoutLine),
    );
    expect(back.report.events).toEqual(original.report.events);
    expect(back.report.lost).toBe(7);
    expect(back.report.diagnostics).toEqual([]);
    original.close();
    back.close();
  },
);

const EVENTS = `#unit=ns
op,t,cpu,tid,comm,dev,iova,phys,size,dir,segments
iommu:map,1000,3,7,"a ""b""",,0xffffffffffffe000,0x5000,4096,,
dma_map_sg,2000,3,7,"a ""b""",dev0,0xffffffffffffe000,0x5000,4096,1,0xffffffffffffe000/0x5000/2048;/0x9000/2048
lost,2500,1,,,,,,7,,
dma_unmap_sg,3000,3,7,"a ""b""",dev0,,0x5000,,1,/0x5000/0;/0x9000/0
iommu:unmap,4000,3,7,"a ""b""",,0xffffffffffffe000,,4096,,
`;

function withoutLine(row: string): string {
  return row.replace(/line=\d+/, '');
}

test('an Arrow file has a footer with the place of every batch', async () => {
  const lines = Array.from(
    { length: 70_000 },
    (_, i) => `map,${i},0x${(i * 4096).toString(16)},4096\n`,
  );
  const original = await readCapture(
    writeTemp(folder, 'many.csv', `op,t_ns,iova,size\n${lines.join('')}`),
  );
  const path = join(folder, 'many.arrow');
  writeRequests(original, path, 'arrow');
  const table = tableFromIPC(readFileSync(path), { useBigInt: true });
  expect(table.numRows).toBe(70_000);
  expect(table.getChild('address')?.data).toHaveLength(2);
  expect(table.getChild('address')?.at(69_999)).toBe(286_715_904n);
  expect(JSON.parse(table.schema.metadata?.get('dmalab') ?? '')).toMatchObject({
    schema: 'dmalab.requests/1',
    preloaded: 0,
  });
  original.close();
});

test('addresses in text tables are hexadecimal', async () => {
  const original = await captureOf(TRACE);
  const path = join(folder, 'words.csv');
  writeRequests(original, path, 'csv');
  const lines = readFileSync(path, 'utf8').split('\n');
  expect(lines[2]).toBe(
    'time,cpu,op,device,domain,tid,task,context,id,size,dma_limit,hold,direction,flags,segments,line,domain_class,address,phys',
  );
  expect(lines[5]).toContain(',0xfffffffffffff200,0x12345200');
  original.close();
});

test.each(['parquet', 'arrow', 'jsonl', 'csv'] as const)(
  'a %s file that was cut off is an error',
  async (format) => {
    const original = await captureOf(TRACE);
    const path = join(folder, `cut.${format}`);
    writeRequests(original, path, format);
    original.close();
    const bytes = readFileSync(path);
    writeFileSync(
      path,
      bytes.subarray(0, bytes.length - (format === 'arrow' ? bytes.length / 2 : 60)),
    );
    await expect(readCapture(path)).rejects.toThrow(
      /cut\.\w+.*: (BAD_BLOCK|CSV_RAGGED): expected /,
    );
  },
);

test('a table of requests has no events to pair anew', async () => {
  const original = await captureOf(TRACE);
  const path = join(folder, 'paired.parquet');
  writeRequests(original, path, 'parquet');
  original.close();
  await expect(readCapture(path, { ignoreProbes: true })).rejects.toThrow(
    /NO_EVENTS: .*original trace/,
  );
  const reader = await openTrace(path);
  await expect(reader.batches().next()).rejects.toThrow(/NO_EVENTS: .*original trace/);
});

test('what the caller states wins over the facts of a table', async () => {
  const original = await captureOf(TRACE);
  const path = join(folder, 'stated.parquet');
  writeRequests(original, path, 'parquet');
  original.close();
  const { facts, close } = await readCapture(path, { cpus: 64, maskBits: 32 });
  expect(facts.cpus).toEqual({ value: 64, source: 'flag' });
  expect(facts.devices[1]?.maskBits).toEqual({ value: 32, source: 'flag' });
  close();
});
