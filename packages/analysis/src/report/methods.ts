// How the figures of a report came about: what is exact, what is modelled, what a quantile means.

import { RELATIVE_ERROR } from '../structures/log-histogram.ts';

/** Paragraphs of plain text with a heading each. */
export const METHODS: readonly { readonly heading: string; readonly text: string }[] = [
  {
    heading: 'What is exact',
    text: 'Requests, sizes and times are those of the recording. Addresses, cache hits, tree steps, flushes and their moments are those of a model that follows the code of the named kernel and is compared with it on golden vectors. Counts, sums, minima, maxima, means and peaks are exact.',
  },
  {
    heading: 'What is modelled',
    text: 'Time is the recorded time: a request comes when it came, however long the model would have taken. Timers fire by the timer mode of the machine. Costs in ns are the work of the model times the assumed costs of the machine; they were never measured. Locks, and what drivers would do after a failure, are left out.',
  },
  {
    heading: 'Quantiles',
    text: `A quantile is the nearest-rank one: the smallest value such that at least that share of all values is not above it. It is read from logarithmic buckets with a relative error of at most ${(100 * RELATIVE_ERROR).toFixed(1)} %; integers below 1024, zero and the maximum are exact. Zero is a legal duration: the stale window of a strict unmap. Distributions of a part of the time come from buckets 3 % wide.`,
  },
  {
    heading: 'Occupancy',
    text: 'Live: mapped. Queued: unmapped but not yet flushed, so neither usable nor out of reach. Cached: free, kept by the caches for a request of the same size. Address space is counted in whole pages of each domain. Charts show the highest moment of each interval, so that no peak is lost.',
  },
  {
    heading: 'Stale window and exposure',
    text: 'The stale window of an unmap ends with the first flush of its domain after it, even where the range itself stays in a queue for longer. Exposure is the sum of bytes times stale window over all unmapped ranges.',
  },
];
