// Tables as input: CSV, JSON lines and what bpftrace prints.

import { EventKind, Flag } from '@dmalab/trace';
import { expect, test } from 'vitest';
import { readText } from './support/read-text.ts';

const TWO_ROWS = `#unit=ns
op,t,cpu,tid,dev,iova,phys,size,dir
map,912004381000,2,417,0000:00:05.0,0xfffff000,0x12345000,4096,1
unmap,912004391000,2,417,0000:00:05.0,0xfffff000,,4096,1
`;

test('a map and its unmap in CSV', async () => {
  const { rows, codes, counts } = await readText(TWO_ROWS);
  expect(rows).toHaveLength(2);
  expect(rows[0]).toMatchObject({
    kind: EventKind.dmaMap,
    time: 0,
    cpu: 2,
    tid: 417,
    device: '0000:00:05.0',
    address: 'fffff000',
    phys: '12345000',
    size: 4096,
    direction: 1,
    line: 3,
  });
  expect(rows[1]).toMatchObject({ kind: EventKind.dmaUnmap, time: 10_000, line: 4 });
  expect(codes).toEqual({});
  expect(counts.resolution).toBe(1);
});

test.each([';', '\t'])('columns separated by %j, in other words and any case', async (mark) => {
  const text = `Event,Time_us,Core,BDF,DMA Addr,Len\nU,12.5,1,dev0,4096,512\n`;
  const { rows, counts } = await readText(text.replaceAll(',', mark));
  expect(rows).toMatchObject([
    { kind: EventKind.dmaUnmap, cpu: 1, device: 'dev0', address: '1000', size: 512 },
  ]);
  expect(counts.resolution).toBe(100);
});

test('addresses keep all 64 bits, in decimal and in hexadecimal', async () => {
  const { rows } = await readText(
    `op,iova,size\nmap,18446744073709547519,1\nmap,0xffffffffffffefff,1\nmap,9007199254740993,1\n`,
  );
  expect(rows.map(({ address }) => address)).toEqual([
    'ffffffffffffefff',
    'ffffffffffffefff',
    '20000000000001',
  ]);
});

test.each([
  ['map', EventKind.dmaMap],
  ['dma_map_phys', EventKind.dmaMap],
  ['dma:dma_alloc', EventKind.dmaAlloc],
  ['pt_map', EventKind.iommuMap],
  ['iommu:unmap', EventKind.iommuUnmap],
  ['alloc_iova_fast', EventKind.iovaAlloc],
  ['io_issue', EventKind.other],
])('the op %s', async (op, kind) => {
  const { rows, events } = await readText(`op,iova,size\n${op},0x1000,4096\n`);
  expect(rows[0]?.kind).toBe(kind);
  expect(events).toEqual({ [op]: 1 });
});

test.each([
  ['t', '912.004381,912.004383', 's', 1000],
  ['t', '912004381000,912004383000', 'ns', 1],
])(
  'a time without a unit (%s: %s) is read as %s, and said so',
  async (name, times, _, resolution) => {
    const [first, second] = times.split(',');
    const { rows, codes, counts } = await readText(
      `op,${name},iova,size\nmap,${first},0x1000,1\nmap,${second},0x2000,1\n`,
    );
    expect(rows[1]?.time).toBe(2000);
    expect(codes).toEqual({ UNIT_ASSUMED: 1 });
    expect(counts.resolution).toBe(resolution);
  },
);

test('pages need the page size of a comment; directions and attributes may be words', async () => {
  const head = 'op,iova,pages,dir,attrs\n';
  const row = 'map,0x1000,3,DMA_FROM_DEVICE,SKIP_CPU_SYNC|NO_WARN\n';
  const { rows } = await readText(`#page_size=4096\n${head}${row}`);
  expect(rows[0]).toMatchObject({ size: 12_288, direction: 2, aux: 0x120 });
  const { codes } = await readText(head + row);
  expect(codes).toEqual({ MALFORMED_EVENT: 1 });
});

