// How fast a trace becomes events and requests, against a script with readline and regular expressions.
//
//   node bench/read.ts [FILE | MEGABYTES]
//
// Without a file, a synthetic trace (generate-trace.ts, seed 1) is written to the temporary directory.
// The script comes in two versions: with exact addresses, as the reader has them, and with doubles.
// Each turn is a process of its own (one run to warm up, the median of three), so that none pays for the
// garbage of another. Before, one process checks that the reader and the exact script find the same
// events, addresses and sizes.

import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type EventBatch,
  EventKind,
  type EventReader,
  openTrace,
  readCapture,
} from '@dmalab/trace';
import {
  exactAddress,
  type ParseAddress,
  type Row,
  readByLines,
  roundedAddress,
} from './baseline-readline.ts';
import { generateTrace } from './generate-trace.ts';

const ROUNDS = 5;
const RUNS = 3;
const DEFAULT_MEGABYTES = 200;

const WORK: Readonly<Record<string, (file: string) => Promise<unknown>>> = {
  events: (file) => readEvents(file),
  requests: readRequests,
  exact: (file) => countByLines(file, exactAddress),
  doubles: (file) => countByLines(file, roundedAddress),
};

const argument = process.argv[2] ?? String(DEFAULT_MEGABYTES);
if (argument === '--turn') await turn(process.argv[3]!, process.argv[4]!);
else await main();

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'dmalab-bench-'));
  try {
    const file = existsSync(argument) ? argument : generated(directory, Number(argument));
    await compare(file);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** One turn, in a process of its own: prints the median in ms. */
async function turn(work: string, file: string): Promise<void> {
  await WORK[work]!(file);
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) times.push(await timed(() => WORK[work]!(file)));
  console.log(times.sort((a, b) => a - b)[Math.floor(RUNS / 2)]);
}

function turnOf(work: string, file: string): number {
  const words = [import.meta.filename, '--turn', work, file];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${work}: ${stderr}`);
  return Number(stdout);
}

function generated(parent: string, megabytes: number): string {
  if (!(megabytes > 0)) throw new RangeError(`Expected a file or megabytes, got "${argument}"`);
  const path = join(parent, 'trace.txt');
  const file = openSync(path, 'w');
  for (const block of generateTrace(megabytes * 1e6, 1)) writeSync(file, block);
  closeSync(file);
  return path;
}

async function compare(file: string): Promise<void> {
  const bytes = statSync(file).size;
  const lines = await checkEqual(file);
  const events: number[] = [];
  const requests: number[] = [];
  const exact: number[] = [];
  const rounded: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    events.push(turnOf('events', file));
    exact.push(turnOf('exact', file));
    requests.push(turnOf('requests', file));
    rounded.push(turnOf('doubles', file));
  }
  console.log(
    `${(bytes / 1e6).toFixed(0)} MB, ${lines} lines, ${ROUNDS} rounds (min / median / max)`,
  );
  console.log(`text to events               ${rates(events, bytes, lines)}`);
  console.log(`text to requests             ${rates(requests, bytes, lines)}`);
  console.log(`script, exact addresses      ${rates(exact, bytes, lines)}`);
  console.log(`script, addresses as doubles ${rates(rounded, bytes, lines)}`);
  console.log(`ratio, events to exact       ${spread(ratiosOf(exact, events), 1)}`);
  console.log(`ratio, requests to exact     ${spread(ratiosOf(exact, requests), 1)}`);
  console.log(`ratio, requests to doubles   ${spread(ratiosOf(rounded, requests), 1)}`);
}

function ratiosOf(theirs: readonly number[], ours: readonly number[]): number[] {
  return ours.map((ms, round) => theirs[round]! / ms);
}

function rates(times: readonly number[], bytes: number, lines: number): string {
  const median = [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
  return `${spread(times)} ms, ${(bytes / median / 1e6).toFixed(2)} GB/s, ${((1e6 * median) / lines).toFixed(0)} ns per line`;
}

async function readRequests(file: string): Promise<void> {
  (await readCapture(file)).close();
}

/** What a script does with its rows here: it counts and adds. */
async function countByLines<A>(file: string, parseAddress: ParseAddress<A>): Promise<number> {
  const events = new Map<string, number>();
  let sum = 0;
  await readByLines(file, parseAddress, (row) => {
    events.set(row.name, (events.get(row.name) ?? 0) + 1);
    sum += row.size + row.aux;
  });
  return sum;
}

/** The addresses of all maps and unmaps, and their sizes. */
interface Checksum {
  low: number;
  high: number;
  bytes: number;
}

async function checkEqual(file: string): Promise<number> {
  const ours: Checksum = { low: 0, high: 0, bytes: 0 };
  const theirs: Checksum = { low: 0, high: 0, bytes: 0 };
  const counts = new Map<string, number>();
  const reader = await readEvents(file, (batch) => addBatch(ours, batch));
  await readByLines(file, exactAddress, (row) => {
    counts.set(row.name, (counts.get(row.name) ?? 0) + 1);
    addRow(theirs, row);
  });
  reader.names.forEach((name, index) => {
    const count = reader.counts.byName[index] ?? 0;
    if (index > 0 && count !== (counts.get(name) ?? 0)) {
      throw new Error(`${name}: ${count} events read, ${counts.get(name)} by the script`);
    }
  });
  if (ours.low !== theirs.low || ours.high !== theirs.high || ours.bytes !== theirs.bytes) {
    throw new Error(`${JSON.stringify(ours)} read, ${JSON.stringify(theirs)} by the script`);
  }
  return reader.counts.lines;
}

function addBatch(sum: Checksum, batch: EventBatch): void {
  for (let i = 0; i < batch.length; i++) {
    const kind = batch.kind[i]!;
    const isIommu = kind === EventKind.iommuMap || kind === EventKind.iommuUnmap;
    if (!isIommu && kind !== EventKind.dmaMap && kind !== EventKind.dmaUnmap) continue;
    sum.low ^= batch.addressLow[i]! ^ batch.physLow[i]!;
    sum.high ^= batch.addressHigh[i]! ^ batch.physHigh[i]!;
    sum.bytes += batch.size[i]!;
  }
}

function addRow(sum: Checksum, row: Row<bigint>): void {
  if (!/^(?:un)?map$|^dma_(?:un)?map_(?:page|phys)$/.test(row.name)) return;
  const mixed = (row.address ?? 0n) ^ (row.phys ?? 0n);
  sum.low ^= Number(BigInt.asUintN(32, mixed));
  sum.high ^= Number(mixed >> 32n);
  sum.bytes += row.size;
}

async function readEvents(
  file: string,
  onBatch: (batch: EventBatch) => void = () => {},
): Promise<EventReader> {
  const reader = await openTrace(file);
  for await (const batch of reader.batches()) onBatch(batch);
  return reader;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function spread(values: readonly number[], digits = 0): string {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)]!;
  return [sorted[0]!, middle, sorted.at(-1)!].map((value) => value.toFixed(digits)).join(' / ');
}
