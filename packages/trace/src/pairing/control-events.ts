// Domains, CPUs and losses: the control rows of the request stream.

import { type EventBatch, Flag, Op, UNKNOWN_CPU } from '../batch.ts';
import { BLOCK_MASK } from '../request-store.ts';
import { highOf, lowOf, PAGE } from './address.ts';
import { draftEvent } from './draft.ts';
import { closeAll } from './ending.ts';
import { State } from './live-set.ts';
import { resolveCalls } from './resolving.ts';
import { beginRow, releaseEntry, writeDraft, writeTableMap } from './rows.ts';
import type { Pairing } from './state.ts';

const MOST_GRANULE = 2 ** 31;

/** init_iova_domain. */
export function onDomainInit(p: Pairing, b: EventBatch, i: number): void {
  const granule = recordedGranule(p, b.size[i]!);
  const token = b.token[i]!;
  // Where another domain had this memory, that is gone, though its end was not recorded.
  if (token !== 0) onDomainPut(p, b, i);
  const domain = p.attribution.create(
    token,
    p.tokens[token] ?? '',
    granule,
    b.aux[i]!,
    b.time[i]!,
    b.tid[i]!,
  );
  if (granule >= PAGE) p.unit = granule / PAGE;
  p.fresh.set(b.tid[i]!, domain);
  writeControl(p, b, i, Op.domainCreate, domain, granule, (b.aux[i]! * granule) / PAGE);
}

/** The kernel takes powers of two alone; anything else was damaged on its way, and reads as not recorded. */
function recordedGranule(p: Pairing, size: number): number {
  if (Number.isInteger(Math.log2(size)) && size <= MOST_GRANULE) return size;
  p.oddities.count('BAD_GRANULE');
  return 0;
}

/** put_iova_domain: what is still mapped in the domain goes with it. */
export function onDomainPut(p: Pairing, b: EventBatch, i: number): void {
  const { live } = p;
  const domain = p.attribution.destroy(b.token[i]!, b.time[i]!);
  if (domain === 0) return;
  resolveCalls(p, b.cpu[i]!);
  for (let entry = 0; entry < live.top; entry++) {
    if (live.used[entry] !== 1 || live.domain[entry] !== domain) continue;
    if ((live.state[entry]! & State.filled) === 0) writeTableMap(p, entry);
    p.oddities.count('LIVE_AT_DESTROY');
    releaseEntry(p, entry);
  }
  writeControl(p, b, i, Op.domainDestroy, domain, 0, 0);
}

/** remove_device_from_group: a row without op marks the moment. */
export function onDeviceRemoved(p: Pairing, b: EventBatch, i: number): void {
  p.attribution.forget(b.device[i]!);
  resolveCalls(p, b.cpu[i]!);
  const d = draftEvent(p, b, i, beginRow(p, b, i), Op.none);
  d.flags |= Flag.deviceRemoved;
  writeDraft(p.store, d, 0);
}

/** reserve_iova. */
export function onReserve(p: Pairing, b: EventBatch, i: number): void {
  const domain = p.attribution.ofToken(b.token[i]!, p.tokens[b.token[i]!] ?? '');
  const state = p.attribution.domains[domain]!;
  const granule = state.granule || p.unit * PAGE;
  const lo = b.aux[i]!;
  const hi = b.aux2[i]!;
  state.reserved.push([lo, hi]);
  const page = (lo * granule) / PAGE;
  writeControl(p, b, i, Op.reserve, domain, (hi - lo + 1) * granule, page);
}

/** iommu_dma_init_fq: part of the domain's creation, or a change of type while it is in use. */
export function onQueueInit(p: Pairing, b: EventBatch, i: number): void {
  p.queueEvents++;
  const fresh = p.fresh.get(b.tid[i]!) ?? 0;
  const domain = p.attribution.ofPointer(b.token[i]!) || fresh || onlyLive(p);
  const state = p.attribution.domains[domain];
  if (domain === 0 || state === undefined) return;
  if (state.created && !state.inUse) {
    state.lazyAtCreation = true;
    return;
  }
  state.switched = true;
  writeControl(p, b, i, Op.typeSwitch, domain, 0, 0);
}

function onlyLive(p: Pairing): number {
  const { domains } = p.attribution;
  let found = 0;
  for (let domain = 1; domain < domains.length; domain++) {
    if (domains[domain]!.destroyedAt !== null) continue;
    if (found !== 0) return 0;
    found = domain;
  }
  return found;
}

/** free_cpu_cached_iovas: one row for each domain whose caches of that CPU are emptied. */
export function onCpuCacheFlush(p: Pairing, b: EventBatch, i: number): void {
  const cpu = b.aux[i]!;
  const domain = p.attribution.ofToken(b.token[i]!, p.tokens[b.token[i]!] ?? '');
  const row = writeControl(p, b, i, Op.cpuDown, domain, 0, 0);
  p.store.block(row).cpu[row & BLOCK_MASK] = cpu;
  p.offline.add(cpu);
}

/** Any event of a CPU whose caches were emptied: it is online again. */
export function onCpuBack(p: Pairing, b: EventBatch, i: number): void {
  p.offline.delete(b.cpu[i]!);
  writeControl(p, b, i, Op.cpuUp, 0, 0, 0);
}

/** Lost events: calls of the CPU are over, nothing is claimed about pairs across the loss. */
export function onLoss(p: Pairing, b: EventBatch, i: number): void {
  const cpu = b.cpu[i]!;
  resolveCalls(p, cpu === UNKNOWN_CPU ? -1 : cpu);
  writeControl(p, b, i, Op.loss, 0, b.aux[i]!, 0);
  p.losses++;
  if (cpu === UNKNOWN_CPU) p.lossAnywhere = p.losses;
  else p.lossAt[cpu] = p.losses;
}

/** A clock or source boundary: each segment is paired alone. */
export function onSegment(p: Pairing): void {
  closeAll(p);
  p.attribution.reset();
  p.fresh.clear();
  p.offline.clear();
}

function writeControl(
  p: Pairing,
  b: EventBatch,
  i: number,
  op: Op,
  domain: number,
  size: number,
  page: number,
): number {
  const row = beginRow(p, b, i);
  const c = p.store.block(row);
  const r = row & BLOCK_MASK;
  c.op[r] = op;
  c.domain[r] = domain;
  c.size[r] = size;
  c.addressLow[r] = lowOf(page);
  c.addressHigh[r] = highOf(page);
  c.flags[r] = 0;
  return row;
}
