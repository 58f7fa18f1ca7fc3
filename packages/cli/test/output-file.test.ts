// Folders that results are written to: made by whoever is first, and never in place of a file.

import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { tempFolder } from '../../../test/support/temp-folder.ts';
import { makeFolder } from '../src/output-file.ts';

const folder = tempFolder();
const SOURCE = new URL('../src/output-file.ts', import.meta.url).href;
/** One that is behind finds folders made, and so comes up with the other again and again. */
const MAKER = `
  const { workerData } = require('node:worker_threads');
  import(${JSON.stringify(SOURCE)}).then(({ makeFolder }) => {
    for (let i = 0; i < 1000; i++) makeFolder(workerData + '/' + i + '/a');
  });`;

test('two who make the same folders at the same time both find them made', async () => {
  const makers = [1, 2].map(() => new Worker(MAKER, { eval: true, workerData: folder }));
  const ended = await Promise.all(makers.map((maker) => once(maker, 'exit')));
  expect(ended).toEqual([[0], [0]]);
});

test('a file in place of a folder is named', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  mkdirSync(join(folder, 'there'));
  makeFolder(join(folder, 'there'));
  expect(() => makeFolder(file)).toThrow(`${file}: cannot write: is no folder`);
  expect(() => makeFolder(join(file, 'below'))).toThrow(`${file}: cannot write: is no folder`);
});
