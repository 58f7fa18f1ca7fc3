// The files beside a summary, read by libraries that others use: hyparquet and flechette.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { tableFromIPC } from '@uwdata/flechette';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { beforeAll, expect, test } from 'vitest';
import { dmalab } from '../support/dmalab.ts';
import { tempFolder } from '../support/temp-folder.ts';

const TRACE = 'traces/nvme-lazy-randread/trace.txt.zst';
const folder = tempFolder();
const run = (out: string): string => join(folder, out, 'nvme-lazy-randread', 'percpu');

beforeAll(() => {
  const words = ['replay', TRACE, '--flush', 'percpu'];
  const parquet = [
    '-o',
    join(folder, 'parquet'),
    '--outcomes',
    'parquet',
    '--series',
    'parquet',
    '--perfetto',
  ];
  const arrow = ['-o', join(folder, 'arrow'), '--outcomes', 'arrow', '--series', 'arrow'];
  for (const files of [parquet, arrow]) {
    expect(dmalab([...words, ...files])).toMatchObject({ code: 0, stderr: '' });
  }
});

type Row = Record<string, unknown>;

async function parquetRows(file: string): Promise<Row[]> {
  const bytes = readFileSync(join(run('parquet'), file));
  return parquetReadObjects({
    file: new Uint8Array(bytes).buffer,
    compressors: { ZSTD: (input) => zstdDecompressSync(input) },
  });
}

interface Summary {
  requests: { mapped: number; unmapped: number };
  flushes: { total: number };
  exposure: { staleWindow: { max: number }; peakStaleBytes: number };
  occupancy: { peak: { live: number; queued: number; cached: number } };
}

function summary(): Summary {
  return JSON.parse(readFileSync(join(run('parquet'), 'summary.json'), 'utf8')) as Summary;
}

test('every outcome is a row of Parquet, and their sums are those of the summary', async () => {
  const rows = await parquetRows('outcomes.parquet');
  const { requests, flushes, exposure } = summary();
  const ofKind = (kind: string): Row[] => rows.filter((row) => row.kind === kind);
  expect(ofKind('map')).toHaveLength(requests.mapped);
  expect(ofKind('unmap')).toHaveLength(requests.unmapped);
  expect(ofKind('flush')).toHaveLength(flushes.total);
  expect(Math.max(...ofKind('release').map(({ value }) => Number(value)))).toBe(
    exposure.staleWindow.max,
  );
  expect(ofKind('flush').every(({ cause }) => cause === 'timeout')).toBe(true);
  expect(ofKind('map')[0]).toMatchObject({
    device: '0000:00:04.0',
    domain: '0xffff88807624b008',
    path: 'rbtree',
    stage: '',
    iova: 0xffff_f000n,
    pfn: 0xfffff,
    bytes: 512,
    cpu: 1,
    line: 30,
    live_mappings: 1,
  });
});

test('an Arrow file has the same rows', async () => {
  const table = tableFromIPC(readFileSync(join(run('arrow'), 'outcomes.arrow')), {
    useBigInt: true,
  });
  const rows = await parquetRows('outcomes.parquet');
  expect(table.numRows).toBe(rows.length);
  for (const i of [0, 1, 5000, rows.length - 1]) expect(table.get(i)).toEqual(rows[i]);
});

test('a file says what it ran on', () => {
  const bytes = new Uint8Array(readFileSync(join(run('parquet'), 'outcomes.parquet'))).buffer;
  const { key_value_metadata } = parquetMetadata(bytes);
  const value = key_value_metadata?.find(({ key }) => key === 'dmalab')?.value ?? '';
  expect(JSON.parse(value)).toMatchObject({
    schema: 'dmalab.outcomes/1',
    trace: { name: 'nvme-lazy-randread', firstTime: 16_892_842_000 },
    units: { time_ns: 'ns', bytes: 'bytes', pages: 'pages of the domain' },
    machine: { flush: { name: 'percpu' } },
  });
});

test('the series is a row for each bucket, with the peak and the counts of the summary', async () => {
  const rows = await parquetRows('series.parquet');
  const { occupancy, requests, flushes } = summary();
  const { live, queued, cached } = occupancy.peak;
  const sum = (name: string): number => rows.reduce((total, row) => total + Number(row[name]), 0);
  expect(Math.max(...rows.map((row) => Number(row.taken_bytes_max)))).toBe(live + queued + cached);
  expect(sum('mapped')).toBe(requests.mapped);
  expect(Math.max(...rows.map((row) => Number(row.stale_bytes_max)))).toBe(
    summary().exposure.peakStaleBytes,
  );
  expect(sum('flushes')).toBe(flushes.total);
  expect(rows[1]?.time_ns).toBe(rows[0]?.bucket_ns);
  expect(Object.keys(rows[0] ?? {})).not.toContain('bounce_used_slots_max');
  const arrow = tableFromIPC(readFileSync(join(run('arrow'), 'series.arrow')));
  expect(arrow.toArray()).toEqual(rows);
});

test('counters for Perfetto begin with a packet of a trace', () => {
  const bytes = readFileSync(join(run('parquet'), 'counters.perfetto-trace'));
  expect(bytes[0]).toBe(0x0a);
  expect(bytes.includes('dmalab: nvme-lazy-randread, percpu')).toBe(true);
  expect(existsSync(join(run('arrow'), 'counters.perfetto-trace'))).toBe(false);
});

test('tables need a folder, and one that cannot be written leaves nothing behind', () => {
  const without = dmalab(['replay', TRACE, '--outcomes', 'parquet']);
  expect(without).toMatchObject({ code: 2 });
  expect(without.stderr).toContain('--outcomes needs -o FOLDER');
  const blocked = dmalab(['replay', TRACE, '--outcomes', 'parquet', '-o', '/dev/null/x']);
  expect(blocked.code).toBe(1);
  expect(existsSync('/dev/null/x')).toBe(false);
});

test('every column is documented with its type and unit', async () => {
  const page = readFileSync('docs/results.md', 'utf8');
  const [outcome] = await parquetRows('outcomes.parquet');
  const [bucket] = await parquetRows('series.parquet');
  const names = Object.keys(outcome ?? {}).concat(
    Object.keys(bucket ?? {}).map((name) => name.replace(/_(min|max|last|mean)$/, '')),
  );
  expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
