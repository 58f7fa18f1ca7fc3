// Whether a lock of another machine is alive shows only in whether it is touched.

import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '../../../test/support/temp-folder.ts';
import { lockBatch } from '../src/batch/batch-lock.ts';

const folder = tempFolder();
const path = join(folder, '.dmalab-batch');
const ELSEWHERE = JSON.stringify({ place: 'elsewhere pid:[1]', pid: 1, started: '1' });

test('one batch at a time has a folder, and gives it back', async () => {
  const first = await lockBatch(folder);
  await expect(lockBatch(folder)).rejects.toThrow(
    `another batch writes here (process ${process.pid});`,
  );
  first.release();
  expect(existsSync(path)).toBe(false);
  (await lockBatch(folder)).release();
});

test('a lock of another machine holds while it is touched, and is taken when it is not', async () => {
  writeFileSync(path, ELSEWHERE);
  let time = 1;
  const alive = setInterval(() => utimesSync(path, time, time++), 20);
  await expect(lockBatch(folder, 400)).rejects.toThrow('(process 1 on elsewhere)');
  clearInterval(alive);
  (await lockBatch(folder, 200)).release();
  expect(existsSync(path)).toBe(false);
});

test('a process that has ended, or has the number of another one by now, holds nothing', async () => {
  const lock = await lockBatch(folder);
  const own = JSON.parse(readFileSync(path, 'utf8'));
  lock.release();
  for (const other of [{ pid: 2 ** 30 }, { started: '1' }]) {
    writeFileSync(path, JSON.stringify({ ...own, ...other }));
    (await lockBatch(folder, 0)).release();
    expect(existsSync(path)).toBe(false);
  }
});
