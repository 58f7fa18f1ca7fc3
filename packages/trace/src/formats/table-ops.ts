// The words for what happened in a row of a table, and the kinds of event they stand for.
//
// Accepted are short words (map, pt_map, m), the names of the kernel's events and probes, with or without
// their group, and the names of EventKind. `map` and `unmap` alone are those of the DMA layer. Any other
// word is an event that is counted by its name and read no further.

import { EventKind } from '../batch.ts';
import { catalogue } from '../events/catalogue.ts';
import { Form } from '../events/definition.ts';

/** What an op stands for; the values are the same in all its rows. */
export interface TableOp {
  readonly kind: EventKind;
  readonly aux: number;
  readonly aux2: number;
  readonly flags: number;
}

const WORDS: Readonly<Record<string, EventKind>> = {
  map: EventKind.dmaMap,
  m: EventKind.dmaMap,
  snapshotmap: EventKind.dmaMap,
  unmap: EventKind.dmaUnmap,
  u: EventKind.dmaUnmap,
  mapsg: EventKind.dmaMapSg,
  unmapsg: EventKind.dmaUnmapSg,
  mapsgerr: EventKind.dmaMapSgErr,
  alloc: EventKind.dmaAlloc,
  a: EventKind.dmaAlloc,
  free: EventKind.dmaFree,
  f: EventKind.dmaFree,
  synccpu: EventKind.dmaSync,
  syncdev: EventKind.dmaSync,
  syncsgcpu: EventKind.dmaSyncSg,
  syncsgdev: EventKind.dmaSyncSg,
  ptmap: EventKind.iommuMap,
  iommumap: EventKind.iommuMap,
  ptunmap: EventKind.iommuUnmap,
  iommuunmap: EventKind.iommuUnmap,
  groupadd: EventKind.groupAdd,
  groupdel: EventKind.groupAdd,
  iovareserve: EventKind.reserve,
  domhint: EventKind.domainHint,
  bounce: EventKind.bounced,
};

const ops: Map<string, TableOp> = knownOps();

/** What a word stands for; kind `other` where nothing is known of it. */
export function opOf(word: string): TableOp {
  const whole = ops.get(plain(word));
  return whole ?? ops.get(plain(word.replace(/^\w+:/, ''))) ?? op(EventKind.other);
}

function knownOps(): Map<string, TableOp> {
  const known = new Map<string, TableOp>();
  for (const { names, kind, form, aux, aux2, flags } of catalogue.definitions) {
    for (const name of names) {
      // The probe of a name comes after the tracepoint, which wins.
      if (form === Form.probe && known.has(plain(name))) continue;
      known.set(plain(name), op(kind, aux, aux2, flags));
    }
  }
  for (const [name, kind] of Object.entries(EventKind)) known.set(plain(name), op(kind));
  for (const [word, kind] of Object.entries(WORDS)) known.set(word, op(kind));
  known.set('syncdev', op(EventKind.dmaSync, 1));
  known.set('syncsgdev', op(EventKind.dmaSyncSg, 1));
  known.set('groupdel', op(EventKind.groupAdd, 0, 1));
  return known;
}

function op(kind: EventKind, aux = 0, aux2 = 0, flags = 0): TableOp {
  return { kind, aux, aux2, flags };
}

function plain(word: string): string {
  return word.toLowerCase().replace(/[^a-z0-9]/g, '');
}