test('a failed map', async () => {
  const { rows } = await readText('op,iova,size,err\nmap,,4096,-12\n');
  expect(rows[0]!.flags & Flag.failed).toBe(Flag.failed);
});

test('other column names need a mapping', async () => {
  const text = 'what,where,howmuch\nmap,0x1000,4096\n';
  await expect(readText(text)).rejects.toThrow(
    /CSV_HEADER: expected columns op and iova or size .*, found "what", "where", "howmuch"/,
  );
  const columns = { op: 'what', iova: 'where', size: 'howmuch' };
  const { rows } = await readText(text, undefined, { columns });
  expect(rows).toMatchObject([{ kind: EventKind.dmaMap, address: '1000', size: 4096 }]);
});

test('a table without a header needs the numbers of its columns', async () => {
  const { rows } = await readText('0x1000,map,4096\n0x1000,unmap,4096\n', undefined, {
    columns: { op: '2', iova: '1', size: '3' },
  });
  expect(rows.map(({ kind, line }) => [kind, line])).toEqual([
    [EventKind.dmaMap, 1],
    [EventKind.dmaUnmap, 2],
  ]);
});

test('two columns for one field are an error until a mapping chooses', async () => {
  const text = 'op,iova,address,size\nmap,0x1000,0x2000,4096\n';
  await expect(readText(text)).rejects.toThrow(
    /:1: CSV_AMBIGUOUS: expected one column for iova, found "iova" and "address"; name one/,
  );
  const { rows } = await readText(text, undefined, { columns: { iova: 'address' } });
  expect(rows[0]?.address).toBe('2000');
});

test('rows of another width are left out and counted', async () => {
  const { rows, codes, counts } = await readText(`${TWO_ROWS}map,1\nmap,1,2,3,4,5,6,7,8,9\n`);
  expect(rows).toHaveLength(2);
  expect(codes).toEqual({ CSV_RAGGED: 2 });
  expect(counts.unparsed).toBe(2);
});

test('a quote that is never closed is an error with the line where it opened', async () => {
  await expect(readText(`${TWO_ROWS}map,"1,2\n3,4\n`)).rejects.toThrow(/:5: CSV_QUOTE: /);
});

test('quoted cells and a byte order mark are read', async () => {
  const { rows } = await readText(
    '\ufeff"op","iova","size","comm"\r\nmap,0x1000,1,"a ""b"", c"\r\n',
  );
  expect(rows).toMatchObject([{ task: 'a "b", c', address: '1000' }]);
});

test('numbers that went through a spreadsheet are left out, and refused when there are many', async () => {
  const good = 'map,0x1000,4096\n'.repeat(200);
  const { rows, codes } = await readText(`op,iova,size\n${good}map,1.23E+12,4096\n`);
  expect(rows).toHaveLength(200);
  expect(codes).toEqual({ CSV_MANGLED: 1 });
  await expect(readText("op,iova,size\nmap,0x1000,1\nmap,'0xffff,1\n")).rejects.toThrow(
    /:3: CSV_MANGLED: .* found 1 of 2 rows/,
  );
});

test('the CSV of a bpftrace script, with what bpftrace says in between', async () => {
  const { rows, counts, codes } = await readText(
    `Attaching 5 probes...\n#dmatrace-csv v=1 clock=boot unit=ns\n${SCRIPT}Lost 37 events\n${LATER_ROWS}`,
  );
  expect(rows.map(({ kind }) => kind)).toEqual([
    EventKind.iommuMap,
    EventKind.dmaMap,
    EventKind.lost,
    EventKind.iommuMap,
    EventKind.dmaMap,
  ]);
  expect(counts.lost).toBe(37);
  expect(codes).toEqual({});
});

