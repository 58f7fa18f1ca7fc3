// The files of all CPUs as one trace: merged by time, events of one time by CPU, those of one CPU as
// they stand in its file. The line of an event is its line in the file of its CPU.
//
// Left out: a file whose own times start over (two boots in one file) is merged by its continued times.

import { type EventBatch, UNKNOWN_CPU } from '../batch.ts';
import { CpuMerge } from '../binary/cpu-merge.ts';
import { lossesBeyond } from '../binary/cpu-stats.ts';
import type { EventReader } from '../event-reader.ts';
import { EventSink } from '../event-sink.ts';
import { lineWindow } from '../lines.ts';
import { TraceError } from '../trace-error.ts';
import type { CpuFile } from './cpu-files.ts';
import { CpuText, type OpenedFile } from './cpu-text.ts';
import { mergeCounts } from './merged-counts.ts';

const SECOND = 1e9;
/** Files whose first events are further apart than this were not recorded with one clock. */
const ONE_CLOCK = 86_400;

type Batches = AsyncGenerator<EventBatch, void, undefined>;

/** Opens the files with `open` and reads them as one trace named `directory`. */
export async function mergedReader(
  directory: string,
  files: readonly CpuFile[],
  open: (path: string) => Promise<OpenedFile>,
): Promise<EventReader> {
  const window = lineWindow();
  const sink = new EventSink(directory, window);
  const texts: CpuText[] = [];
  let first: EventReader | null = null;
  try {
    for (const file of files) {
      const opened = await open(file.path);
      texts.push(new CpuText(file, opened, sink, window));
      if (opened.isBlank) continue;
      first ??= opened.reader;
      if (opened.reader.format === first.format) continue;
      const found = `${first.format} in ${first.source} and ${opened.reader.format} in ${file.name}`;
      throw problem(directory, `UNKNOWN_FORMAT: expected one format for all CPUs, found ${found}`);
    }
    if (first === null) throw problem(directory, 'NO_EVENTS: the files of all CPUs are empty');
  } catch (error) {
    await closeAll(texts);
    throw error;
  }
  return {
    source: directory,
    format: `${first.format}, ${files.length === 1 ? 'the file of one CPU' : `${files.length} files of CPUs`}`,
    compression: first.compression,
    ...sink.tables,
    batches: () => merged(directory, texts, sink),
  };
}

async function* merged(directory: string, texts: readonly CpuText[], sink: EventSink): Batches {
  try {
    const filled: CpuText[] = [];
    for (const text of texts) if (await text.fill()) filled.push(text);
    checkClocks(directory, filled);
    startTogether(filled);
    noteMissing(texts, sink);
    yield* walk(directory, filled, texts, sink);
    mergeCounts(texts, sink);
    yield* statistics(texts, sink);
    if (sink.batch.length > 0) yield sink.batch;
  } finally {
    await closeAll(texts);
  }
}

async function* walk(
  directory: string,
  filled: readonly CpuText[],
  texts: readonly CpuText[],
  sink: EventSink,
): Batches {
  const owners = new Map(texts.map((text) => [text.cpu, text]));
  const spokesman = headerSpokesman(texts);
  const merge = new CpuMerge(filled);
  const { batch } = sink;
  for (let text = merge.first(); text !== null; ) {
    const cpu = text.rowCpu;
    if (cpu !== text.cpu && cpu !== UNKNOWN_CPU) noteForeign(directory, text, owners);
    if (!text.isHeaderLoss || text === spokesman) text.copy(batch);
    sink.time = text.time;
    if (sink.full) {
      yield batch;
      sink.restart();
    }
    let wentOn = text.step();
    if (!wentOn) {
      wentOn = await text.fill();
      sink.counts.lines = texts.reduce((sum, { sink: own }) => sum + own.line, 0);
      for (const key of ['bytes', 'taken', 'size'] as const)
        sink.counts[key] = texts.reduce((sum, { sink: own }) => sum + own.counts[key], 0);
    }
    text = merge.next(wentOn);
  }
}

