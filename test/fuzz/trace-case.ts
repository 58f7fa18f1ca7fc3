// A damaged piece of a bundled capture through the whole way: read, replay, summarise, draw, verify.

import { ok } from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';
import { charts, labelResults, summarise, verify } from '@dmalab/analysis';
import { type MachineOverrides, machineFromFacts, replay } from '@dmalab/replay';
import { type Capture, readCapture, TraceError } from '@dmalab/trace';
import { mutate } from './mutate.ts';
import { OutcomeChecks } from './outcome-checks.ts';
import type { Random } from './random.ts';
import { checkResult } from './result-checks.ts';

const TRACES = fileURLToPath(new URL('../../traces', import.meta.url));
const MOST_LINES = 4000;
const texts = new Map<string, string[]>();

/** Runs one damaged trace, written to `file`; throws where anything is wrong. Returns what was done. */
export async function traceCase(random: Random, file: string): Promise<string> {
  const trace = random.pick(traceFiles());
  const count = random.pick([0, 1, 3, 10, 50, 500]);
  const text = mutate(piece(linesOf(trace), random), count, random);
  const cut = random.chance(0.1) ? text.slice(0, random.below(text.length + 1)) : text;
  writeFileSync(file, cut, 'latin1');
  return readAndReplay(random, file, `${trace}, ${cut.length} bytes, ${count} mutations`);
}

/** Reads a damaged file and replays what it gives; `told` says what it is. */
export async function readAndReplay(random: Random, file: string, told: string): Promise<string> {
  let capture: Capture;
  try {
    capture = await readCapture(file, { ignoreProbes: random.chance(0.2) });
  } catch (error) {
    if (error instanceof TraceError) return `${told}: ${error.message.replace(file, '')}`;
    throw error;
  }
  try {
    const rows = replayed(capture, random);
    if (random.chance(0.1)) await verify(file);
    return `${told}: ${rows} rows`;
  } finally {
    capture.close();
  }
}

function replayed(capture: Capture, random: Random): number {
  const { report, facts } = capture;
  const changes = randomChanges(random);
  const machine = machineFromFacts(facts, changes);
  const checks = new OutcomeChecks(machine.flush?.name === 'strict');
  const context = { report, facts, machine, version: '0', name: 'fuzz' };
  const result = summarise(context, checks.watch(replay(machine, capture)));
  checkResult(result);
  const drawn = charts.map(({ make }) => JSON.stringify(make(labelResults([result]))));
  ok(drawn.every((spec) => !/NaN|Infinity|undefined/.test(spec)));
  return checks.rows;
}

function randomChanges(random: Random): MachineOverrides {
  const flush = random.pick(['strict', 'percpu', 'single', null] as const);
  const size = random.pick([2, 4, 64, 256]);
  const parameters = flush === 'strict' ? {} : { size };
  return {
    flush: flush === null ? null : { name: flush, parameters },
    timerMode: random.pick(['ideal', 'exact', 'wheel']),
    recordedFailures: random.pick(['hold', 'drop']),
    ...(random.chance(0.3) ? { cpus: random.from(1, 8) } : {}),
    ...(random.chance(0.3) ? { kernel: random.pick(['6.1', '6.12'] as const) } : {}),
    ...(random.chance(0.2) ? { domain: { apertureEnd: 2 ** random.from(20, 40) - 1 } } : {}),
    ...(random.chance(0.2) ? { domain: { granule: 16_384 } } : {}),
    ...(random.chance(0.3) ? { devices: [{ name: '*', translated: true }] } : {}),
  };
}

function traceFiles(): string[] {
  return readdirSync(TRACES, { recursive: true, encoding: 'utf8' })
    .filter((name) => /trace[^/]*\.txt(\.zst)?$/.test(name))
    .sort();
}

function linesOf(name: string): string[] {
  let lines = texts.get(name);
  if (lines === undefined) {
    const bytes = readFileSync(join(TRACES, name));
    const text = name.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes;
    lines = text.toString('latin1').split('\n');
    if (texts.size > 4) texts.clear();
    texts.set(name, lines);
  }
  return lines;
}

/** The head of a trace, which holds its header and domains, and a run of lines from anywhere. */
function piece(lines: readonly string[], random: Random): string {
  const head = random.chance(0.8) ? random.below(MOST_LINES) : 0;
  const from = head + random.below(Math.max(1, lines.length - head));
  return [...lines.slice(0, head), ...lines.slice(from, from + random.below(MOST_LINES))].join(
    '\n',
  );
}
