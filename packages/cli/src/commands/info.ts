// dmalab info: what is in a trace, how complete it is, and what it allows.

import { formatDuration, measuredLatencies } from '@dmalab/analysis/measured';
import {
  type Capture,
  type DeviceFacts,
  type DomainFacts,
  type Fact,
  type ReadReport,
  readCapture,
} from '@dmalab/trace';
import type { Argv, CommandModule } from 'yargs';
import { formatNumber, print, printJson, progressDone } from '../output.ts';
import { readingMeter } from '../progress-meter.ts';
import { traceFiles } from '../trace-files.ts';
import { type Advice, adviceFor } from '../trace-info/advice.ts';
import { allowancesOf, contentsOf } from '../trace-info/allowance.ts';
import { classTexts } from '../trace-info/attribution.ts';
import type { Gap, Gaps } from '../trace-info/gaps.ts';
import { surveyOf } from '../trace-info/survey.ts';

/** Domains in the text that were inferred. */
const MOST_INFERRED = 16;
/** Gaps in the text. */
const GAPS_SHOWN = 3;

interface InfoArguments {
  files: string[];
  json: boolean;
}

export const info: CommandModule<object, InfoArguments> = {
  command: 'info <files..>',
  describe: 'Say what is in a trace, how complete it is, what it allows, what to record next time',
  builder: (y: Argv) =>
    traceFiles(y)
      .option('json', { describe: 'One JSON document', type: 'boolean', default: false })
      .example('$0 info trace.txt.zst', 'describes one trace') as Argv<InfoArguments>,
  handler: runInfo,
};

async function runInfo({ files, json }: InfoArguments): Promise<void> {
  const documents: object[] = [];
  for (const file of files) {
    const capture = await readCapture(file, { progress: readingMeter(file) });
    progressDone();
    if (json) documents.push(infoDocument(capture));
    else print(infoText(capture));
    capture.close();
  }
  if (json)
    printJson(
      documents.length === 1 ? documents[0] : { schema: 'dmalab.infos/1', traces: documents },
    );
}

function infoDocument(capture: Capture): object {
  const { facts, report } = capture;
  const { requests } = report;
  const contents = contentsOf(capture);
  const { classes, gaps } = surveyOf(capture);
  return {
    schema: 'dmalab.info/1',
    source: report.source,
    table: report.table,
    format: report.format,
    compression: report.compression,
    sha256: report.sha256,
    bytes: report.bytes,
    lines: report.lines,
    durationNs: report.duration,
    resolutionNs: report.resolution,
    kernel: facts.kernel,
    cpus: facts.cpus,
    hz: facts.hz,
    clock: facts.clock,
    forcedac: facts.forcedac,
    events: report.events,
    lost: report.lost,
    lostUnknown: report.lostUnknown,
    lostByCpu: report.lostByCpu,
    unparsed: report.unparsed,
    requests,
    attribution: classes,
    pairing: report.pairing,
    devices: facts.devices.slice(1),
    domains: facts.domains.slice(1),
    gaps,
    allows: allowancesOf(contents),
    advice: adviceFor(capture, contents),
    latencies: measuredLatencies(report),
    diagnostics: report.diagnostics,
  };
}

function infoText(capture: Capture): string {
  const { facts, report } = capture;
  const { requests } = report;
  const { table } = report;
  const { classes, gaps } = surveyOf(capture);
  const lines = [
    table === null ? report.source : `${table.path}: ${table.format} of ${report.source}`,
    `  ${report.format}${report.compression === 'none' ? '' : `, ${report.compression}`}, ${formatNumber(report.lines)} lines, ${formatNumber(report.duration / 1e9)} s, ${withSource(facts.cpus)} CPUs`,
    `  kernel    ${facts.kernel === null ? 'not known (no meta.json beside the trace)' : withSource(facts.kernel)}`,
    `  sha256    ${report.sha256}`,
    `  lost      ${lossText(report)}`,
    `  unparsed  ${formatNumber(report.unparsed)}`,
    ...completenessTexts(gaps),
    '',
    'events',
    ...columnsOf(Object.entries(report.events).sort((a, b) => b[1] - a[1])),
    '',
    'requests',
    ...columnsOf(Object.entries(requests)),
  ];
  lines.push('', 'domains of the requests', ...columnsOf(classTexts(classes)));
  if (Object.keys(report.pairing).length > 0) {
    lines.push('', 'pairing', ...columnsOf(Object.entries(report.pairing)));
  }
  lines.push('', 'devices', ...deviceTexts(facts.devices.slice(1)));
  lines.push('', 'domains', ...domainTexts(capture));
  lines.push(...latencyTexts(report));
  lines.push('', 'allows');
  const contents = contentsOf(capture);
  for (const { analysis, possible, why } of allowancesOf(contents)) {
    lines.push(`  ${possible ? 'yes' : 'no '}  ${analysis}: ${why}`);
  }
  for (const { code, message, count, where } of report.diagnostics) {
    lines.push(
      '',
      `${code} (${formatNumber(count)}): ${message}`,
      `  first at ${where.slice(0, 3).join(', ')}`,
    );
  }
  lines.push(...adviceTexts(adviceFor(capture, contents)));
  return `${lines.join('\n')}\n`;
}

