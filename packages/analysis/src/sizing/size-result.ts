// What sizing answers. The JSON of `dmalab size` is a SizeResult; docs/size.md describes it for people.

import type { FailureCause } from '../figures/requests.ts';

/** The smallest (or largest) value of a parameter that meets the goals on all traces, and what it rests on. */
export interface SizeResult {
  readonly schema: 'dmalab.size/1';
  /** Dotted path of the parameter, e.g. bounce.slots. */
  readonly parameter: string;
  /** Policy that was sized, e.g. static; null for the aperture. */
  readonly policy: string | null;
  readonly unit: string;
  /** Names of the traces; goals have to be met on each. */
  readonly traces: readonly string[];
  readonly goals: readonly string[];
  /** smallest: larger values meet the goals as well; largest: smaller ones do. */
  readonly direction: 'smallest' | 'largest';
  /** In `unit`; null where no value was found that meets the goals. */
  readonly answer: number | null;
  /** Bytes of the answer; null where it is not memory. */
  readonly bytes: number | null;
  /** True where there is an answer: its replay met the goals. */
  readonly passes: boolean;
  /** The next value that was seen not to meet them; null where the answer is the first value that is legal. */
  readonly below: { readonly value: number; readonly passes: false } | null;
  /** Legal values between `below` and the answer that were not tried. */
  readonly untried: number;
  /** False: a value beyond one that met the goals did not. The answer lies beyond all such values, if anything there meets them. */
  readonly monotone: boolean;
  /** To be pasted; null where no kernel parameter sets it. */
  readonly kernelParameter: string | null;
  /** How it is set, in words; null without an answer. */
  readonly setting: string | null;
  /** Most in use at once beside the answer; null where that says nothing. */
  readonly headroom: SizeHeadroom | null;
  /** Replays of each trace, for this answer and the other reading. */
  readonly replays: number;
  /** All values that were tried, ascending: the curve of the failure rate. */
  readonly curve: readonly SizePoint[];
  /** What is taken where nobody states a value, as far as there is such a rule. */
  readonly defaults: readonly DefaultSize[];
  /** How maps that failed while recording were taken for this answer. */
  readonly recordedFailures: 'hold' | 'drop';
  /** Maps that failed while recording; with any, `otherReading` is the answer for the other way to take them. */
  readonly failedWhileRecording: number;
  readonly otherReading: OtherReading | null;
  readonly warnings: readonly string[];
}

/** How far the peak stays below the answer. */
export interface SizeHeadroom {
  /** In the unit of the parameter. */
  readonly peak: number;
  /** 1 - peak / answer. */
  readonly share: number;
}

/** One value that was tried, on all traces. */
export interface SizePoint {
  readonly value: number;
  /** null where it is not memory. */
  readonly bytes: number | null;
  readonly passes: boolean;
  /** Maps of all traces, and those that failed. */
  readonly maps: number;
  readonly failed: number;
  /** The highest failed / maps of a trace. */
  readonly failureRate: number;
  /** The highest peak of a trace, in the unit; null where that says nothing. */
  readonly peak: number | null;
  /** Figures of the goals, each of the trace that is worst; null: cannot be met here. */
  readonly figures: readonly {
    readonly goal: string;
    readonly value: number | null;
    readonly isMet: boolean;
  }[];
  /** Failures of all traces by cause. */
  readonly causes: readonly Pick<FailureCause, 'stage' | 'cause' | 'count'>[];
  /** Names of the traces that do not meet the goals. */
  readonly failing: readonly string[];
}

/** A value that is taken where nobody states one, as 64 MiB of bounce memory. */
export interface DefaultSize extends SizePoint {
  readonly rule: string;
}

/** The answer where maps that failed while recording are taken the other way. */
export interface OtherReading {
  readonly recordedFailures: 'hold' | 'drop';
  readonly answer: number | null;
  readonly below: { readonly value: number; readonly passes: false } | null;
  readonly untried: number;
  readonly kernelParameter: string | null;
  readonly curve: readonly SizePoint[];
}
