// What weakens the figures of a replay, and what that means for a reader.

import type { Machine } from '@dmalab/replay';
import { hasUnmapEvents, placeInTrace, type ReadReport } from '@dmalab/trace';
import type { TypeSwitchFigures } from '../figures/flushes.ts';
import type { FailureFigures, RequestFigures } from '../figures/requests.ts';
import { formatCount } from '../quantity.ts';
import type { Warning } from '../summary.ts';
import { isReachKnown } from './known-reach.ts';

/** What the warnings are derived from. */
export interface WarningInput {
  readonly report: ReadReport;
  readonly machine: Machine;
  readonly requests: RequestFigures;
  readonly failures: FailureFigures;
  /** Tokens of the domains that took part. */
  readonly domains: readonly string[];
  readonly typeSwitches: readonly TypeSwitchFigures[];
}

/** The warnings that apply, the gravest first. */
export function findWarnings(input: WarningInput): Warning[] {
  const found = [
    loads,
    losses,
    reading,
    pairs,
    openStart,
    recordedFailures,
    guesses,
    replayed,
    queueKinds,
    unknownReach,
  ];
  return found.flatMap((find) => find(input)).filter(({ count }) => count > 0);
}

function loads({ machine: { load } }: WarningInput): Warning[] {
  if (load === null) return [];
  const { rate, copies, seed } = load;
  return [
    {
      code: 'OTHER_LOAD',
      count: rate > 1 || copies > 1 ? 1 : 0,
      text: `The load is not the recorded one: rate x ${rate}, ${copies} ${copies === 1 ? 'copy' : 'copies'} (seed ${seed}).`,
      meaning:
        'Gaps between requests were divided by the rate, lifetimes kept, copies shifted in time: a faster machine may behave otherwise.',
    },
  ];
}

function queueKinds({ typeSwitches }: WarningInput): Warning[] {
  const wrong = typeSwitches.filter(
    ({ result, requested, got }) => result === 'done' && requested !== got,
  );
  const refused = typeSwitches.filter(({ result }) => result !== 'done');
  const [first] = wrong;
  return [
    {
      code: 'OTHER_QUEUE',
      count: wrong.length,
      text: `Queue kind after mode switch: requested ${first?.requested}, got ${first?.got}.`,
      meaning: `The queue was chosen by the type that the domain still had. Strict unmaps: ${first?.strictUnmapsBefore} before, ${first?.strictUnmapsAfter} after.`,
    },
    {
      code: 'SWITCH_REFUSED',
      count: refused.length,
      text: `${formatCount(refused.length)} switches of the domain type were refused (${refused[0]?.result}).`,
      meaning: 'While a driver is bound only the switch from DMA to a lazy type is allowed.',
    },
  ];
}

function unknownReach({ machine, requests }: WarningInput): Warning[] {
  return [
    {
      code: 'REACH_UNKNOWN',
      count: isReachKnown(machine) ? 0 : requests.unmapped,
      text: 'Unmaps flush nothing (flush policy deferred), the allocator does later.',
      meaning:
        'Devices keep their access until that flush: stale windows and exposure of such a run are not 0, as they are shown, but unknown.',
    },
  ];
}

function losses({ report }: WarningInput): Warning[] {
  const meaning =
    'Maps and unmaps are missing: live mappings may be too many (lost unmaps) or too few (lost maps), and every figure is an estimate.';
  return [
    {
      code: 'LOST_EVENTS',
      count: report.lost,
      text: `The recording lost ${formatCount(report.lost)} events.`,
      meaning,
    },
    {
      code: 'LOST_UNKNOWN',
      count: report.lostUnknown ? 1 : 0,
      text: 'The recording lost events whose number it does not say.',
      meaning,
    },
  ];
}

function reading({ report }: WarningInput): Warning[] {
  return [
    {
      code: 'UNPARSED',
      count: report.unparsed,
      text: `${formatCount(report.unparsed)} lines look like events and were not understood.`,
      meaning: 'What they recorded is not in the figures.',
    },
    ...report.diagnostics.map(({ code, message, count, where: [first] }) => ({
      code,
      count,
      text:
        first === undefined
          ? `${message}.`
          : `${message} (first at ${placeInTrace(first, report.source)}).`,
      meaning: 'The reader went on as the message says; dmalab info lists more places.',
    })),
  ];
}

