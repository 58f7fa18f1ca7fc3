// What the notebooks show: replays a bundled capture and writes specs and figures as JSON into notebooks/data.

import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  chartNamed,
  formatBytes,
  formatCount,
  formatDuration,
  type LabelledResult,
  type RunResult,
  summarise,
  withTheme,
} from '@dmalab/analysis';
import { type Machine, machineFromFacts, replay } from '@dmalab/replay';
import { type Capture, type Fact, readCapture } from '@dmalab/trace';

const NAME = 'nvme-lazy-randread';
const TRACE: string = fileURLToPath(new URL(`../traces/${NAME}/trace.txt.zst`, import.meta.url));
const FOLDER = new URL('data/', import.meta.url);

/** Queues to choose from: label, name, parameters. */
const QUEUES: readonly (readonly [string, string, Readonly<Record<string, number>>])[] = [
  ['strict', 'strict', {}],
  ['percpu', 'percpu', {}],
  ['percpu, 64 entries', 'percpu', { size: 64 }],
  ['single', 'single', {}],
  ['single, 100 ms', 'single', { timeoutMs: 100 }],
];

const capture = await readCapture(TRACE);
mkdirSync(FOLDER, { recursive: true });
write('first-analysis', firstAnalysis(capture));
write('choosing-a-flush-queue', flushQueues(capture));
capture.close();

function firstAnalysis(capture: Capture): object {
  const machine = machineFromFacts(capture.facts);
  const result = resultOn(capture, machine);
  const { summary } = result;
  const { live, queued, cached } = summary.occupancy.peak;
  return {
    name: NAME,
    kernel: `a model of kernel ${machine.allocator.parameters.kernel}`,
    facts: factRows(capture),
    figures: [
      [
        'maps, unmaps',
        `${formatCount(summary.requests.mapped)}, ${formatCount(summary.requests.unmapped)}`,
      ],
      ['maps that failed', formatCount(summary.requests.failed)],
      ['flushes of the whole IOTLB', formatCount(summary.flushes.total)],
      [
        'found in the cache of freed ranges',
        `${Math.round(100 * (summary.rcache.hitRate ?? 0))} %`,
      ],
      [
        'most address space in use',
        `${formatBytes(live + queued + cached)}: ${formatBytes(live)} live, ${formatBytes(queued)} queued, ${formatBytes(cached)} cached`,
      ],
      [
        'stale window, median and longest',
        `${formatDuration(summary.exposure.staleWindow.p50 ?? 0)}, ${formatDuration(summary.exposure.staleWindow.max ?? 0)}`,
      ],
    ],
    warnings: summary.warnings.map(({ text, meaning }) => [text, meaning]),
    charts: specs([{ label: 'as recorded', result }], ['occupancy', 'lifetime', 'stale-window']),
  };
}

function flushQueues(capture: Capture): object {
  const results = QUEUES.map(([label, name, parameters]) => {
    const machine = machineFromFacts(capture.facts, { flush: { name, parameters } });
    return { label, result: resultOn(capture, machine) };
  });
  return {
    trace: NAME,
    runs: results.map(({ label, result: { summary } }) => ({
      label,
      flushes: summary.flushes.total,
      ranges: summary.flushes.rangeInvalidations,
      staleMedian: summary.exposure.staleWindow.p50 ?? 0,
      staleMax: summary.exposure.staleWindow.max ?? 0,
      meanStaleBytes: summary.exposure.meanStaleBytes ?? 0,
      queuedBytes: summary.occupancy.peakQueuedBytes,
    })),
    charts: specs(results, ['stale-window', 'flush-batch']),
    config: withTheme(chartNamed('lifetime').make(results)).config,
  };
}

function resultOn(capture: Capture, machine: Machine): RunResult {
  const { facts, report } = capture;
  const context = { report, facts, machine, version: '0.1.0', name: NAME };
  return summarise(context, replay(machine, capture));
}

function specs(results: readonly LabelledResult[], names: readonly string[]): object {
  return Object.fromEntries(names.map((name) => [name, withTheme(chartNamed(name).make(results))]));
}

function factRows({ facts, report }: Capture): string[][] {
  const row = (name: string, fact: Fact<string | number | boolean> | null): string[] => [
    name,
    String(fact?.value ?? 'unknown'),
    fact?.source ?? '',
  ];
  return [
    row('kernel', facts.kernel),
    row('CPUs', facts.cpus),
    row('HZ', facts.hz),
    row('trace clock', facts.clock),
    ...facts.devices
      .slice(1)
      .map(({ name, maskBits }) => row(`DMA mask of ${name}, bits`, maskBits)),
    ['lost events', formatCount(report.lost), 'trace'],
    ['duration', formatDuration(report.duration), 'trace'],
  ];
}

function write(name: string, data: object): void {
  writeFileSync(new URL(`${name}.json`, FOLDER), JSON.stringify(data));
}
