// The catalogue of bad inputs, row by row: each row has an input here, or names the test that has it.
//
// An input gives counted findings (their codes), or is refused (the message). Rows 79 and 80 are Perfetto, which
// has no reader: such a file is refused. Row 27: keys that no kernel had so far are passed over and not counted.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { openTrace, readCapture } from '@dmalab/trace';
import { afterAll, describe, expect, test } from 'vitest';
import { Records } from './support/dat-events.ts';
import { datFile, Page } from './support/dat-file.ts';
import { eventLine, readText } from './support/read-text.ts';

const folder = mkdtempSync(join(tmpdir(), 'dmalab-rows-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TIME = '912.004381';
const UNMAP = eventLine('unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096');
const MAP = eventLine('map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096');
const DMA = eventLine(
  'dma_map_phys: dev0 dir=TO_DEVICE dma_addr=1000 size=4096 phys_addr=5000 attrs=',
);
const SG = eventLine(
  'dma_map_sg: dev0 dir=TO_DEVICE dma_addrs={0x1000} sizes={0x1000} phys_addrs={0x5000} attrs=',
);
const DUMP =
  'nvme 0000:00:05.0 single idx 12 P=0x12345200 D=fffff200 L=1000 cln=0x48d14 DMA_TO_DEVICE dma map error checked\n';
const ROWS = 'map,0x1000,4096\n';
const x86 = { little: true, longSize: 8 } as const;
const record = new Records(x86).map(0x1000n, 0x2000n, 4096);

function packed(change: (bytes: Buffer) => Buffer): Buffer {
  const noise = Array.from({ length: 3000 }, (_, i) => eventLine(`a: ${Math.imul(i, 0x9e3779b1)}`));
  return change(gzipSync(noise.join('')));
}

function badSum(bytes: Buffer): Buffer {
  bytes[bytes.length - 6]! ^= 0xff;
  return bytes;
}

/** Row, what it is, the input, the codes of its findings and how many events are read, or the refusal. */
type Row = readonly [number, string, string | Uint8Array, readonly string[] | RegExp, number?];

const rows: readonly Row[] = [
  [1, 'an empty file', '', /NO_EVENTS: .*an empty file/],
  [1, 'blank lines', '\n\n', /NO_EVENTS: .*blank lines/],
  [3, 'a zip archive', 'PK\x03\x04', /UNKNOWN_FORMAT: .*a zip archive; unpack it/],
  [5, 'an xz file', Buffer.from('\xfd7zXZ\0', 'latin1'), /UNKNOWN_FORMAT: .*"xz -d"/],
  [
    6,
    'bytes behind gzip data',
    packed((b) => Buffer.concat([b, Buffer.from('x y')])),
    ['GZ_TRAILING'],
  ],
  [7, 'gzip data that breaks off', packed((b) => b.subarray(0, -2000)), ['GZ_TRUNCATED']],
  [7, 'gzip data with a wrong sum', packed(badSum), ['GZ_CRC']],
  [8, 'two frames', Buffer.concat([zstdCompressSync(UNMAP), zstdCompressSync(UNMAP)]), [], 2],
  [13, 'a last line without its end', UNMAP + UNMAP.slice(0, 80), ['TRUNC_TAIL'], 1],
  [
    14,
    'a line cut in the middle',
    UNMAP + eventLine('dma_map_phys: d dir=TO_DEVICE dma_ad'),
    ['MALFORMED_EVENT'],
    1,
  ],
  [15, 'carriage returns', UNMAP.replace('\n', '\r\n'), ['CRLF'], 1],
  [16, 'a byte order mark', `\ufeff${UNMAP}`, ['BOM'], 1],
  [16, 'UTF-16, low byte first', Buffer.from(`\ufeff${UNMAP}`, 'utf16le'), ['UTF16'], 1],
  [16, 'UTF-16, high byte first', Buffer.from(`\ufeff${UNMAP}`, 'utf16le').swap16(), ['UTF16'], 1],
  [17, 'NUL bytes at the end', `${UNMAP}\0\0\0`, ['NUL_TAIL'], 1],
  [17, 'NUL bytes in a line', UNMAP + UNMAP.replace('iova', 'io\0va'), ['NUL_IN_LINE'], 1],
  [
    18,
    'bytes that are not UTF-8',
    Buffer.from(UNMAP.replace('nvme0', 'nvm\xff0'), 'latin1'),
    ['NON_UTF8'],
    1,
  ],
  [19, 'a task name like a line', UNMAP.replace('           nvme0', ' x-12 [000] 1.0:'), [], 1],
  [20, 'indentation removed', UNMAP.trimStart(), ['REINDENTED'], 1],
  [21, 'a line of 2 MB', `${UNMAP}${'x'.repeat(2e6)}\n${UNMAP}`, ['LINE_TOO_LONG'], 2],
  [
    22,
    'a line that was too big',
    UNMAP + eventLine('dma_map_sg: d dir[LINE TOO BIG]'),
    ['LINE_TOO_BIG'],
    1,
  ],
  [23, 'colour codes', `\x1b[31m${UNMAP.trimEnd()}\x1b[0m\n${UNMAP}`, ['NOISE'], 2],
  [23, 'a shell prompt', `${UNMAP}root@host:~# cat trace\n`, ['NOISE'], 1],
  [24, 'the prefix of dmesg', prefixed(() => '[   12.345678] '), ['PREFIX'], 20],
  [24, 'the prefix of syslog', prefixed(() => 'Nov 21 10:00:00 host kernel: '), ['PREFIX'], 20],
  [
    24,
    'the prefix of journald',
    prefixed(() => '2026-11-21T10:00:00+0000 host kernel: '),
    ['PREFIX'],
    20,
  ],
  [24, 'the numbers of grep -n', prefixed((i) => `${i}:`), ['PREFIX'], 20],
  [25, 'an event that is not known', UNMAP + eventLine('sched_switch: prev_comm=a'), [], 2],
  [26, 'the payload of another subsystem', UNMAP + eventLine('map: va=0x1 pages=3'), [], 2],
  [27, 'a key that occurs twice', MAP.replace('size=4096', 'size=4096 size=1'), ['DUP_KEY'], 1],
  [27, 'a key of a later kernel', DMA.replace('attrs=', 'colour=7 attrs='), [], 1],
  [28, 'a negative size', UNMAP + MAP.replace('size=4096', 'size=-1'), ['BAD_NUMBER'], 1],
  [
    28,
    'more than 64 bits',
    UNMAP + MAP.replace('0x1000', '0x10000000000000000'),
    ['BAD_NUMBER'],
    1,
  ],
  [28, 'a digit that is none', UNMAP + MAP.replace('0x1000', '0x10g0'), ['BAD_NUMBER'], 1],
  [30, 'an end that contradicts', MAP.replace('0x2000', '0x3000'), ['END_MISMATCH'], 1],
  [
    31,
    'lists of different length',
    SG.replace('sizes={0x1000}', 'sizes={0x1000,0x1}'),
    ['BAD_LIST'],
    1,
  ],
  [31, 'a list without its end', UNMAP + SG.replace('{0x1000}', '{0x1000'), ['BAD_LIST'], 1],
  [
    32,
    'words that no kernel prints',
    DMA.replace('TO_DEVICE', 'UP').replace('attrs=', 'attrs=X'),
    ['UNKNOWN_ENUM'],
    1,
  ],
  [33, 'a time below zero', UNMAP + UNMAP.replace(TIME, '-12.004381'), ['BAD_TIME'], 1],
  [33, 'a time that went back', UNMAP + UNMAP.replace(TIME, '911.904381'), ['TIME_BACKWARDS'], 2],
  [34, 'a jump of hours', UNMAP + UNMAP.replace(TIME, '9912.004381'), ['TIME_RESET'], 2],
  [35, 'ticks', UNMAP.replace(TIME, '912004381'), ['TICK_CLOCK'], 1],
  [36, 'one decimal', UNMAP.replace(TIME, '912.5'), ['TIME_PRECISION'], 1],
  [36, 'a decimal comma', UNMAP + UNMAP.replace(TIME, '912,004381'), ['TIME_PRECISION'], 1],
  [
    37,
    'more CPUs than the header',
    `# entries-in-buffer/entries-written: 1/1   #P:2\n${UNMAP}`,
    ['BAD_CPU'],
    1,
  ],
  [37, 'a CPU that no kernel has', UNMAP.replace('[003]', '[65535]'), /:1: BAD_CPU: /],
  [
    38,
    'a header in mid-file',
    `# tracer: nop\n${UNMAP}# tracer: nop\n${UNMAP}`,
    ['MULTI_SEGMENT'],
    2,
  ],
  [42, 'a task without a name', UNMAP.replace('nvme0', '<...>'), [], 1],
  [43, 'an HTML page', '<!DOCTYPE html>\n<html></html>\n', /UNKNOWN_FORMAT: .*an HTML page/],
  [
    44,
    'a cut line of a dump',
    `${DUMP}nvme 0000:00:05.0 single idx 1\n`,
    ['MALFORMED_SNAPSHOT'],
    1,
  ],
  [
    45,
    'a table without known columns',
    'what,where,howmuch\nmap,0x1000,4096\n',
    /CSV_HEADER: .*"what", "where"/,
  ],
  [
    46,
    'two columns for one field',
    `op,iova,address,size\nmap,1,2,3\n`,
    /CSV_AMBIGUOUS: .*"iova" and "address"/,
  ],
  [47, 'a row with more cells', `op,iova,size\n${ROWS}map,1,2,3,4\n`, ['CSV_RAGGED'], 1],
  [47, 'a quote without its end', `op,iova,size\n${ROWS}map,"1,2\n`, /:3: CSV_QUOTE: /],
  [
    48,
    'numbers of a spreadsheet',
    `op,iova,size\nmap,1.23E+12,4096\n${ROWS.repeat(200)}`,
    ['CSV_MANGLED'],
    200,
  ],
  [
    48,
    'nothing but such numbers',
    'op,iova,size\nmap,1.23E+12,4096\n',
    /CSV_MANGLED: .*1 of 1 rows/,
  ],
  [49, 'a time without a unit', 'op,t,iova,size\nmap,912004381000,0x1000,1\n', ['UNIT_ASSUMED'], 1],
  [
    50,
    'lines that are no objects',
    '{"op":"map","iova":1,"size":1}\n[1]\n{"op":NaN}\n',
    ['JSON_LINE'],
    1,
  ],
  [
    51,
    'numbers beyond 2^53',
    '{"op":"map","iova":18446744073709547519,"size":1}\n',
    ['JSON_PRECISION'],
    1,
  ],
  [
    61,
    'an option that is not known',
    dat({ options: [[77, Buffer.from('x')]] }),
    ['UNKNOWN_OPTION'],
    1,
  ],
  [79, 'a Perfetto trace', Buffer.from('\x0a\x30\x42\x2e\x0a\x2c', 'latin1'), /UNKNOWN_FORMAT: /],
];

function prefixed(prefix: (i: number) => string): string {
  return Array.from({ length: 20 }, (_, i) => prefix(i + 1) + UNMAP).join('');
}

function dat(more: Partial<Parameters<typeof datFile>[0]>): Buffer {
  const buffers = [{ cpus: { 0: [new Page(x86, 1n).event(0, record).done()] } }];
  return datFile({ ...x86, version: 6, buffers, ...more });
}

/** Rows whose test is elsewhere: the file and the name of the test. */
const elsewhere: readonly (readonly [number, string, string])[] = [
  [2, 'bad-input', 'a missing file'],
  [9, 'bad-input-rows', 'row 9: a bomb'],
  [4, 'bad-input-rows', 'row 4: the ending of a name'],
  [10, 'bad-input-rows', 'row 10: a file that grows'],
  [11, '../../../test/e2e/info', 'a file that is given twice'],
  [12, 'bad-input-rows', 'row 12: '],
  [29, 'bad-input-rows', 'row 29: '],
  [39, 'ftrace', 'RAW_TEXT_UNSUPPORTED'],
  [40, 'text-dialects', 'NO_TIME'],
  [41, 'text-dialects', 'FALLBACK_PRINT'],
  [52, 'tables', 'bpftrace -f json, its text in pieces'],
  [53, 'trace-dat', 'a version that is not known'],
  [54, 'trace-dat', 'a long of 5 bytes'],
  [55, 'trace-dat', 'a length beyond the end'],
  [56, 'trace-dat', 'a file cut in its front'],
  [57, 'trace-dat', 'data that breaks off'],
  [58, 'trace-dat', 'no CPU with data'],
  [59, 'trace-dat', 'data inside of the header'],
  [60, 'trace-dat', 'options that follow themselves'],
  [62, 'trace-dat', 'a compressed chunk that cannot be unpacked'],
  [63, 'trace-dat', 'an event beyond its page'],
  [64, 'trace-dat', 'an event without a description'],
  [65, 'trace-dat', 'a list outside of its record'],
  [66, 'trace-dat', 'two events with one id'],
  [67, 'trace-dat', 'a malformed description'],
  [68, 'trace-dat', 'a device that could not be read is unknown'],
  [69, 'trace-dat', 'a latency file goes to the text reader'],
  [70, 'trace-dat', 'of another clock are passed over'],
  [71, 'perf-data', 'version 1'],
  [72, 'perf-data', 'no tracepoint'],
  [73, 'perf-data', 'a recorder that was killed'],
  [74, 'perf-data', 'a record without a length'],
  [75, 'perf-data', 'raw data that does not fit'],
  [76, 'perf-data', 'samples of an event that is not described'],
  [77, 'perf-data', 'that are damaged end there'],
  [78, 'perf-data', 'samples without a time'],
  [80, 'bad-input-rows', 'a Perfetto trace'],
];

test.each(rows.map((row) => ({ row })))('row $row.0: $row.1', async ({ row }) => {
  const [, , content, expected, events] = row;
  if (expected instanceof RegExp) {
    await expect(readText(content)).rejects.toThrow(expected);
    return;
  }
  const reading = await readText(content);
  expect(Object.keys(reading.codes)).toEqual(expected);
  for (const { where } of reading.counts.diagnostics) {
    expect(where[0]).toMatch(/trace\.txt(?::\d+|@0x[0-9a-f]+)$/);
  }
  const read = Object.values(reading.events).reduce((sum, count) => sum + count, 0);
  if (events !== undefined) expect(read).toBe(events);
  else expect(read).toBeGreaterThan(1000);
});

test('every row of the catalogue has a test', () => {
  const numbers = new Set([...rows.map(([row]) => row), ...elsewhere.map(([row]) => row)]);
  expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: 80 }, (_, i) => i + 1));
  for (const [row, file, name] of elsewhere) {
    const path = fileURLToPath(new URL(`./${file}.test.ts`, import.meta.url));
    expect(readFileSync(path, 'utf8'), `row ${row}`).toContain(name);
  }
});

