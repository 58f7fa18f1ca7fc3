// Events of the system dma (include/trace/events/dma.h), Linux 6.12 to 6.18.
//
// The device name comes first, without a key. dir of dma_alloc and dma_free is printed from 6.13 on,
// nents and ents of dma_map_sg by stable kernels of 2026. dma_map_sg_err prints physical addresses
// under the key dma_addrs. Left out: gfp flags.

import { EventKind, Flag } from '../batch.ts';
import { As, type EventDefinition, type Field, Form, field, optional, To } from './definition.ts';

const dir: Field = field('dir', As.direction, To.direction);
const anyDir: Field = optional('dir', As.direction, To.direction);
const address: Field = field('dma_addr', As.hex, To.address);
const size: Field = field('size', As.number, To.size);
const attrs: Field = field('attrs', As.attrs, To.aux);
const ignoredAttrs: Field = optional('attrs', As.attrs, To.nothing);
const gfp: Field = optional('flags', As.ignored, To.nothing);
const addresses: Field = field('dma_addrs', As.list, To.addresses);
const sizes: Field = field('sizes', As.list, To.sizes);
const physes: Field = field('phys_addrs', As.list, To.physes);

export const dmaEvents: readonly EventDefinition[] = [
  {
    names: ['dma_map_page', 'dma_map_phys', 'dma_map_resource'],
    kind: EventKind.dmaMap,
    form: Form.device,
    fields: [dir, address, size, field('phys_addr', As.hex, To.phys), attrs],
  },
  {
    names: ['dma_unmap_page', 'dma_unmap_phys', 'dma_unmap_resource'],
    kind: EventKind.dmaUnmap,
    form: Form.device,
    fields: [dir, address, size, attrs],
  },
  {
    names: ['dma_map_sg'],
    kind: EventKind.dmaMapSg,
    form: Form.device,
    fields: [
      dir,
      optional('nents', As.ratio, To.aux),
      optional('ents', As.ratio, To.aux2),
      optional('[TRUNCATED]', As.flag, To.capped),
      addresses,
      sizes,
      physes,
      ignoredAttrs,
    ],
  },
  {
    names: ['dma_unmap_sg'],
    kind: EventKind.dmaUnmapSg,
    form: Form.device,
    fields: [dir, physes, ignoredAttrs],
  },
  {
    names: ['dma_map_sg_err'],
    kind: EventKind.dmaMapSgErr,
    form: Form.device,
    fields: [
      dir,
      field('dma_addrs', As.list, To.physes),
      field('err', As.signed, To.aux),
      ignoredAttrs,
    ],
    flags: Flag.failed,
  },
  {
    names: ['dma_alloc', 'dma_alloc_pages'],
    kind: EventKind.dmaAlloc,
    form: Form.device,
    fields: [
      anyDir,
      address,
      size,
      optional('virt_addr', As.pointer, To.token0Failed),
      optional('phys_addr', As.hex, To.phys),
      gfp,
      ignoredAttrs,
    ],
  },
  {
    names: ['dma_alloc_sgt'],
    kind: EventKind.dmaAlloc,
    form: Form.device,
    fields: [anyDir, address, size, physes, gfp, ignoredAttrs],
  },
  {
    names: ['dma_alloc_sgt_err'],
    kind: EventKind.dmaAlloc,
    form: Form.device,
    fields: [anyDir, address, size, gfp, ignoredAttrs],
    flags: Flag.failed,
  },
  {
    names: ['dma_free', 'dma_free_pages'],
    kind: EventKind.dmaFree,
    form: Form.device,
    fields: [
      anyDir,
      address,
      size,
      optional('virt_addr', As.pointer, To.token),
      optional('phys_addr', As.hex, To.phys),
      ignoredAttrs,
    ],
  },
  {
    names: ['dma_free_sgt'],
    kind: EventKind.dmaFree,
    form: Form.device,
    fields: [anyDir, address, size, physes],
  },
  {
    names: ['dma_sync_single_for_cpu'],
    kind: EventKind.dmaSync,
    form: Form.device,
    fields: [dir, address, size],
  },
  {
    names: ['dma_sync_single_for_device'],
    kind: EventKind.dmaSync,
    form: Form.device,
    fields: [dir, address, size],
    aux: 1,
  },
  {
    names: ['dma_sync_sg_for_cpu'],
    kind: EventKind.dmaSyncSg,
    form: Form.device,
    fields: [dir, addresses, sizes],
  },
  {
    names: ['dma_sync_sg_for_device'],
    kind: EventKind.dmaSyncSg,
    form: Form.device,
    fields: [dir, addresses, sizes],
    aux: 1,
  },
];
