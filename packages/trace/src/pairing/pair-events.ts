// The main loop of pairing: each event to the function that understands it.
//
// Described in docs/pairing.md. Rows come out in the order of the first signs of the calls. Left out:
// block and NVMe correlation events.

import { type EventBatch, EventKind, Op } from '../batch.ts';
import {
  onBounced,
  onBounceMap,
  onBounceMapReturn,
  onBounceRelease,
  onBounceUnmap,
} from './bounce-events.ts';
import {
  onCpuBack,
  onCpuCacheFlush,
  onDeviceRemoved,
  onDomainInit,
  onDomainPut,
  onLoss,
  onQueueInit,
  onReserve,
  onSegment,
} from './control-events.ts';
import { onMap, onMapError } from './map-events.ts';
import {
  onAllocProbe,
  onDomainHint,
  onIovaAlloc,
  onIovaAllocReturn,
  onIovaFree,
  onUnmapProbe,
} from './probe-events.ts';
import type { Pairing } from './state.ts';
import { onSync } from './sync-events.ts';
import { onTableMap } from './table-map.ts';
import { onTableUnmap } from './table-unmap.ts';
import { onFree, onUnmap, onUnmapList } from './unmap-events.ts';
import { onVtdMap, onVtdUnmap } from './vtd-events.ts';

/** Pairs the events of one batch with what came before. */
export function pairEvents(p: Pairing, b: EventBatch): void {
  if (!p.dmaEvents) p.dmaEvents = hasKind(b, EventKind.dmaMap, EventKind.dmaSyncSg);
  if (!p.pageTable) {
    p.pageTable =
      hasKind(b, EventKind.iommuMap, EventKind.iommuUnmap) ||
      hasKind(b, EventKind.vtdMap, EventKind.vtdUnmap);
  }
  p.contexts.infer(b, p.dmaEvents);
  const { length, kind, cpu } = b;
  for (let i = 0; i < length; i++) {
    const k = kind[i]!;
    if (p.offline.size > 0 && p.offline.has(cpu[i]!)) onCpuBack(p, b, i);
    if (k >= EventKind.iovaAlloc && k < EventKind.bounced) {
      if (!p.ignoreProbes) onProbe(p, b, i, k);
    } else onTracepoint(p, b, i, k);
  }
}

/** Whether a batch has events of these kinds, which then make the requests; a look ahead of up to one batch. */
function hasKind(b: EventBatch, first: EventKind, last: EventKind): boolean {
  for (let i = 0; i < b.length; i++) {
    const k = b.kind[i]!;
    if (k >= first && k <= last) return true;
  }
  return false;
}

function onTracepoint(p: Pairing, b: EventBatch, i: number, k: number): void {
  switch (k) {
    case EventKind.dmaMap:
    case EventKind.dmaMapSg:
      onMap(p, b, i, Op.map);
      break;
    case EventKind.dmaAlloc:
      onMap(p, b, i, Op.alloc);
      break;
    case EventKind.dmaUnmap:
      onUnmap(p, b, i);
      break;
    case EventKind.dmaUnmapSg:
      onUnmapList(p, b, i);
      break;
    case EventKind.dmaFree:
      onFree(p, b, i);
      break;
    case EventKind.dmaMapSgErr:
      onMapError(p, b, i);
      break;
    case EventKind.dmaSync:
    case EventKind.dmaSyncSg:
      onSync(p, b, i);
      break;
    case EventKind.iommuMap:
      onTableMap(p, b, i);
      break;
    case EventKind.iommuUnmap:
      onTableUnmap(p, b, i);
      break;
    case EventKind.groupAdd:
      if (b.aux2[i] === 1) onDeviceRemoved(p, b, i);
      else p.attribution.group(b.device[i]!, b.aux[i]!);
      break;
    case EventKind.attach:
      p.attribution.attach(b.device[i]!, b.tid[i]!);
      break;
    case EventKind.vtdMap:
      onVtdMap(p, b, i);
      break;
    case EventKind.vtdUnmap:
      onVtdUnmap(p, b, i);
      break;
    case EventKind.bounced:
      onBounced(p, b, i);
      break;
    case EventKind.bounceMap:
      onBounceMap(p, b, i);
      break;
    case EventKind.bounceMapRet:
      onBounceMapReturn(p, b, i);
      break;
    case EventKind.bounceUnmap:
      onBounceUnmap(p, b, i);
      break;
    case EventKind.bounceRelease:
      onBounceRelease(p, b, i);
      break;
    case EventKind.mark:
    case EventKind.bounceSearch:
    case EventKind.poolAlloc:
    case EventKind.poolGrowth:
      p.bounce.other(b, i, k);
      break;
    case EventKind.lost:
      onLoss(p, b, i);
      break;
    case EventKind.segment:
      onSegment(p);
      break;
  }
}

function onProbe(p: Pairing, b: EventBatch, i: number, k: number): void {
  switch (k) {
    case EventKind.dmaAllocIova:
      onAllocProbe(p, b, i);
      break;
    case EventKind.iovaAlloc:
      onIovaAlloc(p, b, i);
      break;
    case EventKind.iovaAllocRet:
      onIovaAllocReturn(p, b, i);
      break;
    case EventKind.iovaFree:
      onIovaFree(p, b, i);
      break;
    case EventKind.dmaUnmapCall:
      onUnmapProbe(p, b, i);
      break;
    case EventKind.domainHint:
      onDomainHint(p, b, i);
      break;
    case EventKind.domainInit:
      onDomainInit(p, b, i);
      break;
    case EventKind.domainPut:
      onDomainPut(p, b, i);
      break;
    case EventKind.reserve:
      onReserve(p, b, i);
      break;
    case EventKind.fqInit:
      onQueueInit(p, b, i);
      break;
    case EventKind.fqFlush:
    case EventKind.fqTimeout:
    case EventKind.fqRingFree:
      p.queueEvents++;
      break;
    case EventKind.cpuCacheFlush:
      onCpuCacheFlush(p, b, i);
      break;
  }
}
