// The bounce policy `none`: a machine without swiotlb (`swiotlb=noforce`, or nothing reserved).

import {
  type BouncePolicy,
  type BouncePool,
  BounceSource,
  type BounceWork,
  FailCause,
  NO_SLOT,
} from '../policy.ts';

/** No bounce memory: what would have to bounce fails. */
export const none: BouncePolicy = {
  kind: 'bounce',
  name: 'none',
  summary: 'no bounce memory: a request that has to bounce fails',
  parameters: [],
  create: () => new NoBounce(),
};

class NoBounce implements BouncePool {
  readonly work: BounceWork = {
    cause: FailCause.noPool,
    source: BounceSource.none,
    pool: 0,
    area: 0,
    slot: 0,
    slots: 0,
    padSlots: 0,
    probes: 0,
    areasTried: 0,
    convertedBytes: 0,
  };

  map(): number {
    return NO_SLOT;
  }

  unmap(): boolean {
    return false;
  }

  alloc(): number {
    return NO_SLOT;
  }

  free(): boolean {
    return false;
  }

  maxMapping(): number {
    return 0;
  }

  usedSlots(): number {
    return 0;
  }

  hiwater(): number {
    return 0;
  }

  totalSlots(): number {
    return 0;
  }

  transientSlots(): number {
    return 0;
  }

  pools(): number {
    return 0;
  }

  areas(): number {
    return 0;
  }

  areaUsed(): number {
    return 0;
  }

  waitingBytes(): number {
    return 0;
  }
}
