// Parquet files of other programs: what is passed over, and what a damaged page cannot do.

import { openTraceBytes, readingRoom } from '@dmalab/trace';
import type { SchemaElement } from 'hyparquet';
import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer';
import { expect, test } from 'vitest';
import { unpackSnappy } from '../src/tables/snappy.ts';

const REQUIRED = { repetition_type: 'REQUIRED' } as const;
const COLUMNS: SchemaElement[] = [
  { name: 'op', type: 'BYTE_ARRAY', converted_type: 'UTF8', ...REQUIRED },
  { name: 'iova', type: 'INT64', repetition_type: 'OPTIONAL' },
  { name: 'size', type: 'INT32', ...REQUIRED },
];
const TAGS: SchemaElement[] = [
  { name: 'tags', repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  { name: 'size', type: 'INT32', repetition_type: 'OPTIONAL' },
];

function parquet(
  rows: number,
  codec: 'UNCOMPRESSED' | 'SNAPPY',
  texts: 'DELTA_BYTE_ARRAY' | 'PLAIN' = 'DELTA_BYTE_ARRAY',
  more: readonly SchemaElement[] = [],
  columns: readonly ColumnSource[] = [],
): Buffer {
  const all = <T>(value: T): T[] => Array.from({ length: rows }, () => value);
  const data: ColumnSource[] = [
    { name: 'op', data: all('map'), encoding: texts },
    { name: 'iova', data: all(4096n), encoding: 'RLE_DICTIONARY' },
    { name: 'size', data: all(512), encoding: 'PLAIN' },
  ];
  const children = COLUMNS.length + (more.length > 0 ? 1 : 0);
  const schema = [{ name: 'root', num_children: children }, ...COLUMNS, ...more];
  return Buffer.from(parquetWriteBuffer({ columnData: [...data, ...columns], codec, schema }));
}

const room = readingRoom(2048);

async function rowsOf(bytes: Uint8Array): Promise<number> {
  let rows = 0;
  const reader = await openTraceBytes('x', bytes, { room });
  for await (const batch of reader.batches()) rows += batch.length;
  return rows;
}

test.each(['UNCOMPRESSED', 'SNAPPY'] as const)(
  'pages with levels and a dictionary, %s',
  async (codec) => {
    expect(await rowsOf(parquet(1000, codec))).toBe(1000);
  },
);

test('a column of lists is passed over, whatever its elements are called', async () => {
  const tags = [{ name: 'tags', data: [[1], [2, 3]] }];
  expect(await rowsOf(parquet(2, 'UNCOMPRESSED', 'PLAIN', TAGS, tags))).toBe(2);
});

test('no damage of one byte makes a page hang or fill the memory', async () => {
  for (const codec of ['UNCOMPRESSED', 'SNAPPY'] as const) {
    const bytes = parquet(3, codec);
    const end = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
    for (let at = 4; at < end; at++) {
      for (const byte of [0x00, 0x7f, 0xff]) {
        const damaged = Buffer.from(bytes);
        damaged[at] = byte;
        const rows = await rowsOf(damaged).catch((error: Error) => error.message);
        if (typeof rows === 'number') expect(rows).toBeLessThanOrEqual(3);
        else expect(rows).toMatch(/^x(?:@0x\w+)?:/);
      }
    }
  }
});

test('Snappy: literals, copies that overlap, and lengths that go back', () => {
  const packed = (...bytes: number[]): Uint8Array => unpackSnappy(Uint8Array.from(bytes), 9);
  // "ab", then 7 bytes from 2 before.
  expect(Buffer.from(packed(9, 0x04, 0x61, 0x62, 0x0d, 2)).toString()).toBe('ababababa');
  expect(() => packed(9, 0xfc, 0xff, 0xff, 0xff, 0xff)).toThrow('damaged Snappy data');
  expect(() => packed(9, 0x04, 0x61, 0x62, 0x0d, 3)).toThrow('damaged Snappy data');
  expect(() => unpackSnappy(Uint8Array.of(9), 1e9)).toThrow('a page of 1000000000 bytes');
});