function completenessTexts({ count, first, unmatched }: Gaps): string[] {
  const lines = [
    `  gaps      ${count === 0 ? 'none' : formatNumber(count)}`,
    ...first.slice(0, GAPS_SHOWN).map(gapText),
  ];
  if (count > GAPS_SHOWN) lines.push(`            ... (--json lists the first ${first.length})`);
  const { unmapWithoutMap, stillMapped, acrossLoss } = unmatched;
  lines.push(
    `  unmatched ${formatNumber(unmapWithoutMap)} unmaps without a map, ${formatNumber(stillMapped)} mappings live at the end`,
  );
  if (acrossLoss > 0) {
    lines.push(
      `            ${formatNumber(acrossLoss)} pairs across a loss, of which nothing is claimed`,
    );
  }
  return lines;
}

function gapText({ timeNs, cpu, lost, where }: Gap): string {
  const place = cpu < 0 ? 'an unknown CPU' : `CPU ${cpu}`;
  const number = lost === null ? 'a number of events not recorded' : `${formatNumber(lost)} events`;
  return `            ${formatNumber(timeNs / 1e9)} s, ${place}: ${number} (${where})`;
}

function adviceTexts(advice: readonly Advice[]): string[] {
  if (advice.length === 0) return [];
  return [
    '',
    'next time',
    ...advice.flatMap(({ why, commands }) => [
      `  ${why}`,
      ...commands.map((line) => `    ${line}`),
    ]),
  ];
}

function latencyTexts(report: ReadReport): string[] {
  const measured = measuredLatencies(report);
  if (measured.length === 0) return [];
  const rows = measured.map(({ function: name, source, duration: { count, p50, p99, max } }) => [
    name,
    formatNumber(count),
    ...[p50, p99, max].map((ns) => formatDuration(ns ?? 0)),
    source === 'probes' ? 'entry to return probe' : 'function_graph',
  ]);
  const head = ['function', 'calls', 'p50', 'p99', 'max', 'measured by'];
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => row[at]!.length)));
  const line = (row: string[]): string =>
    `  ${row.map((cell, at) => (at === 0 || at === 5 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join('  ')}`.trimEnd();
  return ['', 'measured latencies', line(head), ...rows.map(line)];
}

function lossText({ format, lost, lostUnknown, lostByCpu, diagnostics }: ReadReport): string {
  const told = diagnostics.find(({ code }) => code === 'LOST_WHILE_RECORDING');
  if (lost === 0 && !lostUnknown) {
    if (told === undefined && format === 'perf script') {
      return 'none shown: perf script tells of losses with --show-lost-events only';
    }
    return told === undefined
      ? 'none recorded'
      : `${formatNumber(told.count)} events by the statistics of the recorder, the trace does not show where`;
  }
  const where = Object.entries(lostByCpu).map(([cpu, n]) => `CPU ${cpu}: ${formatNumber(n)}`);
  return `${lostUnknown ? 'at least ' : ''}${formatNumber(lost)} events${where.length > 0 ? ` (${where.join(', ')})` : ''}`;
}

function columnsOf(entries: readonly (readonly [string, number])[]): string[] {
  if (entries.length === 0) return ['  none'];
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.map(([name, n]) => `  ${name.padEnd(width)}  ${formatNumber(n).padStart(11)}`);
}

function deviceTexts(devices: readonly DeviceFacts[]): string[] {
  return devices.length === 0 ? ['  none seen: no event names one'] : devices.map(deviceText);
}

function deviceText(device: DeviceFacts): string {
  const mask =
    device.maskBits === null ? 'mask not known' : `${withSource(device.maskBits)} bit mask`;
  return `  ${device.name}  ${mask}, ${device.pci.value ? 'PCI' : 'not PCI'}, ${device.translated.value ? 'translated' : 'mapped directly'}`;
}

function domainTexts({ facts }: Capture): string[] {
  if (facts.domains.length <= 1) return ['  none recorded'];
  const isInferred = ({ token }: DomainFacts): boolean => token.startsWith('virtual:');
  const left = new Set(facts.domains.filter(isInferred).slice(MOST_INFERRED));
  const rest = left.size === 0 ? [] : [`  and ${formatNumber(left.size)} more that were inferred`];
  const shown = facts.domains.slice(1).filter((domain) => !left.has(domain));
  const texts = shown.map((domain) => {
    const devices =
      domain.devices.map((i) => facts.devices[i]?.name ?? '?').join(' ') || 'no device seen';
    const created =
      domain.createdAt === null
        ? 'creation not recorded'
        : `created at ${formatNumber(domain.createdAt / 1e9)} s`;
    const token = isInferred(domain) ? `${domain.token} (inferred)` : domain.token;
    return `  ${token}  ${withSource(domain.type)}, granule ${withSource(domain.granule)}, ${created}: ${devices}`;
  });
  return [...texts, ...rest];
}

function withSource<T>(fact: Fact<T>): string {
  return fact.source === 'trace' || fact.source === 'probe'
    ? `${fact.value}`
    : `${fact.value} (${fact.source})`;
}
