// The way of the data is visible in the imports: cli -> analysis -> replay -> trace, and never back.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  trace: [],
  replay: ['@dmalab/trace'],
  analysis: ['@dmalab/replay', '@dmalab/trace'],
  queue: [],
  cli: ['@dmalab/analysis', '@dmalab/queue', '@dmalab/replay', '@dmalab/trace'],
};

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(folder, path));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/^(?:import|export)\b[^;]*?\bfrom '([^']+)'/gms)].map(
    (match) => match[1] ?? '',
  );
}

test.each(Object.keys(ALLOWED))('%s imports only what stands before it', (name) => {
  const wrong = sources(`packages/${name}/src`).flatMap((file) =>
    importsOf(file)
      .filter(
        (from) =>
          from.startsWith('@dmalab/') || /^(\.\.\/)+(trace|replay|analysis|cli)\//.test(from),
      )
      .filter((from) => !ALLOWED[name]?.includes(from.split('/').slice(0, 2).join('/')))
      .map((from) => `${file}: ${from}`),
  );
  expect(wrong).toEqual([]);
});

test('replay needs no library and no module of Node', () => {
  const foreign = sources('packages/replay/src').flatMap((file) =>
    importsOf(file)
      .filter((from) => !from.startsWith('.') && from !== '@dmalab/trace')
      .map((from) => `${file}: ${from}`),
  );
  expect(foreign).toEqual([]);
});

test('the command line loads the queue only where it is asked for: it may not be installed', () => {
  const loaded = sources('packages/cli/src').filter((file) =>
    /^(?:import|export) (?!type )[^;]*?from '@dmalab\/queue'/ms.test(
      readFileSync(join(ROOT, file), 'utf8'),
    ),
  );
  expect(loaded).toEqual([]);
});

test('nothing below the command line reads the clock, the locale, the environment or chance', () => {
  const forbidden = /Date\.now|new Date\(|performance\.now|Math\.random|process\.env|toLocale/;
  const wrong = ['trace', 'replay', 'analysis']
    .flatMap((name) => sources(`packages/${name}/src`))
    .flatMap((file) =>
      readFileSync(join(ROOT, file), 'utf8')
        .split('\n')
        .flatMap((line, i) => (forbidden.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
    );
  expect(wrong).toEqual([]);
});
