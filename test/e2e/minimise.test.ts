import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dmalab } from '../support/dmalab.ts';
import { tempFolder } from '../support/temp-folder.ts';

const TRACE = 'traces/nvme-lazy-randread/trace.txt.zst';
const folder = tempFolder();

test('minimise writes the least that two queues answer differently, and the file replays', () => {
  const out = join(folder, 'small.csv');
  const queues = ['--flush', 'percpu', '--flush', 'strict'];
  const { code, stdout } = dmalab([
    'minimise',
    TRACE,
    '--until',
    'diverge',
    ...queues,
    '-o',
    out,
    '--json',
  ]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    schema: 'dmalab.minimise/1',
    left: 3,
    minimal: true,
    written: out,
  });
  const { runs } = JSON.parse(dmalab(['replay', out, ...queues, '--json']).stdout);
  expect(runs.map(({ requests }: { requests: { mapped: number } }) => requests.mapped)).toEqual([
    2, 2,
  ]);
});

test('minimise says where a condition is wrong (2), and that an event never comes (1)', () => {
  const wrong = dmalab(['minimise', TRACE, '--until', 'steps >> 3']);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('at character 8: got ">"');
  const never = dmalab(['minimise', TRACE, '--until', 'steps > 1e9']);
  expect(never.code).toBe(1);
  expect(never.stderr).toContain('never holds in the replay');
  expect(dmalab(['minimise', TRACE, '--until', 'diverge']).code).toBe(2);
});

test('calibrate writes a machine file that replay takes', () => {
  const out = join(folder, 'cost.yaml');
  const { code, stdout } = dmalab(['calibrate', TRACE, '-o', out]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/median error [\d.]+ % on [\d,]+ calls left out of the fit/);
  expect(readFileSync(out, 'utf8')).toContain('cost:\n  rcache: ');
  const { machine } = JSON.parse(dmalab(['replay', TRACE, '-m', out, '--json']).stdout);
  expect(machine.cost.rcache).toBeGreaterThan(500);
  const nothing = dmalab(['calibrate', 'traces/formats-clocks/trace.clock-tai.txt', '--seed', 'x']);
  expect(nothing.code).toBe(2);
});