const SCRIPT_ROWS = `pt_map,1000,0,7,,0xffff0000,0x12345000,4096,,
map,2000,0,7,dev0,0xffff0000,0x12345000,512,1,0x0
`;
const LATER_ROWS = SCRIPT_ROWS.replace('1000', '3000').replace('2000', '4000');
const SCRIPT = `op,t,cpu,tid,dev,iova,phys,size,dir,attrs\n${SCRIPT_ROWS}`;

test.each([1, 7, 1000])(
  'bpftrace -f json, its text in pieces, %d bytes at a time',
  async (chunk) => {
    const cut = SCRIPT.length - 9;
    const text = [
      { type: 'attached_probes', data: { probes: 5 } },
      { type: 'printf', data: `#dmatrace-csv v=1 unit=ns\n${SCRIPT.slice(0, cut)}` },
      { type: 'lost_events', data: { events: 3 } },
      { type: 'printf', data: SCRIPT.slice(cut) },
      { type: 'map', data: { '@': { a: 1 } } },
    ]
      .map((output) => `${JSON.stringify(output)}\n`)
      .join('');
    const { rows, counts, reader, codes } = await readText(text, chunk);
    expect(reader.format).toBe('bpftrace JSON');
    expect(rows.map(({ kind }) => kind)).toEqual([
      EventKind.iommuMap,
      EventKind.dmaMap,
      EventKind.lost,
    ]);
    expect(counts.lost).toBe(3);
    expect(codes).toEqual({});
  },
);

test('JSON lines, addresses as numbers beyond 2^53 digit by digit', async () => {
  const { rows, codes } = await readText(
    '{"op":"map","time_ns":5000,"iova":18446744073709547519,"size":4096,"dev":"dev0"}\n' +
      '{"op":"unmap","time_ns":6000,"iova":"0xffffffffffffefff","size":4096,"dev":"dev0"}\n',
  );
  expect(rows.map(({ address, time }) => [address, time])).toEqual([
    ['ffffffffffffefff', 0],
    ['ffffffffffffefff', 1000],
  ]);
  expect(codes).toEqual({ JSON_PRECISION: 1 });
});

test('lines that are no object are left out, a last line that breaks off is said', async () => {
  const line = '{"op":"map","iova":4096,"size":1}\n';
  const { rows, codes, counts } = await readText(
    `${line}{"op":"map",}\n[1]\n{"op":"map","iova":NaN,"size":1}\n${line}{"op":"ma`,
  );
  expect(rows).toHaveLength(2);
  expect(codes).toEqual({ JSON_LINE: 3, TRUNC_TAIL: 1 });
  expect(counts.unparsed).toBe(3);
});

test.each([1, 5, 1000])(
  'an array of objects over several lines, %d bytes at a time',
  async (chunk) => {
    const { rows, codes } = await readText(
      '[\n {"op":"map",\n  "iova":"0x1000", "size":1, "comm":"a]},\\"{"},\n {"op":"unmap","iova":4096,"size":1} ]\n',
      chunk,
    );
    expect(rows.map(({ kind, task }) => [kind, task])).toEqual([
      [EventKind.dmaMap, 'a]},"{'],
      [EventKind.dmaUnmap, ''],
    ]);
    expect(codes).toEqual({});
  },
);

test('the segments of a scatter list', async () => {
  const { rows } = await readText(
    '{"op":"map_sg","dev":"dev0","segments":[["0x1000","0x9000",4096],["0x2000","0x7000",512]]}\n',
  );
  expect(rows[0]).toMatchObject({
    kind: EventKind.dmaMapSg,
    aux: 2,
    phys: '9000',
    segments: [
      ['1000', '9000', 4096],
      ['2000', '7000', 512],
    ],
  });
});

test.each([1, 3, 64])('any chunk size gives the same rows (%d)', async (chunk) => {
  const { rows } = await readText(TWO_ROWS, chunk);
  expect(rows).toEqual((await readText(TWO_ROWS)).rows);
});
