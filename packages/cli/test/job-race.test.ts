// Two processes at one trace, as when a slow worker is taken for lost: whoever is first, the bytes are the same.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { folderHashes } from '../../../test/support/folder-hash.ts';
import { tempFolder } from '../../../test/support/temp-folder.ts';
import { tinyTrace } from '../../../test/support/tiny-traces.ts';
import type { BatchJob } from '../src/batch/job.ts';
import { JobPool } from '../src/batch/job-pool.ts';

const folder = tempFolder();
const root = join(folder, 'traces');
const out = join(folder, 'out');
const NO_LIMITS = { seconds: null, memory: null };
const pool = new JobPool(2, null);
afterAll(() => pool.close());

test('two processes at one trace, six times: each gives its rows, and the results are whole', async () => {
  mkdirSync(root);
  writeFileSync(join(root, 't.txt'), tinyTrace(100, 5));
  const options = { flush: ['strict', 'percpu:size=16'] } as BatchJob['options'];
  const job: BatchJob = { root, trace: 't.txt', out, cache: null, options };
  const alone = await pool.run(job, NO_LIMITS);
  expect(alone.rows.map(({ error }) => error)).toEqual([null, null]);
  const expected = folderHashes(out);
  for (let i = 0; i < 6; i++) {
    // Half of the times there is a result to be made anew.
    if (i % 2 === 0) rmSync(out, { recursive: true });
    else writeFileSync(join(out, 't.txt/strict/summary.json'), '{}');
    const both = await Promise.all([pool.run(job, NO_LIMITS), pool.run(job, NO_LIMITS)]);
    for (const { rows } of both) expect(rows).toEqual(alone.rows);
    expect(folderHashes(out)).toEqual(expected);
  }
});
