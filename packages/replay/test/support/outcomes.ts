// Reads the outcome of a small replay as rows.

import { type Machine, OutcomeKind, PLAIN_DEVICE, PLAIN_MACHINE, replay } from '@dmalab/replay';
import { type Row, source } from './requests.ts';

/** The columns of a row that tests look at. */
export interface Outcome {
  readonly kind: string;
  readonly time: number;
  readonly cpu: number;
  readonly device: number;
  readonly domain: number;
  readonly id: number;
  readonly pfn: number;
  readonly pages: number;
  readonly bytes: number;
  readonly value: number;
  readonly cause: number;
  readonly stage: number;
  readonly flags: number;
  readonly live: number;
  readonly queued: number;
  readonly cost: number;
  readonly steps: number;
  readonly wait: number;
  readonly latency: number;
  readonly code: number;
  readonly path: number;
  readonly line: number;
  readonly tid: number;
}

const kindNames = new Map<number, string>(
  Object.entries(OutcomeKind).map(([name, value]) => [value, name]),
);

/** All rows of a replay of `rows`. */
export function outcomes(
  machine: Machine,
  rows: readonly Row[],
  openStart: readonly Row[] = [],
): Outcome[] {
  const found: Outcome[] = [];
  for (const batch of replay(machine, source(rows, openStart))) {
    for (let i = 0; i < batch.length; i++) {
      found.push({
        kind: kindNames.get(batch.kind[i]!)!,
        time: batch.time[i]!,
        cpu: batch.cpu[i]!,
        device: batch.device[i]!,
        domain: batch.domain[i]!,
        id: batch.id[i]!,
        pfn: batch.pfn[i]!,
        pages: batch.pages[i]!,
        bytes: batch.bytes[i]!,
        value: batch.value[i]!,
        cause: batch.cause[i]!,
        stage: batch.stage[i]!,
        flags: batch.flags[i]!,
        live: batch.liveMappings[i]!,
        queued: batch.queuedEntries[i]!,
        cost: batch.costNs[i]!,
        steps: batch.steps[i]!,
        wait: batch.waitNs[i]!,
        latency: batch.latencyNs[i]!,
        code: batch.kind[i]!,
        path: batch.path[i]!,
        line: batch.line[i]!,
        tid: batch.tid[i]!,
      });
    }
  }
  return found;
}

/** Rows of one kind. */
export function ofKind(kind: keyof typeof OutcomeKind, rows: readonly Outcome[]): Outcome[] {
  return rows.filter((row) => row.kind === kind);
}

/** A machine of two CPUs with one lazy domain and one PCI device with a 64-bit mask. */
export function machine(changes: Partial<Machine> = {}): Machine {
  return {
    ...PLAIN_MACHINE,
    cpus: 2,
    timerMode: 'ideal',
    devices: [device({}), device({ name: 'nvme0' })],
    domains: [domain(), domain()],
    ...changes,
  };
}

/** A PCI device with a 64-bit mask, changed. */
export function device(changes: Partial<Machine['devices'][number]>): Machine['devices'][number] {
  return { ...PLAIN_DEVICE, ...changes };
}

/** A lazy domain of 4 KiB granules, changed. */
export function domain(
  changes: Partial<Machine['domains'][number]> = {},
): Machine['domains'][number] {
  return {
    granule: 4096,
    startPfn: 1,
    reserved: [],
    apertureEnd: 0,
    type: 'DMA-FQ',
    ...changes,
  };
}
