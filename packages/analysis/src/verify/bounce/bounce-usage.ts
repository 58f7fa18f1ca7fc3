// Slots in use, their high-water mark, transient slots and the size of all pools, against debugfs.
//
// The counters are those of kernel/dma/swiotlb.c (6.12): io_tlb_used counts from the end of a search to the release,
// transient pools included; io_tlb_transient_nslabs from the search of a transient pool to its end; io_tlb_nslabs grows with
// add_mem_pool. A line of debugfs in the trace was read between the line before it and itself.

import type { BounceFacts } from '@dmalab/trace';
import { FAILED, UNKNOWN, type UsageSample } from './bounce-calls.ts';
import type { BounceUsageResult, SampleComparison, UsageComparison } from './bounce-result.ts';
import type { RecordedBounces } from './recorded-bounces.ts';
import { slotsOf } from './slot-request.ts';
import { UsageBounds } from './usage-bounds.ts';

interface Counters {
  readonly slots: UsageBounds;
  readonly used: UsageBounds;
  readonly transient: UsageBounds;
}

/** Compares the counters of the recorded calls with debugfs. */
export function bounceUsage(recorded: RecordedBounces, facts: BounceFacts): BounceUsageResult {
  const counters = countersOf(recorded, facts);
  return {
    ...afterwards(counters, recorded.events, facts),
    samples: samplesOf(counters, recorded),
  };
}

// What goes on when the trace ends is over when debugfs is read afterwards.
function countersOf(recorded: RecordedBounces, { slots, before }: BounceFacts): Counters {
  const last = recorded.events;
  const counters: Counters = {
    slots: new UsageBounds(before?.slots ?? slots.value),
    used: new UsageBounds(before?.used ?? 0),
    transient: new UsageBounds(before?.transient ?? 0),
  };
  for (const call of recorded.calls) {
    const step = call.steps.at(-1);
    if (step === undefined || step.slot === FAILED || call.result === FAILED) continue;
    if (call.result === UNKNOWN) continue;
    counters.used.change(step.begin, step.end, slotsOf(call.request.size));
    if (!step.pool.transient) continue;
    counters.transient.change(step.end, call.end, step.pool.model.slots);
  }
  for (const { call, begin, end } of recorded.releases) {
    if (call !== null)
      counters.used.change(begin, Math.min(end, last), -slotsOf(call.request.size));
  }
  for (const { begin, deleted, release, slots: freed } of recorded.transientEnds) {
    if (release.call === null) continue;
    counters.used.change(begin, deleted, -freed);
    counters.transient.change(deleted, Math.min(release.end, last), -freed);
  }
  for (const { model, transient, begin, end } of recorded.pools.slice(1)) {
    if (!transient) counters.slots.change(begin, Math.min(end, last), model.slots);
  }
  return counters;
}

function afterwards(
  counters: Counters,
  end: number,
  { after, dynamic }: BounceFacts,
): Omit<BounceUsageResult, 'samples'> {
  if (after === null) return { slots: null, used: null, hiwater: null };
  const { hiwater } = after;
  const peak = counters.used.peak(end);
  if (!dynamic.value) peak.highest = Math.min(peak.highest, after.slots);
  return {
    slots: comparison(after.slots, counters.slots.within(end, end)),
    used: comparison(after.used, counters.used.within(end, end)),
    hiwater: hiwater === null ? null : comparison(hiwater, peak),
  };
}

function comparison(
  recorded: number,
  { lowest, highest }: { lowest: number; highest: number },
): UsageComparison {
  return { recorded, lowest, highest, explained: lowest <= recorded && recorded <= highest };
}

function samplesOf(counters: Counters, recorded: RecordedBounces): SampleComparison {
  let explained = 0;
  let atRest = 0;
  let equal = 0;
  let firstLine: number | null = null;
  for (const sample of recorded.samples) {
    const fits = isAllowed(counters, sample);
    if (fits) explained++;
    else firstLine ??= sample.line;
    const { slots, used, transient } = counters;
    const rests = [slots, used, transient].every((c) => c.atRest(sample.begin, sample.end));
    if (rests) atRest++;
    if (rests && fits) equal++;
  }
  return { recorded: recorded.samples.length, explained, atRest, equal, firstLine };
}

function isAllowed(counters: Counters, sample: UsageSample): boolean {
  const { begin, end, slots, used, transient, hiwater } = sample;
  return (
    isWithin(slots, counters.slots.within(begin, end)) &&
    isWithin(used, counters.used.within(begin, end)) &&
    isWithin(transient, counters.transient.within(begin, end)) &&
    hiwater >= counters.used.peak(begin).lowest &&
    hiwater <= counters.used.peak(end).highest
  );
}

function isWithin(value: number, range: { lowest: number; highest: number }): boolean {
  return range.lowest <= value && value <= range.highest;
}
