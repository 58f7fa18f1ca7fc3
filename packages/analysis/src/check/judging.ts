// How sure a finding is: what a trace cannot rule out makes it less.

import { Flag, type RequestBatch } from '@dmalab/trace';
import type { CheckState } from './check.ts';
import type { Judgement } from './finding-log.ts';

const DERIVED: number = Flag.sizeDerived | Flag.domainInferred | Flag.deviceInferred;

/** Judges what follows from a mapping that began before `losses` losses and from these flags. */
export function judge(s: CheckState, losses: number, flags: number, sure: Judgement): Judgement {
  if (s.lostAnywhere) return possible('events were lost at places that are not recorded');
  if (s.lossesHidden) {
    return possible('perf script may hide losses: check the perf.data file itself');
  }
  if (losses !== s.losses) return possible('events were lost in between');
  if ((flags & Flag.listCapped) !== 0) return possible('the scatter list was cut while recording');
  if ((flags & Flag.domainInferred) !== 0) return possible('the domain is a guess');
  if ((flags & DERIVED) !== 0 && sure.confidence === 'certain') {
    return likely(`${sure.reason}, but device or size were derived`);
  }
  return sure;
}

/** Whether all mappings that the domain of row `i` ever had are in the trace. */
export function hasWholeHistory(s: CheckState, b: RequestBatch, i: number): boolean {
  const domain = s.capture.facts.domains[b.domain[i]!];
  if (b.domain[i] === 0 || domain === undefined || domain.createdAt === null) return false;
  // A device may have had another domain before, of which nothing is known.
  return (b.flags[i]! & Flag.openStart) === 0 && domain.createdAt <= b.time[i]!;
}

/** Nothing that the trace may lack could change it. */
export function certain(reason: string): Judgement {
  return { confidence: 'certain', reason };
}

/** Something that was derived would have to be wrong. */
export function likely(reason: string): Judgement {
  return { confidence: 'likely', reason };
}

/** The trace lacks what would rule it out. */
export function possible(reason: string): Judgement {
  return { confidence: 'possible', reason };
}
