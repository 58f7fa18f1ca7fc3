import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dmalab, jsonOf } from '../support/dmalab.ts';
import { tempFolder, writeTemp } from '../support/temp-folder.ts';

const folder = tempFolder();
const TRACE = 'traces/vblk-large-huge/trace.txt.zst';

test('defaults for every command and for one; the command line wins', () => {
  const config = writeTemp(
    folder,
    'defaults.yaml',
    "kernel: '6.1'\njson: true\nreplay:\n  flush: [strict, percpu]\n  hz: 100\nconvert:\n  to: csv\n",
  );
  interface Runs {
    runs: { run: string; machine: { kernel: string; hz: number } }[];
  }
  const { runs } = jsonOf<Runs>(dmalab(['replay', TRACE, '--config', config]));
  expect(runs.map(({ run }) => run)).toEqual(['strict', 'percpu']);
  expect(runs[0]?.machine).toMatchObject({ kernel: '6.1', hz: 100 });
  const typed = dmalab([
    'replay',
    TRACE,
    `--config=${config}`,
    '--flush',
    'single',
    '--kernel',
    '6.12',
  ]);
  expect(jsonOf(typed)).toMatchObject({ machine: { kernel: '6.12', hz: 100 } });
});

test.each([
  ['flsh: strict', 'bad.yaml:1: "flsh": unknown option'],
  ['json: true\nreplay:\n  hz: many', 'bad.yaml:3: "hz": got many, expected a number'],
  ['\nkernel: 7.0', 'bad.yaml:2: "kernel": got 7.0, expected one of: '],
  ['replay: 3', 'bad.yaml:1: "replay": expected options'],
  ['replay: {rate: [1, 2]}', 'bad.yaml:1: "rate": got a list, expected one value'],
  ['a: [', 'bad.yaml:1: not valid YAML'],
  ['json: true\nflush:\n  - no-such', 'bad.yaml:3: --flush: Unknown flush policy "no-such"'],
])('what is wrong has its line: %s', (text, message) => {
  const config = writeTemp(folder, 'bad.yaml', text);
  const { code, stdout, stderr } = dmalab(['replay', TRACE, '--config', config]);
  expect(stdout).toBe('');
  expect(stderr.replace(`${folder}/`, '')).toContain(message);
  expect(code).toBeGreaterThan(0);
});

test('a file of defaults that is not there', () => {
  const { code, stderr } = dmalab(['info', TRACE, '--config', join(folder, 'none.yaml')]);
  expect(code).toBe(1);
  expect(stderr).toContain('none.yaml: cannot read the file of defaults');
});
