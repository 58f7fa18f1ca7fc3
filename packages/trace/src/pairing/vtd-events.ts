// intel_iommu:map_single, map_sg, unmap_single and their bounce_ kin (Linux 5.4 to 5.10): the DMA API calls of VT-d before it
// had the common DMA layer (drivers/iommu/intel-iommu.c). They name the device, and stand where newer kernels have dma:*.
//
// A map tells whole pages; the exact size comes with the unmap, which is printed after the address was given back. A list
// is one map event (5.4, 5.5) or one for each segment (from 5.6 on), and one unmap of all its pages: sizes of lists are
// derived. unmap_sg follows the unmap_single of the same range, and bounce_map_sg the bounce_map_single of its segments:
// the former counts where it was recorded alone, the latter by name only. Failed maps and directions are not recorded.

import { DomainClass, type EventBatch, Flag } from '../batch.ts';
import { PAGE, pageOf, pagesFor } from './address.ts';
import { Call, type OpenCall, Seen } from './call-table.ts';
import { closeUnseen } from './closing.ts';
import { NONE } from './live-set.ts';
import { currentCall, hold, openCall, resolve } from './resolving.ts';
import { addFlags } from './rows.ts';
import { evidence, type Pairing } from './state.ts';
import { addEntry } from './table-map.ts';
import { closePlain } from './table-unmap.ts';

/** Of `listLength` in the live set: a list, or a segment of one. */
const LIST = 1;

/** A map, or a segment of one (aux2 = 1). */
export function onVtdMap(p: Pairing, b: EventBatch, i: number): void {
  if (p.dmaEvents) return;
  const { live, attribution } = p;
  p.tableEvents = true;
  const device = b.device[i]!;
  const low = b.addressLow[i]!;
  const page = pageOf(low, b.addressHigh[i]!);
  const isList = b.aux2[i] === LIST;
  let call = currentCall(p, b, i);
  let previous = NONE;
  if (call !== null && (call.kind !== Call.map || call.record !== NONE)) {
    if (isList) previous = segmentBefore(p, call, page, device);
    resolve(p, call);
    call = null;
  }
  if (call === null) call = openCall(p, b, i, Call.map);
  call.device = device;
  if (call.domain !== 0) attribution.link(device, call.domain);
  else call.place(attribution.ofTranslated(device), DomainClass.B);
  // Sizes of single maps are whole pages already, those of segments begin at their offset.
  const entry = addEntry(p, b, i, call, page, pagesFor((isList ? low % PAGE : 0) + b.size[i]!));
  if (isList) live.listLength[entry] = LIST;
  if (previous !== NONE) live.continues[entry] = live.row[previous]! + 1;
  hold(p, call, entry);
  call.seen |= Seen.table;
  evidence(p, device).translated++;
  p.pageOwners.note(b.tid[i]!, b.physLow[i]!, b.physHigh[i]!, call.domain, device);
}

/** The segment that ends where this one begins, in the same call. */
function segmentBefore(p: Pairing, call: OpenCall, page: number, device: number): number {
  const { live } = p;
  const entry = call.kind === Call.map ? call.record : NONE;
  if (entry === NONE || live.listLength[entry] !== LIST || live.device[entry] !== device) {
    return NONE;
  }
  return live.page[entry]! + live.pages[entry]! === page ? entry : NONE;
}

/** An unmap; that of a list alone has aux2 = 1. */
export function onVtdUnmap(p: Pairing, b: EventBatch, i: number): void {
  if (p.dmaEvents) return;
  if (b.aux2[i] === LIST && p.vtdUnmaps) return;
  if (b.aux2[i] !== LIST) p.vtdUnmaps = true;
  const { live } = p;
  p.tableEvents = true;
  const low = b.addressLow[i]!;
  const page = pageOf(low, b.addressHigh[i]!);
  const device = b.device[i]!;
  const open = currentCall(p, b, i);
  if (open !== null) resolve(p, open);
  const call = openCall(p, b, i, Call.unmap);
  const row = call.row;
  const newest = live.first(page);
  const isList = newest !== NONE && live.listLength[newest] === LIST;
  call.seen |= isList ? Seen.table : Seen.table | Seen.unmapProbe;
  call.device = device;
  call.bytes = b.size[i]!;
  call.addressLow = low;
  call.addressHigh = b.addressHigh[i]!;
  call.place(p.attribution.ofTranslated(device), DomainClass.B);
  closePlain(p, b, i, call, page, (low % PAGE) + b.size[i]!);
  settleTwins(p, b, i, page, row);
}

// What is live at the same address: made by another CPU just before this line was printed, or left by an unmap that
// was never seen.
function settleTwins(p: Pairing, b: EventBatch, i: number, page: number, row: number): void {
  const { live } = p;
  const domain = p.attribution.ofDevice(b.device[i]!);
  for (let at = live.first(page); at !== NONE; ) {
    const twin = at;
    at = live.next(at);
    if (live.domain[twin] !== domain) continue;
    const mayBeLate = b.time[i]! - live.time[twin]! <= p.reorderWindow;
    if (mayBeLate && live.cpu[twin] !== b.cpu[i]) {
      p.oddities.count('REORDERED');
      addFlags(p, row, Flag.reordered);
    } else {
      p.oddities.count(live.epoch[twin] === p.losses ? 'DOUBLE_MAP' : 'LOSS_WINDOW');
      closeUnseen(p, twin, b, i);
    }
  }
}
