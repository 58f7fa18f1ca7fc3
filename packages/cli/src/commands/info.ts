// dmalab info: what is in a trace, how complete it is, and what it allows.

import {
  type Capture,
  type DeviceFacts,
  type Fact,
  type ReadReport,
  readCapture,
} from '@dmalab/trace';
import type { Argv, CommandModule } from 'yargs';
import { formatNumber, print, printJson, progressDone } from '../output.ts';
import { traceFiles } from '../trace-files.ts';

interface InfoArguments {
  files: string[];
  json: boolean;
}

export const info: CommandModule<object, InfoArguments> = {
  command: 'info <files..>',
  describe: 'Say what is in a trace: events, requests, devices, domains, losses, what it allows',
  builder: (y: Argv) =>
    traceFiles(y)
      .option('json', { describe: 'One JSON document', type: 'boolean', default: false })
      .example('$0 info trace.txt.zst', 'describes one trace') as Argv<InfoArguments>,
  handler: runInfo,
};

async function runInfo({ files, json }: InfoArguments): Promise<void> {
  const documents: object[] = [];
  for (const file of files) {
    const capture = await readCapture(file);
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

function infoDocument({ facts, report }: Capture): object {
  const { requests } = report;
  return {
    schema: 'dmalab.info/1',
    source: report.source,
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
    pairing: report.pairing,
    devices: facts.devices.slice(1),
    domains: facts.domains.slice(1),
    allows: whatItAllows(report),
    diagnostics: report.diagnostics,
  };
}

interface Allowance {
  readonly analysis: string;
  readonly possible: boolean;
  readonly why: string;
}

function whatItAllows(report: ReadReport): Allowance[] {
  const { events, requests, lost, lostUnknown } = report;
  const layout = unfitLayout(report);
  const has = (name: string): boolean => (events[name] ?? 0) > 0;
  const lossless = lost === 0 && !lostUnknown;
  const total = requests.map + requests.alloc;
  const probes = has('alloc_iova_fast') && has('alloc_iova_fast_ret') && has('free_iova_fast');
  return [
    {
      analysis: 'replay',
      possible: total > 0,
      why:
        total > 0
          ? `${formatNumber(total)} maps and allocations`
          : layout ||
            'no DMA API call or IOMMU mapping was recorded; enable the events dma:* and iommu:*',
    },
    {
      analysis: 'verify the allocator',
      possible: probes && has('init_iova_domain') && lossless && layout === '',
      why:
        layout !== ''
          ? layout
          : !probes
            ? 'needs probes on alloc_iova_fast (entry and return) and free_iova_fast'
            : !has('init_iova_domain')
              ? 'the creation of no domain was recorded (probe init_iova_domain)'
              : lossless
                ? 'allocations, frees and the creation of the domain were recorded'
                : 'events were lost',
    },
  ];
}

/** Why the events of a layout that has no times or no values cannot be used; empty for other layouts. */
function unfitLayout({ diagnostics }: ReadReport): string {
  const unfit = diagnostics.find(({ code }) => /^(?:NO_TIME|RAW_TEXT_UNSUPPORTED)$/.test(code));
  return unfit?.message ?? '';
}

function infoText(capture: Capture): string {
  const { facts, report } = capture;
  const { requests } = report;
  const lines = [
    report.source,
    `  ${report.format}${report.compression === 'none' ? '' : `, ${report.compression}`}, ${formatNumber(report.lines)} lines, ${formatNumber(report.duration / 1e9)} s, ${withSource(facts.cpus)} CPUs`,
    `  kernel    ${facts.kernel === null ? 'not known (no meta.json beside the trace)' : withSource(facts.kernel)}`,
    `  sha256    ${report.sha256}`,
    `  lost      ${lossText(report)}`,
    `  unparsed  ${formatNumber(report.unparsed)}`,
    '',
    'events',
    ...columnsOf(Object.entries(report.events).sort((a, b) => b[1] - a[1])),
    '',
    'requests',
    ...columnsOf(Object.entries(requests)),
  ];
  if (Object.keys(report.pairing).length > 0) {
    lines.push('', 'pairing', ...columnsOf(Object.entries(report.pairing)));
  }
  lines.push('', 'devices', ...facts.devices.slice(1).map(deviceText));
  lines.push('', 'domains', ...domainTexts(capture));
  lines.push('', 'allows');
  for (const { analysis, possible, why } of whatItAllows(report)) {
    lines.push(`  ${possible ? 'yes' : 'no '}  ${analysis}: ${why}`);
  }
  for (const { code, message, count, where } of report.diagnostics) {
    lines.push(
      '',
      `${code} (${formatNumber(count)}): ${message}`,
      `  first at ${where.slice(0, 3).join(', ')}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function lossText({ lost, lostUnknown, lostByCpu }: ReadReport): string {
  if (lost === 0 && !lostUnknown) return 'none recorded';
  const where = Object.entries(lostByCpu).map(([cpu, n]) => `CPU ${cpu}: ${formatNumber(n)}`);
  return `${lostUnknown ? 'at least ' : ''}${formatNumber(lost)} events${where.length > 0 ? ` (${where.join(', ')})` : ''}`;
}

function columnsOf(entries: readonly (readonly [string, number])[]): string[] {
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.map(([name, n]) => `  ${name.padEnd(width)}  ${formatNumber(n).padStart(11)}`);
}

function deviceText(device: DeviceFacts): string {
  const mask =
    device.maskBits === null ? 'mask not known' : `${withSource(device.maskBits)} bit mask`;
  return `  ${device.name}  ${mask}, ${device.pci.value ? 'PCI' : 'not PCI'}, ${device.translated.value ? 'translated' : 'mapped directly'}`;
}

function domainTexts({ facts }: Capture): string[] {
  if (facts.domains.length <= 1) return ['  none recorded'];
  return facts.domains.slice(1).map((domain) => {
    const devices =
      domain.devices.map((i) => facts.devices[i]?.name ?? '?').join(' ') || 'no device seen';
    const created =
      domain.createdAt === null
        ? 'creation not recorded'
        : `created at ${formatNumber(domain.createdAt / 1e9)} s`;
    return `  ${domain.token}  ${withSource(domain.type)}, granule ${withSource(domain.granule)}, ${created}: ${devices}`;
  });
}

function withSource<T>(fact: Fact<T>): string {
  return fact.source === 'trace' || fact.source === 'probe'
    ? `${fact.value}`
    : `${fact.value} (${fact.source})`;
}
