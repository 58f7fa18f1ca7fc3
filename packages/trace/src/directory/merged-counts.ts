// The counts of several files as those of one trace.

import { createHash } from 'node:crypto';
import type { EventSink } from '../event-sink.ts';
import type { CpuFile } from './cpu-files.ts';
import type { CpuText } from './cpu-text.ts';

const MAX_WHERE = 10;

/** Adds what the readings of all files counted to the merged sink. */
export function mergeCounts(texts: readonly CpuText[], into: EventSink): void {
  const { counts } = into;
  const times = texts.filter(({ sink }) => sink.origin !== null).map(({ sink }) => sink.counts);
  counts.lines = 0;
  counts.bytes = 0;
  for (const text of texts) addCounts(text, into);
  addLosses(texts, into);
  counts.firstTime = times.reduce((least, { firstTime }) => Math.min(least, firstTime), Infinity);
  counts.lastTime = times.reduce((most, { lastTime }) => Math.max(most, lastTime), -Infinity);
  if (times.length === 0) counts.firstTime = counts.lastTime = 0;
  counts.sha256 = hashOf(texts.map(({ file, sink }) => [file, sink.counts.sha256]));
}

/** SHA-256 of what `sha256sum` prints for the files in the order of their CPUs. */
export function hashOf(files: readonly (readonly [CpuFile, string])[]): string {
  const lines = files.map(([file, hash]) => `${hash}  ${file.name.replaceAll('\\', '/')}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex');
}

function addCounts(text: CpuText, into: EventSink): void {
  const { counts } = into;
  const own = text.sink.counts;
  own.byName.forEach((count, index) => {
    if (index === 0) return;
    const name = text.nameOf(index);
    counts.byName[name] = (counts.byName[name] ?? 0) + count;
  });
  counts.lines += own.lines;
  counts.bytes += own.bytes;
  counts.unparsed += own.unparsed;
  counts.headerCpus = Math.max(counts.headerCpus, own.headerCpus);
  counts.maxCpu = Math.max(counts.maxCpu, own.maxCpu);
  counts.resolution = Math.max(counts.resolution, own.resolution);
  counts.kernel ||= own.kernel;
  counts.clock ||= own.clock;
  for (const { code, message, count, where } of own.diagnostics) {
    into.diagnoseMany(code, message, count, where.slice(0, MAX_WHERE));
  }
  if (text.foreign === 0) return;
  const message = 'events of another CPU than that of their file';
  into.diagnoseMany('FOREIGN_CPU', message, text.foreign, [text.file.path]);
}

/** Losses by CPU add up; those on an unknown CPU stand in the header of every file. */
function addLosses(texts: readonly CpuText[], { counts }: EventSink): void {
  const hasStats = texts.some(({ file }) => file.stats !== '');
  let inHeader = 0;
  for (const { sink } of texts) {
    counts.lostUnknown ||= sink.counts.lostUnknown;
    for (const [cpu, lost] of sink.counts.lostByCpu) {
      if (cpu < 0) inHeader = Math.max(inHeader, lost);
      else {
        counts.lost += lost;
        counts.lostByCpu.set(cpu, (counts.lostByCpu.get(cpu) ?? 0) + lost);
      }
    }
  }
  if (inHeader === 0 || hasStats) return;
  counts.lost += inHeader;
  counts.lostByCpu.set(-1, inHeader);
}
