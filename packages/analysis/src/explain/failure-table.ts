// Which maps fail in a replay, by device and cause, with the first of their lines.

import { FailCause, FailStage, type Machine, type OutcomeBatch, OutcomeKind } from '@dmalab/replay';
import type { Cause } from './causes.ts';

/** Lines that are kept of each failure. */
const LINES = 3;
const LOW_BITS = 32;

/** Failed maps of one device and cause. */
export interface FailureRow {
  readonly cause: Cause;
  readonly device: number;
  count: number;
  /** 1-based lines of the first ones. */
  readonly lines: number[];
  /** Bytes of the largest one. */
  bytes: number;
  /** Slots in use and in all at the first one. */
  readonly used: number;
  readonly total: number;
}

/** The failures of all batches. */
export function failuresOf(machine: Machine, outcomes: Iterable<OutcomeBatch>): FailureRow[] {
  const rows = new Map<number, FailureRow>();
  for (const batch of outcomes) {
    for (let i = 0; i < batch.length; i++) {
      if (batch.kind[i] === OutcomeKind.mapFail) add(rows, machine, batch, i);
    }
  }
  return [...rows.values()];
}

function add(
  rows: Map<number, FailureRow>,
  machine: Machine,
  batch: OutcomeBatch,
  i: number,
): void {
  const device = batch.device[i]!;
  const key = (device * 256 + batch.stage[i]!) * 256 + batch.cause[i]!;
  const row = rows.get(key) ?? newRow(machine, batch, i);
  rows.set(key, row);
  row.count++;
  row.bytes = Math.max(row.bytes, batch.bytes[i]!);
  if (row.lines.length < LINES && batch.line[i]! > 0) row.lines.push(batch.line[i]!);
}

function newRow(machine: Machine, batch: OutcomeBatch, i: number): FailureRow {
  const device = batch.device[i]!;
  return {
    cause: causeOf(batch.stage[i]!, batch.cause[i]!, spaceOf(machine, device, batch.domain[i]!)),
    device,
    count: 0,
    lines: [],
    bytes: 0,
    used: batch.bounceUsed[i]!,
    total: batch.bounceTotal[i]!,
  };
}

const CAUSES: Readonly<Record<number, Cause>> = {
  [FailCause.hostEntries]: 'host-entries',
  [FailCause.hostPages]: 'host-pinned',
  [FailCause.unreachable]: 'pool-unreachable',
  [FailCause.bounceOff]: 'mask-overflow',
  [FailCause.noPool]: 'mask-overflow',
  [FailCause.tooLarge]: 'too-large',
  [FailCause.poolFull]: 'pool-full',
  [FailCause.areaFull]: 'area-full',
  [FailCause.fragmented]: 'fragmented',
  [FailCause.alignment]: 'alignment',
  [FailCause.noMemory]: 'coherent-memory',
  [FailCause.atomicPool]: 'coherent-pool',
  [FailCause.transientUseless]: 'alignment',
  [FailCause.endlessSearch]: 'alignment',
  [FailCause.throttled]: 'pool-full',
};

function causeOf(stage: number, cause: number, space: Cause): Cause {
  const known = CAUSES[cause];
  if (known !== undefined) return known;
  const isSpace =
    cause === FailCause.noGap || cause === FailCause.max32 || stage === FailStage.iova;
  return isSpace ? space : 'not-enough-information';
}

/** What ends the addresses of a device: its mask, below 4 GiB, or the address space itself. */
function spaceOf({ devices, domains }: Machine, device: number, domain: number): Cause {
  const { maskBits = 64, busDmaLimit = 0 } = devices[device] ?? {};
  const mask = 2 ** maskBits - 1;
  const reach = busDmaLimit === 0 ? mask : Math.min(mask, busDmaLimit);
  const end = domains[domain]?.apertureEnd ?? 0;
  return reach < 2 ** LOW_BITS && (end === 0 || reach <= end) ? 'iova-32bit' : 'iova-space';
}
