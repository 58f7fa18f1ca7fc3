// What the rows of bounce memory and of the host cost, by their columns: how often each cost is charged.

import { RefreshScope } from './host-policy.ts';
import { type OutcomeBatch, OutcomeKind } from './outcome.ts';
import { BounceSource } from './policy.ts';

const PAGE = 4096;

/** Counts of the work of one row; reused from row to row. */
export interface MachineWork {
  bounceSearch: number;
  bounceProbe: number;
  bounceArea: number;
  transientPool: number;
  copyByte: number;
  convertCall: number;
  convertPage: number;
  hostRange: number;
  hostGlobal: number;
  hostEntry: number;
}

/** No work. */
export function machineWork(): MachineWork {
  return {
    bounceSearch: 0,
    bounceProbe: 0,
    bounceArea: 0,
    transientPool: 0,
    copyByte: 0,
    convertCall: 0,
    convertPage: 0,
    hostRange: 0,
    hostGlobal: 0,
    hostEntry: 0,
  };
}

/** Adds the work of a row to `work`; false, and nothing is added, for a row of another kind. */
export function addMachineWork(batch: OutcomeBatch, i: number, work: MachineWork): boolean {
  const bytes = batch.bytes[i]!;
  switch (batch.kind[i]) {
    case OutcomeKind.bounceMap:
      work.bounceSearch++;
      work.bounceProbe += batch.steps[i]!;
      work.bounceArea += Math.max(0, batch.value[i]! - 1);
      if (batch.path[i] === BounceSource.transient) work.transientPool++;
      work.copyByte += bytes;
      return true;
    case OutcomeKind.bounceUnmap:
    case OutcomeKind.bounceSync:
      work.copyByte += bytes;
      return true;
    case OutcomeKind.convert:
      work.convertCall++;
      work.convertPage += bytes / PAGE;
      return true;
    case OutcomeKind.hostRefresh:
      if (batch.path[i] === RefreshScope.global) work.hostGlobal++;
      else work.hostRange++;
      work.hostEntry += Math.abs(batch.value[i]!);
      return true;
    default:
      return false;
  }
}
