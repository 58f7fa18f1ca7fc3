// How the cost of a trace grows: with its events, with CPUs, with devices and with live mappings.
//
//   node bench/growth.ts [--quick | --full]
//
// A process writes a synthetic trace (generate-trace.ts, seed 1) into the standard input of another, which reads it,
// pairs it, replays it under a per-CPU flush queue and summarises. The figures are CPU time (all threads, the garbage
// collector too) of that second process, so the first one and a busy machine change them little. Everything in the
// table was measured; nothing is extrapolated. Rows of more than 10^7 events take up to half an hour: --full measures
// them too. --quick leaves out the rows of more than 10^6.

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { summarise } from '@dmalab/analysis';
import { machineFromFacts, replay } from '@dmalab/replay';
import { readCapture } from '@dmalab/trace';
import { generateTrace, type TraceShape } from './generate-trace.ts';

const BYTES_PER_EVENT = 143;
/** Rows up to so many events are measured in three rounds, the others once. */
const REPEATED = 1e6;
const ROUNDS = 3;
const QUICK = 1e6;
const USUAL = 1e7;
const SHAPE: TraceShape = { cpus: 4, devices: 1, live: 128 };

interface Row {
  readonly label: string;
  readonly events: number;
  readonly shape: TraceShape;
}

interface Figures {
  readonly events: number;
  readonly maps: number;
  readonly peakLive: number;
  readonly readMs: number;
  readonly replayMs: number;
  readonly peakMiB: number;
}

const DIMENSIONS: readonly { readonly title: string; readonly rows: readonly Row[] }[] = [
  {
    title: 'events',
    rows: [1e4, 1e5, 1e6, 1e7, 1e8].map((events) => ({
      label: power(events),
      events,
      shape: SHAPE,
    })),
  },
  {
    title: 'CPUs, 10^6 events',
    rows: [1, 4, 16, 64, 128].map((cpus) => row(cpus, { ...SHAPE, cpus })),
  },
  {
    title: 'devices, 10^6 events',
    rows: [1, 4, 16, 64].map((devices) => row(devices, { ...SHAPE, devices })),
  },
  {
    // Four events make a mapping: a row has at least what it takes to get there, and a fifth more.
    title: 'live mappings, from 10^6 events on',
    rows: [1e2, 1e3, 1e4, 1e5, 1e6, 1e7].map((live) => ({
      label: power(live),
      events: Math.max(1e6, live * 8),
      shape: { ...SHAPE, live },
    })),
  },
];

const [mode, argument = ''] = process.argv.slice(2);
if (mode === '--generate') await generate(JSON.parse(argument) as Row);
else if (mode === '--measure') await measure();
else main(mode === '--full' ? Number.POSITIVE_INFINITY : mode === '--quick' ? QUICK : USUAL);

function main(most: number): void {
  for (const { title, rows } of DIMENSIONS) {
    console.log(
      `${title.padEnd(36)}events   peak live   CPU s   ns per event, min / max   of which reading   peak RSS`,
    );
    for (const each of rows) {
      if (each.events > most) console.log(`${each.label.padEnd(12)}not measured`);
      else console.log(line(each, rounds(each)));
    }
    console.log('');
  }
}

function rounds(each: Row): Figures[] {
  const figures: Figures[] = [];
  const count = each.events <= REPEATED ? ROUNDS : 1;
  while (figures.length < count) figures.push(piped(each));
  return figures;
}

function line({ label }: Row, figures: readonly Figures[]): string {
  const sorted = [...figures].sort((a, b) => msOf(a) - msOf(b));
  const [best] = sorted;
  const perEvent = sorted.map((each) => (1e6 * msOf(each)) / each.events);
  const spread = [perEvent[0]!, perEvent.at(-1)!].map((ns) => ns.toFixed(0)).join(' / ');
  return [
    label.padEnd(30),
    String(best!.events).padStart(12),
    String(best!.peakLive).padStart(12),
    (msOf(best!) / 1000).toFixed(2).padStart(8),
    spread.padStart(26),
    `${((100 * best!.readMs) / msOf(best!)).toFixed(0)} %`.padStart(19),
    `${Math.max(...figures.map(({ peakMiB }) => peakMiB))} MiB`.padStart(11),
  ].join('');
}

function msOf({ readMs, replayMs }: Figures): number {
  return readMs + replayMs;
}

/** Generates and measures at once; checks that what was read is what was written. */
function piped(each: Row): Figures {
  const pipe = '"$0" "$1" --generate "$2" | "$0" "$1" --measure';
  const words = ['-c', pipe, process.execPath, import.meta.filename, JSON.stringify(each)];
  const { status, stdout, stderr } = spawnSync('sh', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${each.label}: ${stderr}`);
  const figures = JSON.parse(stdout) as Figures;
  if (figures.events !== Number(stderr)) {
    throw new Error(`${each.label}: ${stderr} events written, ${figures.events} read`);
  }
  return figures;
}

/** Writes a trace to stdout, and the number of its events to stderr. */
async function generate({ events, shape }: Row): Promise<void> {
  let lines = 0;
  for (const block of generateTrace(events * BYTES_PER_EVENT, 1, shape)) {
    for (let at = block.indexOf('\n'); at >= 0; at = block.indexOf('\n', at + 1)) lines++;
    if (!process.stdout.write(block)) await once(process.stdout, 'drain');
  }
  const header = [...generateTrace(0, 1, shape)].join('').split('\n').length - 1;
  process.stderr.write(String(lines - header));
}

async function measure(): Promise<void> {
  const start = cpuMs();
  const capture = await readCapture('-');
  const read = cpuMs();
  const { facts, report } = capture;
  const flush = { name: 'percpu', parameters: {} };
  const machine = machineFromFacts(facts, { flush });
  const { summary } = summarise({ report, facts, machine, version: '' }, replay(machine, capture));
  capture.close();
  const figures: Figures = {
    events: summary.trace.eventsTotal,
    maps: summary.requests.mapped,
    peakLive: summary.occupancy.peakLiveMappings,
    readMs: read - start,
    replayMs: cpuMs() - read,
    peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
  };
  console.log(JSON.stringify(figures));
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function row(value: number, shape: TraceShape): Row {
  return { label: String(value), events: 1e6, shape };
}

function power(value: number): string {
  return `10^${Math.log10(value)}`;
}
