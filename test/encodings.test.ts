// One recording in every encoding that there is gives the same events, the same requests and the same replay.
//
// Text loses the flags of some lines and what is below a microsecond: times may differ by that, nothing else. Texts with
// nanoseconds, and tables of converted events, lose nothing.

import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Summary, summarise } from '@dmalab/analysis';
import { machineFromFacts, replay } from '@dmalab/replay';
import {
  type Capture,
  EventKind,
  openTrace,
  readCapture,
  TABLE_FORMATS,
  writeEvents,
} from '@dmalab/trace';
import { afterAll, describe, expect, test } from 'vitest';

const TRACES = fileURLToPath(new URL('../traces', import.meta.url));
const MICROSECOND = 1000;
const folder = mkdtempSync(join(tmpdir(), 'dmalab-encodings-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** By the file to compare with: what else the same recording is printed in. */
const RECORDINGS: Readonly<Record<string, RegExp>> = {
  'formats-tracecmd/tracecmd-v6.dat.zst': /^tracecmd-v6\.report/,
  'formats-tracecmd/tracecmd-v7-zstd.dat.zst': /^tracecmd-v7-zstd\.report/,
  'formats-perf/perf.data.zst': /^perf\.script(?!-event-trace)/,
  'formats-perf/perf-mono.data.zst': /^perf-mono\.script/,
  'formats-perf/perf-callgraph.data': /^perf-callgraph\.script/,
  'formats-ftrace/trace.default.txt.zst': /^(?:trace\.(?:fields|latency|noirq)|tracecmd)/,
  'k61-formats-tracecmd-perf/perf.data.zst': /^perf\.script/,
  'k61-formats-tracecmd-perf/tracecmd-v6.dat.zst': /^tracecmd-v6\.report/,
  'lossy-small-buffer/perf-lost.data.zst': /^perf-lost\.script-show-lost/,
  'layouts-6.18/trace.default.txt.zst': /^trace\.(?:tgid|noirq|sym|latency|fields(?!.*nocontext))/,
};

const cases = Object.entries(RECORDINGS).flatMap(([original, others]) => {
  const [directory = ''] = original.split('/');
  return readdirSync(join(TRACES, directory))
    .filter((file) => others.test(file))
    .map((file) => ({ original, file: `${directory}/${file}` }));
});

test.each(cases)('$file is $original', async ({ original, file }) => {
  const [expected, found] = [await readOnce(original), await readAll(file)];
  expect(differences(found.events, expected.events)).toEqual([]);
  expect(differences(found.requests, expected.requests)).toEqual([]);
  expect(found.figures).toEqual(expected.figures);
  const isExact = Math.max(found.resolution, expected.resolution) === 1;
  expect(gap(found.eventTimes, expected.eventTimes)).toBeLessThanOrEqual(isExact ? 0 : MICROSECOND);
  expect(gap(found.times, expected.times)).toBeLessThanOrEqual(isExact ? 0 : MICROSECOND);
  if (isExact) expect(found.replays).toEqual(expected.replays);
});

describe('converted events', () => {
  const original = 'formats-tracecmd/tracecmd-v6.dat.zst';
  copyFileSync(join(TRACES, 'formats-tracecmd/meta.json'), join(folder, 'meta.json'));

  test.each(TABLE_FORMATS)('as %s', async (format) => {
    const path = join(folder, `events.${format}`);
    await writeEvents(await openTrace(join(TRACES, original)), path, format);
    const [expected, found] = [await readOnce(original), await readAll(path)];
    expect(differences(found.events, expected.events)).toEqual([]);
    expect(differences(found.requests, expected.requests)).toEqual([]);
    expect(gap(found.eventTimes, expected.eventTimes)).toBe(0);
    expect(found.replays).toEqual(expected.replays);
  });
});

test.each(['', 'json'])('as a bpftrace script would have printed them: %s', async (kind) => {
  const expected = await callsOf(join(TRACES, 'formats-perf/perf.data.zst'));
  const names = ['map', 'unmap', 'pt_map', 'pt_unmap'];
  const lines = expected.map(
    ({ kind: at, time, cpu, tid, device, address, phys, size, direction, attributes }) =>
      [
        names[at],
        time,
        cpu,
        tid,
        device,
        `0x${address}`,
        phys === '0' ? '' : `0x${phys}`,
        size,
        direction === 255 ? '' : direction,
        attributes === 0 ? '' : `0x${attributes.toString(16)}`,
      ].join(','),
  );
  const head = '#dmatrace-csv v=1 clock=boot unit=ns\nop,t,cpu,tid,dev,iova,phys,size,dir,attrs\n';
  const text = `${head}${lines.join('\n')}\n`;
  const path = join(folder, `bpftrace${kind}.txt`);
  writeFileSync(
    path,
    kind === ''
      ? `Attaching 5 probes...\n${text}`
      : // bpftrace cuts where it likes.
        (text.match(/[\s\S]{1,1000}/g) ?? [])
          .map((data) => `${JSON.stringify({ type: 'printf', data })}\n`)
          .join(''),
  );
  expect(await callsOf(path)).toEqual(expected);
});

interface Reading {
  /** The columns that every text has, one text for each row; the times apart. */
  readonly events: string[];
  readonly eventTimes: number[];
  readonly requests: string[];
  readonly times: number[];
  readonly resolution: number;
  readonly figures: object[];
  readonly replays: object[];
}

const originals = new Map<string, Promise<Reading>>();

function readOnce(name: string): Promise<Reading> {
  const reading = originals.get(name) ?? readAll(name);
  originals.set(name, reading);
  return reading;
}

/** The first rows that differ. */
function differences(rows: readonly string[], others: readonly string[]): object[] {
  const found: object[] = [];
  for (let i = 0; i < Math.max(rows.length, others.length) && found.length < 3; i++) {
    if (rows[i] !== others[i]) found.push({ row: i, found: rows[i], expected: others[i] });
  }
  return found;
}

async function readAll(name: string): Promise<Reading> {
  const path = name.startsWith('/') ? name : join(TRACES, name);
  const { events, eventTimes } = await eventsOf(path);
  const capture = await readCapture(path);
  try {
    const { requests, times } = requestsOf(capture);
    const summaries = [null, 'percpu'].map((flush) => replayOf(capture, flush));
    return {
      events,
      eventTimes,
      requests,
      times,
      resolution: capture.report.resolution,
      figures: summaries.map(figuresOf),
      replays: summaries.map(({ trace: _, warnings: __, ...figures }) => figures),
    };
  } finally {
    capture.close();
  }
}

async function eventsOf(path: string): Promise<{ events: string[]; eventTimes: number[] }> {
  const reader = await openTrace(path);
  const events: string[] = [];
  const eventTimes: number[] = [];
  for await (const b of reader.batches()) {
    for (let i = 0; i < b.length; i++) {
      // The option fields has no markers.
      if (b.kind[i] === EventKind.mark) continue;
      const first = b.listStart[i]!;
      const last = first + b.listLength[i]!;
      const { addressLow, addressHigh, physLow, physHigh, size } = b.segments;
      const lists = [addressLow, addressHigh, physLow, physHigh, size].map((column) =>
        column.slice(first, last).join(),
      );
      const row = [
        ...[b.kind, b.cpu, b.tid, b.addressLow, b.addressHigh, b.physLow, b.physHigh, b.size],
        ...[b.aux, b.aux2, b.direction, b.flags],
      ].map((column) => column[i]);
      const isPointer = b.kind[i] === EventKind.fqRingFree || b.kind[i] === EventKind.magazineFree;
      if (isPointer) row[8] = 0;
      events.push([...row, reader.devices[b.device[i]!], ...lists].join(' '));
      eventTimes.push(b.time[i]!);
    }
  }
  return { events, eventTimes };
}

function requestsOf(capture: Capture): { requests: string[]; times: number[] } {
  const requests: string[] = [];
  const times: number[] = [];
  for (const b of capture.requests()) {
    for (let i = 0; i < b.length; i++) {
      const row = [
        ...[b.op, b.id, b.device, b.domain, b.domainClass, b.cpu, b.tid, b.size, b.addressLow],
        ...[b.addressHigh, b.physLow, b.physHigh, b.dmaLimit, b.direction, b.flags, b.segments],
      ];
      requests.push(row.map((column) => column[i]).join(' '));
      times.push(b.time[i]!);
    }
  }
  return { requests, times };
}

function replayOf(capture: Capture, flush: string | null): Summary {
  const { report, facts } = capture;
  const machine = machineFromFacts(facts, {
    flush: flush === null ? null : { name: flush, parameters: {} },
  });
  return summarise({ report, facts, machine, version: '0' }, replay(machine, capture)).summary;
}

/** What does not depend on a fraction of a microsecond: sizes and counts, no times. */
function figuresOf({ requests, occupancy, rcache, tree, flushes, bounce }: Summary): object {
  const { peakLiveMappings, peak, end } = occupancy;
  const { causes, rangeInvalidations } = flushes;
  return {
    requests,
    peakLiveMappings,
    peak,
    end,
    rcache: counts(rcache),
    tree: counts(tree),
    causes,
    rangeInvalidations,
    bounce: bounce === null ? null : counts(bounce),
  };
}

function counts(figures: object): object {
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => Number.isInteger(value)));
}

