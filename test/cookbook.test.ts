// Every program of the cookbook (docs/api.md) prints what stands below it.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGE = readFileSync(new URL('../docs/api.md', import.meta.url), 'utf8');
const RECIPE = /^## (.*?)\n[^#]*?^```ts\n(.*?)^```\n\n```text\n(.*?)^```/gms;

const recipes = [...PAGE.matchAll(RECIPE)].map(([, title = '', program = '', printed = '']) => ({
  title,
  program,
  printed,
}));

test('every recipe has a program and what it prints', () => {
  expect(recipes.map(({ title }) => title)).toEqual(
    [...PAGE.matchAll(/^## (.*)$/gm)].map(([, title]) => title),
  );
  expect(PAGE.match(/^```ts$/gm)).toHaveLength(recipes.length);
});

test.each(recipes)('$title', ({ program, printed }) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module-typescript', '-e', program],
    { cwd: ROOT, encoding: 'utf8' },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toBe(printed);
});
