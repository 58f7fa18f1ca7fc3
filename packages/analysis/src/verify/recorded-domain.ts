// One IOVA domain as a capture shows it: its creation, and the calls that reached its allocator.

import { OperationLog } from './operation-log.ts';

/** See the head of the file. */
export interface RecordedDomain {
  /** The iovad pointer as printed. */
  readonly token: string;
  /** Event number and line of the creation, -1 and 0 where the capture does not show it. */
  readonly createdAt: number;
  readonly line: number;
  /** Bytes. */
  readonly granule: number;
  readonly startPfn: number;
  /** CPUs that were offline at the creation. */
  readonly offline: readonly number[];
  readonly log: OperationLog;
  /** Allocations and frees seen, also where nothing can be compared. */
  allocations: number;
  frees: number;
  /** The domain was destroyed: no more operations come. */
  closed: boolean;
}

/** A domain whose creation was seen. */
export function createdDomain(
  token: string,
  createdAt: number,
  line: number,
  granule: number,
  startPfn: number,
  offline: readonly number[],
): RecordedDomain {
  const log = new OperationLog();
  return {
    token,
    createdAt,
    line,
    granule,
    startPfn,
    offline,
    log,
    allocations: 0,
    frees: 0,
    closed: false,
  };
}

/** A domain that existed before the capture began. */
export function unseenDomain(token: string): RecordedDomain {
  return createdDomain(token, -1, 0, 0, 0, []);
}

/** True where the allocator's state is known from its start. */
export function isCreationSeen(domain: RecordedDomain): boolean {
  return domain.createdAt >= 0;
}
