// Explains the failures that a kernel log tells of.
//
// The rules are those of docs/explain.md. A message that follows from another one (an overflow after a full pool, a
// refused map, a coherent allocation) becomes evidence of that one.

import { type KernelLogLine, parseKernelLog } from '@dmalab/trace';
import type { Cause } from './causes.ts';
import { type ExplainResult, type Explanation, ordered } from './explanation.ts';
import { LogContext } from './log-context.ts';
import { deviceName, explanationOf } from './make-explanation.ts';
import { explainPools } from './pool-messages.ts';
import type { RemedyNumbers } from './remedies.ts';

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

interface Judged {
  readonly cause: Cause;
  readonly confidence: Explanation['confidence'];
  readonly device: string;
  readonly why: string;
  readonly open?: readonly Cause[];
  readonly openBecause?: string;
  readonly numbers?: RemedyNumbers;
}

/** What stands for itself: all but full pools and what follows from them. */
function others(context: LogContext): Explanation[] {
  const groups = new Map<string, { judged: Judged; lines: KernelLogLine[] }>();
  for (const line of context.unexplained()) {
    const judged = judge(line, context);
    if (judged === null) continue;
    const key = `${judged.cause} ${judged.device} ${judged.why}`;
    const group = groups.get(key) ?? { judged, lines: [] };
    group.lines.push(line);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ judged, lines }) => {
    const { cause, ...parts } = judged;
    const evidence = lines.map((line) => context.evidence(line));
    return explanationOf(cause, { ...parts, count: lines.length, evidence });
  });
}

function judge(line: KernelLogLine, context: LogContext): Judged | null {
  switch (line.kind) {
    case 'swiotlb-missing':
      return {
        cause: 'pool-missing',
        confidence: 'certain',
        device: line.device,
        why: 'the kernel has no bounce pool, or found no memory for one',
      };
    case 'swiotlb-refused':
      return {
        cause: 'not-enough-information',
        confidence: 'certain',
        device: line.device,
        why: `a map of ${line.size} bytes found no bounce memory; the line that says how full it was is not here`,
        open: ['pool-full', 'fragmented', 'leak'],
        openBecause: 'any of them ends in this message',
      };
    case 'mask-overflow':
      return {
        cause: line.bounced ? 'pool-unreachable' : 'mask-overflow',
        confidence: 'certain',
        device: line.device,
        why: `${line.bounced ? 'the slot at' : 'the buffer at'} ${line.address} (${line.size} bytes) is above ${reach(line.mask, line.busLimit)}`,
      };
    case 'iova-failed':
      return iovaFailure(line, context);
    case 'wide-addresses':
      return gaveUp32Bits(line, context);
    case 'narrow-iommu':
      return {
        cause: 'address-width',
        confidence: 'certain',
        device: '',
        why: `${line.address} needs more than the ${line.bits} bits of the IOMMU`,
      };
    case 'host-limit':
      return hostLimit(line);
    case 'coherent-failed':
      return {
        cause: line.source === 'atomic' ? 'coherent-pool' : 'coherent-memory',
        confidence: 'certain',
        device: line.device,
        why: coherentReason(line),
        numbers: { bytes: line.bytes, source: line.source },
      };
    case 'dma-api':
      return dmaApi(line);
    case 'iommu-fault':
      return {
        cause: 'iommu-fault',
        confidence: 'certain',
        device: line.device,
        why: 'the IOMMU reports accesses of this device that its page table does not allow',
      };
    default:
      return null;
  }
}

type Line<Kind extends KernelLogLine['kind']> = Extract<KernelLogLine, { kind: Kind }>;

/** The lower of mask and bus limit, in words; a bus limit of 0 is none. */
function reach(mask: string, busLimit: string): string {
  const limited = BigInt(busLimit) !== 0n && BigInt(busLimit) < BigInt(mask);
  return limited ? `the bus limit ${busLimit}` : `the DMA mask ${mask}`;
}

function iovaFailure(line: Line<'iova-failed'>, context: LogContext): Judged {
  const size = line.pages === null ? 'a range' : `${line.pages} pages`;
  const wide = context.lines.some(
    (other) => other.kind === 'wide-addresses' && other.device === line.device,
  );
  if (wide) {
    return {
      cause: 'iova-space',
      confidence: 'certain',
      device: line.device,
      why: `no address for ${size}, although the device uses 64-bit addresses`,
    };
  }
  return {
    cause: 'iova-space',
    confidence: 'likely',
    device: line.device,
    why: `no address was left for ${size}`,
    open: ['iova-32bit', 'leak'],
    openBecause: 'the line tells neither the DMA mask nor how much is mapped',
  };
}

/** The DMA layer says so (6.4 and later) when a device found no address below 4 GiB for the first time. */
function gaveUp32Bits(line: Line<'wide-addresses'>, { lines }: LogContext): Judged | null {
  const failed = lines.some(({ kind }) => kind === 'iova-failed' || kind === 'iommu-fault');
  if (failed) return null;
  return {
    cause: 'iova-32bit',
    confidence: 'certain',
    device: line.device,
    why: `no address below 4 GiB was left for one of its requests; it is served with ${line.bits} bits from then on, so nothing failed`,
  };
}

function hostLimit({ limit, value, warning, device }: Line<'host-limit'>): Judged {
  const numbers = { limit: value };
  if (limit === 'pinned') {
    const bytes = value === null ? '' : ` of ${value} bytes`;
    return {
      cause: 'host-pinned',
      confidence: value === null ? 'likely' : 'certain',
      device,
      why: `the limit${bytes} for locked memory was reached`,
      numbers,
    };
  }
  const entries = value === null ? '' : ` of ${value}`;
  return {
    cause: 'host-entries',
    confidence: warning ? 'likely' : 'certain',
    device,
    why: `the limit${entries} for mappings of a container ${warning ? 'is in reach, as QEMU warns' : 'was reached'}`,
    numbers,
  };
}

function coherentReason({ source, bytes }: Line<'coherent-failed'>): string {
  const size = bytes === null ? '' : ` of ${bytes} bytes`;
  if (source === 'atomic') return `the pool${size} for atomic allocations had nothing left`;
  if (source === 'cma') return `no contiguous block${size} was left in CMA`;
  if (source === 'zone') return `no block${size} was left in the zone that the mask allows`;
  return `an allocation${size} of coherent memory found none`;
}

function dmaApi({ driver, device, message, details }: Line<'dma-api'>): Judged | null {
  const name = deviceName({ driver, device });
  if (/pending DMA allocations/.test(message)) {
    return {
      cause: 'leak',
      confidence: 'certain',
      device: name,
      why: `the driver was unbound with ${details.count ?? 'some'} mappings live`,
    };
  }
  if (/debugging out of memory|preallocated|disabled|enabled|Leaked/.test(message)) return null;
  return { cause: 'driver-fault', confidence: 'certain', device: name, why: message };
}
