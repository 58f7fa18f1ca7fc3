// dmalab convert: a converted trace gives the results of the original.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dmalab, jsonOf } from '../support/dmalab.ts';
import { tempFolder, writeTemp } from '../support/temp-folder.ts';

const folder = tempFolder();
const TRACE = 'traces/nvme-lazy-randread/trace.txt.zst';

interface Summary {
  readonly trace: object;
}

function summaryOf(file: string): Summary {
  return jsonOf<Summary>(dmalab(['replay', file, '--flush', 'percpu', '--json']));
}

test('the replay of a converted trace is that of the original, in every format', () => {
  const { trace: _, ...expected } = summaryOf(TRACE);
  for (const ending of ['parquet', 'arrow', 'csv', 'jsonl']) {
    const out = join(folder, `requests.${ending}`);
    const { code, stdout, stderr } = dmalab(['convert', TRACE, out]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^[\d,]+ requests are in /);
    const { trace, ...summary } = summaryOf(out);
    expect(summary).toEqual(expected);
  }
});

test('a table with names of its own, by a mapping', () => {
  const table = writeTemp(folder, 'own.csv', 'what,where,howmuch\nmap,0x1000,4096\n');
  const out = join(folder, 'own.parquet');
  const columns = 'op=what,iova=where,size=howmuch';
  const document = jsonOf<object>(dmalab(['convert', table, out, '--columns', columns, '--json']));
  expect(document).toMatchObject({ schema: 'dmalab.convert/1', format: 'parquet', rows: 1 });
});

test.each([
  [['out.xlsx'], /out\.xlsx: expected a name that ends in one of \.parquet, \.arrow/],
  [['out.csv', '--columns', 'op'], /--columns: got "op", expected FIELD=COLUMN pairs/],
  [
    ['out.csv', '--columns', 'nothing=x'],
    /--columns: unknown field "nothing", expected one of: op, t/,
  ],
])('wrong usage: %s', (words, problem) => {
  const table = writeTemp(folder, 'table.csv', 'op,iova,size\nmap,0x1000,4096\n');
  const [out = '', ...rest] = words;
  const { code, stderr } = dmalab(['convert', table, join(folder, out), ...rest]);
  expect(stderr).toMatch(problem);
  expect(code).toBe(2);
});

test('a folder that is not there is told', () => {
  const { code, stderr } = dmalab(['convert', TRACE, join(folder, 'none', 'out.csv')]);
  expect(stderr).toMatch(/^dmalab: .*out\.csv: IO: cannot write: ENOENT/);
  expect(code).toBe(1);
});