/** The one file whose header's loss counts: with statistics none, else that of the largest. */
function headerSpokesman(texts: readonly CpuText[]): CpuText | null {
  if (texts.some(({ file }) => file.stats !== '')) return null;
  const lossOf = ({ sink }: CpuText): number => sink.counts.lostByCpu.get(-1) ?? 0;
  return texts.reduce((best, text) => (lossOf(text) > lossOf(best) ? text : best));
}

function noteForeign(directory: string, text: CpuText, owners: ReadonlyMap<number, CpuText>): void {
  text.foreign++;
  const owner = owners.get(text.rowCpu);
  if (owner === undefined) return;
  const both = `${text.file.name} and ${owner.file.name}`;
  const expected = 'expected the events of one CPU in each file';
  throw problem(directory, `CPU_OVERLAP: ${expected}, found CPU ${text.rowCpu} in ${both}`);
}

/** All files have ticks or all have seconds, and begin within a day. */
function checkClocks(directory: string, filled: readonly CpuText[]): void {
  const timed = filled.filter(({ sink }) => sink.origin !== null);
  const [first] = timed;
  if (first === undefined) return;
  for (const text of timed) {
    const isTicks = text.sink.counts.resolution === 0;
    const apart = Math.abs(text.sink.origin!.seconds - first.sink.origin!.seconds);
    const isOther = isTicks !== (first.sink.counts.resolution === 0);
    if (!isOther && (isTicks || apart < ONE_CLOCK)) continue;
    const times = [first, text].map(({ sink, file }) => `${timeText(sink)} in ${file.name}`);
    const expected = 'expected one trace_clock for all CPUs';
    throw problem(
      directory,
      `MIXED_CLOCKS: ${expected}, found times that begin at ${times.join(', and at ')}`,
    );
  }
}

function timeText({ origin, counts }: EventSink): string {
  const { seconds, fraction } = origin!;
  return counts.resolution === 0 ? `${seconds * SECOND + fraction} ticks` : `${seconds} s`;
}

/** The first event of all is time 0. */
function startTogether(filled: readonly CpuText[]): void {
  let seconds = Infinity;
  let fraction = 0;
  for (const { sink } of filled) {
    if (sink.origin === null) continue;
    const ahead = sink.origin.seconds - seconds || sink.origin.fraction - fraction;
    if (ahead < 0) ({ seconds, fraction } = sink.origin);
  }
  for (const text of filled) {
    const { origin } = text.sink;
    if (origin === null) continue;
    text.startAt((origin.seconds - seconds) * SECOND + (origin.fraction - fraction));
  }
}

/** CPUs that the headers count and that have no file: all of their events are missing. */
function noteMissing(texts: readonly CpuText[], sink: EventSink): void {
  const expected = texts.reduce((most, text) => Math.max(most, text.sink.counts.headerCpus), 0);
  const present = new Set(texts.map(({ cpu }) => cpu));
  for (let cpu = 0; cpu < expected; cpu++) {
    if (present.has(cpu)) continue;
    sink.diagnose('MISSING_CPU', 'CPUs of the header that have no file: all their events are lost');
    sink.loss(cpu, 0);
    if (sink.full) return;
  }
}

/** What only the statistics of the buffers tell. */
function* statistics(
  texts: readonly CpuText[],
  sink: EventSink,
): Generator<EventBatch, void, undefined> {
  for (const { cpu, lost } of lossesBeyond(
    texts.map(({ file }) => file.stats).filter((text) => text !== ''),
    sink.counts,
  )) {
    if (sink.full) {
      yield sink.batch;
      sink.restart();
    }
    sink.loss(cpu, lost);
  }
}

function problem(directory: string, what: string): TraceError {
  return new TraceError(directory, null, what);
}

async function closeAll(texts: readonly CpuText[]): Promise<void> {
  for (const text of texts) await text.close();
}
