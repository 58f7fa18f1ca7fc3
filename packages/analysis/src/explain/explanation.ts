// What an explanation says: one for each distinct failure.

import type { Confidence } from '../check/finding.ts';
import { type Cause, causeKinds } from './causes.ts';

/** A line of the input that shows it. */
export interface Evidence {
  /** "file:line". */
  readonly where: string;
  readonly text: string;
}

/** What would help, with the line for the kernel's command line where there is one. */
export interface Remedy {
  readonly text: string;
  readonly parameter: string | null;
}

/** A replay of the trace with one thing changed. */
export interface Proof {
  /** What was changed, e.g. "swiotlb of 4,096 slots in 4 areas". */
  readonly change: string;
  /** The same for the kernel's command line; null where that cannot do it. */
  readonly parameter: string | null;
  /** Maps that fail for this cause on the machine as it was, and on the changed one. */
  readonly before: number;
  readonly after: number;
  /** Maps that fail for any cause. */
  readonly beforeAll: number;
  readonly afterAll: number;
}

/** A distinct failure: what it is, by what evidence, and what to do. */
export interface Explanation {
  readonly cause: Cause;
  readonly confidence: Confidence;
  /** Driver and device, as far as they are known. */
  readonly device: string;
  /** Failures that it stands for; of a log a lower bound, as the kernel rations its messages. */
  readonly count: number;
  /** Why it is this cause, with the numbers. */
  readonly why: string;
  /** Causes that the evidence leaves open besides. */
  readonly open: readonly Cause[];
  /** Why they are open; empty where none is. */
  readonly openBecause: string;
  readonly evidence: readonly Evidence[];
  readonly helps: readonly Remedy[];
  readonly doesNotHelp: readonly string[];
  readonly proof: readonly Proof[];
}

/** Everything that a log or a trace tells of failures. */
export interface ExplainResult {
  readonly schema: 'dmalab.explain/1';
  readonly source: string;
  readonly input: 'log' | 'trace';
  readonly explanations: readonly Explanation[];
  /** What weakens them. */
  readonly notes: readonly string[];
}

/** Explanations in the order of the causes, those with most failures first. */
export function ordered(explanations: readonly Explanation[]): Explanation[] {
  const rank = ({ cause }: Explanation): number =>
    causeKinds.findIndex((kind) => kind.cause === cause);
  return [...explanations].sort((a, b) => rank(a) - rank(b) || b.count - a.count);
}
