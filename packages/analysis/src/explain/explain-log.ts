// Explains the failures that a kernel log tells of.
//
// The rules are those of docs/explain.md. A message that follows from another one (an overflow after a full pool, a
// refused map, a coherent allocation) becomes evidence of that one.

import { type KernelLogLine, parseKernelLog } from '@dmalab/trace';
import { type ExplainResult, type Explanation, ordered } from './explanation.ts';
import { type Judged, judge } from './judge-message.ts';
import { LogContext } from './log-context.ts';
import { explanationOf } from './make-explanation.ts';
import { explainPools } from './pool-messages.ts';

/** Lines of evidence, and devices, that are kept of each group. */
const EVIDENCE = 8;
const DEVICES = 4;

const PAGE = 4096;

type CoherentFailure = Extract<KernelLogLine, { kind: 'coherent-failed' }>;

interface Group {
  readonly judged: Judged;
  readonly lines: KernelLogLine[];
  readonly devices: Set<string>;
  count: number;
}

/** What a text of kernel messages tells; `source` stands in front of line numbers. */
export function explainLog(text: string, source: string): ExplainResult {
  const lines = parseKernelLog(text);
  const context = new LogContext(lines, text, source);
  const explained = [...explainPools(context), ...others(context)];
  const none = explained.length === 0 ? [nothing()] : [];
  return {
    schema: 'dmalab.explain/1',
    source,
    input: 'log',
    explanations: ordered([...explained, ...none]),
    notes: context.notes(),
  };
}

function nothing(): Explanation {
  return explanationOf('not-enough-information', {
    confidence: 'certain',
    device: '',
    count: 0,
    why: 'no line here tells of a failed DMA map, of bounce memory, an address space or a limit of the host',
    evidence: [],
  });
}

/** What stands for itself: all but full pools and what follows from them. */
function others(context: LogContext): Explanation[] {
  const groups = new Map<string, Group>();
  const askers = driversOfBlocks(context.unexplained());
  for (const line of retold(context)) {
    const judged = judge(line, context);
    if (judged === null) continue;
    const key = `${judged.cause} ${judged.key ?? `${judged.device} ${judged.why}`}`;
    const group = groups.get(key) ?? { judged, lines: [], devices: new Set(), count: 0 };
    groups.set(key, group);
    const asker = askers.get(line);
    group.lines.push(line, ...(asker === undefined ? [] : [asker]));
    group.count++;
    for (const device of [judged.device, asker?.device]) if (device) group.devices.add(device);
  }
  return [...groups.values()].map(({ judged, lines, devices, count }) => {
    const { cause, key: _, ...parts } = judged;
    const device = [...devices].slice(0, DEVICES).join(', ');
    const evidence = lines.slice(0, EVIDENCE).map((line) => context.evidence(line));
    return explanationOf(cause, { ...parts, device, count, evidence });
  });
}

/** Lines that are not explained yet, without those that tell again what a better one of them tells. */
function retold(context: LogContext): KernelLogLine[] {
  const lines = context.unexplained();
  const pinned = limitTold(lines, 'pinned');
  const entries = lines.some((line) => line.kind === 'host-limit' && isRefusal(line));
  const client = lines.some((line) => line.kind === 'iommu-fault' && line.address !== '');
  const blocks = new Set(
    lines.map((line) =>
      line.kind === 'coherent-failed' && line.source === 'cma' ? pagesOf(line) : null,
    ),
  );
  const slots = new Set(
    lines.map((line) => (line.kind === 'mask-overflow' && line.bounced ? line.device : null)),
  );
  return lines.filter((line) => {
    if (line.kind === 'iommu-fault') return line.address !== '' || !client;
    if (line.kind === 'coherent-failed') {
      if (line.source === 'swiotlb') return !slots.has(line.device);
      return line.source !== 'driver' || !blocks.has(pagesOf(line));
    }
    if (line.kind !== 'host-limit') return true;
    if (line.limit === 'pinned') return line.value !== null || !pinned;
    return !line.warning || !entries;
  });
}

/** What the driver says after each block that CMA could not give: it names the device. */
function driversOfBlocks(
  lines: readonly KernelLogLine[],
): ReadonlyMap<KernelLogLine, CoherentFailure> {
  const found = new Map<KernelLogLine, CoherentFailure>();
  let block: CoherentFailure | null = null;
  for (const line of lines) {
    if (line.kind !== 'coherent-failed') continue;
    if (line.source === 'cma') block = line;
    if (line.source !== 'driver') continue;
    if (block !== null && pagesOf(block) === pagesOf(line)) found.set(block, line);
    block = null;
  }
  return found;
}

function pagesOf({ bytes }: CoherentFailure): number | null {
  return bytes === null ? null : Math.ceil(bytes / PAGE);
}

function limitTold(lines: readonly KernelLogLine[], limit: string): boolean {
  return lines.some(
    (line) => line.kind === 'host-limit' && line.limit === limit && line.value !== null,
  );
}

function isRefusal({ limit, warning }: Extract<KernelLogLine, { kind: 'host-limit' }>): boolean {
  return limit === 'entries' && !warning;
}