function pairs({ report }: WarningInput): Warning[] {
  const { requests, pairing } = report;
  const hasUnmaps = hasUnmapEvents(report);
  const again = pairing.DOUBLE_MAP ?? 0;
  const ambiguous = pairing.AMBIGUOUS_PAIR ?? 0;
  return [
    {
      code: 'NO_UNMAPS',
      count: hasUnmaps ? 0 : requests.map,
      text: `${formatCount(requests.map)} maps were recorded and no unmap.`,
      meaning:
        'Mappings live until their address is mapped again: no lifetime, occupancy or flush is real. Record the events of unmaps too.',
    },
    {
      code: 'DOUBLE_MAPS',
      count: hasUnmaps ? again : 0,
      text: `${formatCount(again)} addresses were mapped again without an unmap in between.`,
      meaning:
        'The unmap is missing in the trace, or the driver forgot it: the first mapping ends where the second begins.',
    },
    {
      code: 'AMBIGUOUS_PAIRS',
      count: ambiguous,
      text: `${formatCount(ambiguous)} unmaps fit several live mappings.`,
      meaning:
        'The newest of the right size was taken: single lifetimes may be wrong, totals are not.',
    },
  ];
}

function openStart({ report, requests, failures }: WarningInput): Warning[] {
  const hasAddresses = failures.causes.some(({ stage }) => !/^(swiotlb|dmaCapable)$/.test(stage));
  const isUntranslated = requests.mapped === 0 && requests.direct > 0 && !hasAddresses;
  return [
    {
      code: 'OPEN_START',
      count: report.requests.openStart,
      text: `${formatCount(report.requests.openStart)} mappings were live before the trace began.`,
      meaning:
        'They are placed where their unmap shows them. Others that were never unmapped are unknown: occupancy is a lower bound.',
    },
    {
      code: 'OPEN_START_OVERLAP',
      count: requests.overlapping,
      text: `${formatCount(requests.overlapping)} mappings from before the trace overlap another one and were left out.`,
      meaning: 'Their domain is not the one assumed, or their extent was derived wrongly.',
    },
    {
      code: 'NO_TRANSLATION',
      count: isUntranslated ? requests.direct : 0,
      text: 'No device of this capture is translated by an IOMMU.',
      meaning: 'There is no address space, no queue and no flush to report.',
    },
  ];
}

function recordedFailures({ report, machine }: WarningInput): Warning[] {
  const held = machine.recordedFailures === 'hold';
  return [
    {
      code: held ? 'RECORDED_FAILURES_HELD' : 'RECORDED_FAILURES_DROPPED',
      count: report.requests.failed,
      text: `${formatCount(report.requests.failed)} calls failed while recording and were ${held ? 'held' : 'dropped'}.`,
      meaning: held
        ? 'A failed call has no unmap: where it succeeds in the replay it is kept for the median lifetime of its device and size.'
        : 'The load of the failed calls is missing: the replay sees less demand than the machine did.',
    },
  ];
}

function guesses({ machine, domains }: WarningInput): Warning[] {
  const inferred = domains.filter((token) => /^(virtual|own):/.test(token)).length;
  return [
    {
      code: 'UNVERIFIED_PRESET',
      count: machine.unverified ? 1 : 0,
      text: `The model of kernel ${machine.kernel} was not compared with the code of the kernel it stands for.`,
      meaning: 'Addresses and counts may differ from those of the real kernel.',
    },
    {
      code: 'INFERRED_DOMAINS',
      count: inferred,
      text: `${inferred} ${inferred === 1 ? 'domain was' : 'domains were'} inferred, not recorded.`,
      meaning:
        'Each device is taken to have a domain of its own, empty at the start; devices that share one compete for addresses in reality.',
    },
  ];
}

function replayed({ requests, failures }: WarningInput): Warning[] {
  return [
    {
      code: 'REPLAY_FAILURES',
      count: failures.total,
      text: `${formatCount(failures.total)} maps failed in the replay.`,
      meaning:
        'A driver would have retried or dropped its request; what it would have done later is not in the trace.',
    },
    {
      code: 'RETRIED_REQUESTS',
      count: requests.retries,
      text: `${formatCount(requests.retries)} failed tries were followed by another one.`,
      meaning:
        'How long the driver would have waited, and how often, is a choice of the machine (failedRequests), not in the trace.',
    },
    {
      code: 'SKIPPED_REQUESTS',
      count: requests.skipped,
      text: `${formatCount(requests.skipped)} requests were left out.`,
      meaning:
        'Unmaps whose map failed in the replay or was never seen have nothing to undo; dropped recorded failures count here too.',
    },
  ];
}
