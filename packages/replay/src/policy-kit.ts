// What a policy that is loaded from a file gets instead of imports: constants and page arithmetic.
//
// Such a file stands anywhere on the disk and can import types alone.

import { HostAnswer } from './host-policy.ts';
import { powerOfTwoFrom } from './pfn.ts';
import {
  AllocPath,
  BounceEvent,
  BounceSource,
  FailCause,
  FlushCause,
  NO_PAGES,
  NO_PFN,
  NO_SLOT,
  PageZone,
  type PolicyKit,
} from './policy.ts';
import { createRing, nextEntry, ringLength } from './structures/ring.ts';

/** The kit that every port offers. */
export const policyKit: PolicyKit = {
  NO_PFN,
  NO_SLOT,
  NO_PAGES,
  AllocPath,
  FailCause,
  FlushCause,
  BounceEvent,
  BounceSource,
  PageZone,
  HostAnswer,
  powerOfTwoFrom,
  createRing,
  nextEntry,
  ringLength,
};