describe('what needs more than bytes', () => {
  test.each([
    ['trace.dat', UNMAP, 'the name promises another format, the content is read as ftrace text'],
    ['trace.txt.gz', UNMAP, 'a name for gzip data, which the content is not'],
    ['trace.csv', DUMP, 'the name promises another format, the content is read as dma-debug dump'],
  ])('row 4: the ending of a name: %s', async (name, content, message) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    const { diagnostics } = (await openTrace(path)).counts;
    expect(diagnostics).toEqual([
      { code: 'EXT_MISMATCH', message, count: 1, where: [`${path}:1`] },
    ]);
  });

  test.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('row 9: a bomb of %s is refused with the limit, not unpacked', async (_, pack) => {
    const bomb = pack(Buffer.concat([Buffer.from(UNMAP), Buffer.alloc(90_000_000, 0x78)]));
    const problem =
      /SIZE_LIMIT: expected at most 1000 bytes .*, found \d+ bytes or more from \d+; .* unpack it yourself/;
    await expect(readText(bomb)).rejects.toThrow(problem);
  });

  test('row 10: a file that grows is read up to its first size', async () => {
    const path = join(folder, 'growing.txt');
    writeFileSync(path, UNMAP.repeat(70_000));
    const reader = await openTrace(path, { chunkSize: 4096 });
    let events = 0;
    for await (const batch of reader.batches()) {
      if (events === 0) writeFileSync(path, UNMAP, { flag: 'a' });
      events += batch.length;
    }
    expect(events).toBe(70_000);
    expect(reader.counts.diagnostics.map(({ code }) => code)).toEqual(['GROWING']);
  });

  test('row 12: a name longer than the limit of its kind is cut off with its line', async () => {
    const line = UNMAP.replace('unmap: ', `${'n'.repeat(70_000)}: `);
    expect((await readText(UNMAP + line)).counts.unparsed).toBe(1);
  });

  test('row 29: a map of no bytes is kept and counted', async () => {
    const path = join(folder, 'zero.txt');
    writeFileSync(path, DMA.replace('size=4096', 'size=0'));
    const capture = await readCapture(path);
    expect([capture.report.requests.map, capture.report.pairing]).toEqual([1, { ZERO_SIZE: 1 }]);
    capture.close();
  });
});
