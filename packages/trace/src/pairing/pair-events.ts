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

// Constants of this module are compiled in; what is imported is loaded at each use (docs/architecture.md).
const Kinds = EventKind;
const Ops = Op;

/** Pairs the events of one batch with what came before. */
export function pairEvents(p: Pairing, b: EventBatch): void {
  if (!p.dmaEvents) p.dmaEvents = hasKind(b, Kinds.dmaMap, Kinds.dmaSyncSg);
  if (!p.pageTable) {
    p.pageTable =
      hasKind(b, Kinds.iommuMap, Kinds.iommuUnmap) || hasKind(b, Kinds.vtdMap, Kinds.vtdUnmap);
  }
  p.contexts.infer(b, p.dmaEvents);
  const { length, kind, cpu } = b;
  for (let i = 0; i < length; i++) {
    const k = kind[i]!;
    if (p.offline.size > 0 && p.offline.has(cpu[i]!)) onCpuBack(p, b, i);
    if (k >= Kinds.iovaAlloc && k < Kinds.bounced) {
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
    case Kinds.dmaMap:
    case Kinds.dmaMapSg:
      onMap(p, b, i, Ops.map);
      break;
    case Kinds.dmaAlloc:
      onMap(p, b, i, Ops.alloc);
      break;
    case Kinds.dmaUnmap:
      onUnmap(p, b, i);
      break;
    case Kinds.dmaUnmapSg:
      onUnmapList(p, b, i);
      break;
    case Kinds.dmaFree:
      onFree(p, b, i);
      break;
    case Kinds.dmaMapSgErr:
      onMapError(p, b, i);
      break;
    case Kinds.dmaSync:
    case Kinds.dmaSyncSg:
      onSync(p, b, i);
      break;
    case Kinds.iommuMap:
      onTableMap(p, b, i);
      break;
    case Kinds.iommuUnmap:
      onTableUnmap(p, b, i);
      break;
    case Kinds.groupAdd:
      if (b.aux2[i] === 1) onDeviceRemoved(p, b, i);
      else p.attribution.group(b.device[i]!, b.aux[i]!);
      break;
    case Kinds.attach:
      p.attribution.attach(b.device[i]!, b.tid[i]!);
      break;
    case Kinds.vtdMap:
      onVtdMap(p, b, i);
      break;
    case Kinds.vtdUnmap:
      onVtdUnmap(p, b, i);
      break;
    case Kinds.bounced:
      onBounced(p, b, i);
      break;
    case Kinds.bounceMap:
      onBounceMap(p, b, i);
      break;
    case Kinds.bounceMapRet:
      onBounceMapReturn(p, b, i);
      break;
    case Kinds.bounceUnmap:
      onBounceUnmap(p, b, i);
      break;
    case Kinds.bounceRelease:
      onBounceRelease(p, b, i);
      break;
    case Kinds.mark:
    case Kinds.bounceSearch:
    case Kinds.poolAlloc:
    case Kinds.poolGrowth:
      p.bounce.other(b, i, k);
      break;
    case Kinds.lost:
      onLoss(p, b, i);
      break;
    case Kinds.segment:
      onSegment(p);
      break;
  }
}

function onProbe(p: Pairing, b: EventBatch, i: number, k: number): void {
  switch (k) {
    case Kinds.dmaAllocIova:
      onAllocProbe(p, b, i);
      break;
    case Kinds.iovaAlloc:
      onIovaAlloc(p, b, i);
      break;
    case Kinds.iovaAllocRet:
      onIovaAllocReturn(p, b, i);
      break;
    case Kinds.iovaFree:
      onIovaFree(p, b, i);
      break;
    case Kinds.dmaUnmapCall:
      onUnmapProbe(p, b, i);
      break;
    case Kinds.domainHint:
      onDomainHint(p, b, i);
      break;
    case Kinds.domainInit:
      onDomainInit(p, b, i);
      break;
    case Kinds.domainPut:
      onDomainPut(p, b, i);
      break;
    case Kinds.reserve:
      onReserve(p, b, i);
      break;
    case Kinds.fqInit:
      onQueueInit(p, b, i);
      break;
    case Kinds.fqFlush:
    case Kinds.fqTimeout:
    case Kinds.fqRingFree:
      p.queueEvents++;
      break;
    case Kinds.cpuCacheFlush:
      onCpuCacheFlush(p, b, i);
      break;
  }
}
