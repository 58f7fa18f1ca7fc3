// Which field of a record holds what a key of the printed event shows.
//
// The kernel prints some fields under other names than they have in the record; nents and ents of
// dma_map_sg print the recorded and the full count, of which only the full one is a field.

import { As, type Field, Form, To } from '../events/definition.ts';

const NAMES: Readonly<Record<string, readonly string[]>> = {
  dma_addr: ['dma_addr', 'addr'],
  nents: ['full_nents'],
  ents: ['full_ents'],
  '[TRUNCATED]': ['truncated'],
  groupID: ['gid'],
  FORCE: ['force', 'swiotlb_force'],
  unmapped_size: ['unmapped_size', 'size'],
};

const LISTS: Readonly<Record<number, readonly string[]>> = {
  [To.addresses]: ['dma_addrs'],
  [To.physes]: ['phys_addrs', 'addrs'],
  [To.sizes]: ['lengths', 'sizes'],
};

/** Names that the field for a described key may have in a record, the usual one first. */
export function fieldNames({ key, as, to }: Field): readonly string[] {
  if (as === As.list) return LISTS[to]!;
  return NAMES[key] ?? [key];
}

/** Name of the field with the device that an event of this form prints first; empty where it has none. */
export function headField(form: Form): string {
  if (form === Form.device) return 'device';
  return form === Form.devName || form === Form.dev ? 'dev_name' : '';
}

/** The system of the tracepoints of this form; empty where any will do. */
export function systemOf(form: Form): string {
  if (form === Form.iommu) return 'iommu';
  if (form === Form.device) return 'dma';
  if (form === Form.dev) return 'intel_iommu';
  return form === Form.devName ? 'swiotlb' : '';
}
