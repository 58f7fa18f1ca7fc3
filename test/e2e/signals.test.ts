// A run that is stopped leaves no half-written file.

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';

const BIN = fileURLToPath(new URL('../../packages/cli/bin/dmalab.mjs', import.meta.url));
const TRACE =
  '# tracer: nop\n#\n' +
  '             fio-2831    [002] d..1.   912.004382: dma_map_phys: 0000:01:00.0 dir=FROM_DEVICE dma_addr=fffff200 size=512 phys_addr=123456200 attrs=\n';
const folder = tempFolder();

/** A Node of this machine that starts the project's own; null where there is none so old. */
const oldNode =
  (process.env.PATH ?? '')
    .split(delimiter)
    .filter((path) => !path.includes('node_modules'))
    .map((path) => join(path, 'node'))
    .find((node) => /^v(?:1\d|2[0-3])\./.test(spawnSync(node, ['--version']).stdout?.toString())) ??
  null;
if (oldNode === null) console.warn('signals: no Node before 24 is here, its start is not tested');

const nodes = [process.execPath, ...(oldNode === null ? [] : [oldNode])];
const cases = nodes.flatMap((node) =>
  (['SIGINT', 'SIGTERM'] as const).map((signal) => [signal, node] as const),
);

test.each(cases)(
  '%s while a table is written, started by %s: the old file stays',
  async (signal, node) => {
    const place = join(folder, `${signal}-${nodes.indexOf(node)}`);
    mkdirSync(place);
    writeFileSync(join(place, 'out.csv'), 'old\n');
    const words = [BIN, 'convert', '-', join(place, 'out.csv'), '--what', 'events'];
    const run = spawn(node, words, { stdio: ['pipe', 'ignore', 'ignore'] });
    const ended = new Promise((resolve) => run.on('exit', (_, by) => resolve(by)));
    // Standard input stays open: the run waits for more events with its file begun.
    run.stdin.write(TRACE.padEnd(256 * 1024, '#\n'));
    await expect.poll(() => readdirSync(place).length, { timeout: 20_000 }).toBe(2);
    run.kill(signal);
    // A shell tells it as 128 + the number of the signal: 130 and 143.
    expect(await ended).toBe(signal);
    run.stdin.destroy();
    expect(readdirSync(place)).toEqual(['out.csv']);
    expect(readFileSync(join(place, 'out.csv'), 'utf8')).toBe('old\n');
  },
);
