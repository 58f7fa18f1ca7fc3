// A process without a trace to replay writes reports while the others still replay.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BatchTable, batchTable } from '@dmalab/analysis';
import { afterAll, expect, test } from 'vitest';
import { tempFolder } from '../../../test/support/temp-folder.ts';
import { tinyTrace } from '../../../test/support/tiny-traces.ts';
import { EarlyReports } from '../src/batch/early-reports.ts';
import type { BatchJob, JobResult } from '../src/batch/job.ts';
import { JobPool, runJobs } from '../src/batch/job-pool.ts';

const folder = tempFolder();
const root = join(folder, 'traces');
const out = join(folder, 'out');
const NO_LIMITS = { seconds: null, memory: null };
const pool = new JobPool(2, null);
afterAll(() => pool.close());

test('the process that is done first writes reports of the results so far, the same as at the end', async () => {
  mkdirSync(root);
  const options = { flush: ['strict', 'percpu:size=16'] } as BatchJob['options'];
  const jobs = [1, 2, 3].map((i): BatchJob => {
    writeFileSync(join(root, `t${i}.txt`), tinyTrace(100 * i, i));
    return { root, trace: `t${i}.txt`, out, cache: null, options };
  });
  const results: JobResult[] = [];
  const machines = ['strict', 'percpu'].map((name) => ({ name, sha256: '' }));
  const tableSoFar = (): BatchTable =>
    batchTable(
      '',
      machines,
      results.flatMap(({ rows }) => rows),
    );
  const early = new EarlyReports(out, pool, tableSoFar);
  const counts: number[] = [];
  const spare = (): Promise<boolean> => {
    counts.push(results.length);
    return early.write();
  };
  await runJobs(pool, jobs, NO_LIMITS, (_, result) => results.push(result) > 0, spare);
  expect(counts[0]).toBe(2);
  const folders = tableSoFar().rows.flatMap(({ folder }) => folder ?? []);
  const reports = folders.map((each) => join(out, each, 'report.html')).filter(existsSync);
  expect(reports.length).toBeGreaterThan(0);
  const texts = reports.map((report) => readFileSync(report, 'utf8'));
  for (const report of reports) rmSync(report);
  await pool.report({ out, folders });
  expect(reports.map((report) => readFileSync(report, 'utf8'))).toEqual(texts);
});
