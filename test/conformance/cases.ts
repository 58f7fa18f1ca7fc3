// All models that have a slow reference; one line per list.

import type { ConformanceCase } from './conformance-case.ts';
import { guestCases } from './guest-streams.ts';
import { iovaCases } from './iova-streams.ts';
import { queueCases } from './queue-streams.ts';
import { swiotlbCases } from './swiotlb-streams.ts';

/** The cases of the conformance script, in its order. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...iovaCases,
  ...queueCases,
  ...guestCases,
  ...swiotlbCases,
];
