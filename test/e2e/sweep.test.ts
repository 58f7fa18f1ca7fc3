import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dmalab, jsonOf } from '../support/dmalab.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();

test('sweep replays every combination, and refuses a wrong name before it reads', () => {
  const words = ['--vary', 'flush=percpu,single', '--vary', 'flush.size=16..256:x4'];
  const trace = 'traces/nvme-lazy-seqread/trace.txt.zst';
  const swept = dmalab(['sweep', trace, ...words, '--json']);
  const { rows } = jsonOf<{ rows: { pareto: boolean }[] }>(swept);
  expect(rows).toHaveLength(6);
  expect(rows.map(({ pareto }) => pareto)).toContain(true);
  const file = join(folder, 'sweep.json');
  writeFileSync(file, swept.stdout);
  expect(dmalab(['chart', file, 'pareto', '-o', join(folder, 'front.svg')]).code).toBe(0);
  expect(readFileSync(join(folder, 'front.svg'), 'utf8')).toContain('machine: flush, flush.size');
  expect(dmalab(['chart', file, 'sizing', '-o', 'x.svg']).stderr).toContain('not a sizing');
  const { code, stderr } = dmalab(['sweep', 'no-such-trace.txt', '--vary', 'flush.siez=64']);
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /--vary: flush: Unknown parameter "siez" of percpu, expected one of: size/,
  );
});

test('a directory stands for the captures in its folders', () => {
  for (const name of ['nvme-lazy-seqread', 'sas-128k']) {
    cpSync(`traces/${name}/trace.txt.zst`, join(folder, name, 'trace.txt.zst'));
  }
  const { traces } = jsonOf<{ traces: string[] }>(
    dmalab(['sweep', folder, '--vary', 'flush=percpu', '--json']),
  );
  expect(traces).toEqual(['nvme-lazy-seqread', 'sas-128k']);
});
