// How an event is described: its names, what its payload begins with, and what its keys mean.
//
// The families (dma.ts, iommu.ts, probes.ts, swiotlb.ts) are lists of these records and hold no code;
// payload.ts reads payloads by them. Keys are looked up by name, so their order does not matter
// and keys that are not described are passed over.

import type { EventKind } from '../batch.ts';

/** What stands before the first key of a payload. */
export const Form = {
  /** Nothing. */
  bare: 0,
  /** "IOMMU: "; without it the event is another subsystem's. */
  iommu: 1,
  /** A device name. */
  device: 2,
  /** "dev_name: " and a device name. */
  devName: 3,
  /** A probe: "(symbol+0x4/0x90)" or "(caller+0x4/0x90 <- symbol)". */
  probe: 4,
  /** Free text. */
  text: 5,
  /** "dev=" and a device name; without it the event is another subsystem's. */
  dev: 6,
} as const;
export type Form = (typeof Form)[keyof typeof Form];

/** How a value is written. */
export const As = {
  /** 64 bits, hexadecimal, with or without 0x. */
  hex: 0,
  /** A decimal number, or a hexadecimal one with 0x. */
  number: 1,
  /** As `number`, with a sign. */
  signed: 2,
  /** An iova, then " - " and the exclusive end in kernels from 5.17 on. */
  range: 3,
  /** TO_DEVICE and its kin, or 0x and the raw value. */
  direction: 4,
  /** DMA attributes joined by |. */
  attrs: 5,
  /** A word up to the next space, or a text in quotes. */
  name: 6,
  /** A pointer, or (____ptrval____), (nil), (null) or (fault). */
  pointer: 7,
  /** {0x1000,0x3000}. */
  list: 8,
  /** recorded/full, as two numbers. */
  ratio: 9,
  /** No value: the key alone says it. */
  flag: 10,
  /** FORCE or NORMAL, alone. */
  ignored: 11,
} as const;
export type As = (typeof As)[keyof typeof As];

/** The column a value goes to. */
export const To = {
  nothing: 0,
  address: 1,
  phys: 2,
  size: 3,
  aux: 4,
  aux2: 5,
  token: 6,
  /** The index of a pointer in the token table, in aux. */
  auxToken: 7,
  device: 8,
  direction: 9,
  /** The inclusive end of the range that begins at the address: its length goes to aux. */
  auxLength: 10,
  /** A side of the segments. */
  addresses: 11,
  sizes: 12,
  physes: 13,
  /** Flag.listCapped. */
  capped: 14,
  /** A null pointer or number here means that the call failed. */
  token0Failed: 15,
  aux0Failed: 16,
  /** A null pointer here means that the call failed; nothing is kept. */
  failed0: 17,
} as const;
export type To = (typeof To)[keyof typeof To];

/** One key of a payload. */
export interface Field {
  readonly key: string;
  readonly as: As;
  readonly to: To;
  readonly optional?: boolean;
}

/** One event, or several that print alike. */
export interface EventDefinition {
  readonly names: readonly string[];
  readonly kind: EventKind;
  readonly form: Form;
  readonly fields: readonly Field[];
  /** Columns that are the same in every row. */
  readonly aux?: number;
  readonly aux2?: number;
  readonly flags?: number;
}

/** A key that must be there. */
export function field(key: string, as: As, to: To): Field {
  return { key, as, to };
}

/** A key that may be missing. */
export function optional(key: string, as: As, to: To): Field {
  return { key, as, to, optional: true };
}