function gap(times: readonly number[], others: readonly number[]): number {
  return times.reduce((most, time, i) => Math.max(most, Math.abs(time - others[i]!)), 0);
}

interface Call {
  readonly kind: number;
  readonly time: number;
  readonly cpu: number;
  readonly tid: number;
  readonly device: string;
  readonly address: string;
  readonly phys: string;
  readonly size: number;
  readonly direction: number;
  readonly attributes: number;
}

const CALLS: readonly number[] = [
  EventKind.dmaMap,
  EventKind.dmaUnmap,
  EventKind.iommuMap,
  EventKind.iommuUnmap,
];

/** The events that a bpftrace script can print, from the first one's time on. */
async function callsOf(path: string): Promise<Call[]> {
  const reader = await openTrace(path);
  const calls: Call[] = [];
  let start: number | null = null;
  for await (const b of reader.batches()) {
    for (let i = 0; i < b.length; i++) {
      const kind = CALLS.indexOf(b.kind[i]!);
      if (kind < 0) continue;
      start ??= b.time[i]!;
      calls.push({
        kind,
        time: b.time[i]! - start,
        cpu: b.cpu[i]!,
        tid: b.tid[i]!,
        device: reader.devices[b.device[i]!]!,
        address: hex(b.addressHigh[i]!, b.addressLow[i]!),
        phys: hex(b.physHigh[i]!, b.physLow[i]!),
        size: b.size[i]!,
        direction: b.direction[i]!,
        attributes: kind < 2 ? b.aux[i]! : 0,
      });
    }
  }
  return calls;
}

function hex(high: number, low: number): string {
  return ((BigInt(high) << 32n) | BigInt(low)).toString(16);
}
