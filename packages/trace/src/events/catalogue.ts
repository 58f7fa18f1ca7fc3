// The described events, flattened into columns that the payload reader walks without touching objects.

import { As, type EventDefinition, type Field, Form, To } from './definition.ts';
import { dmaEvents } from './dma.ts';
import { iommuEvents } from './iommu.ts';
import { probeEvents } from './probes.ts';
import { swiotlbEvents } from './swiotlb.ts';
import { vtdEvents } from './vtd.ts';

/** No definition has this number. */
export const NO_EVENT = -1;

/** The frequent pairs of As and To, which the payload reader treats first. */
export const Step = { other: 0, size: 1, address: 2, phys: 3, aux: 4, token: 5 } as const;

/** Definitions by number; the fields of definition d are rows fieldFrom[d] to fieldFrom[d + 1] - 1. */
export interface Catalogue {
  readonly definitions: readonly EventDefinition[];
  readonly kind: Uint8Array;
  readonly form: Uint8Array;
  /** 1 where a column has the same value in every row. */
  readonly constant: Uint8Array;
  readonly fieldFrom: Uint16Array;
  /** Bit i: field i of the definition must be there. */
  readonly required: Int32Array;
  readonly step: Uint8Array;
  readonly as: Uint8Array;
  readonly to: Uint8Array;
  /**
   * Keys with their "=", as little-endian words: the first four bytes and the last, and for keys of
   * more than eight bytes the four after the first and the four before the last; the third and the
   * fourth four close the gap in keys of more than sixteen and twenty.
   */
  readonly keyLength: Uint8Array;
  readonly keyHead: Uint32Array;
  readonly keySecond: Uint32Array;
  readonly keyThird: Uint32Array;
  readonly keyFourth: Uint32Array;
  readonly keyLastButOne: Uint32Array;
  readonly keyTail: Uint32Array;
  /** Number of the definition by event name: of the tracepoint, and of the probe of that name. */
  readonly tracepoints: ReadonlyMap<string, number>;
  readonly probes: ReadonlyMap<string, number>;
}

/** All events whose payload is read. */
export const catalogue: Catalogue = flatten([
  ...iommuEvents,
  ...dmaEvents,
  ...swiotlbEvents,
  ...vtdEvents,
  ...probeEvents,
]);

function flatten(definitions: readonly EventDefinition[]): Catalogue {
  const fields = definitions.flatMap((definition) => definition.fields);
  const keys = fields.map(keyBytes);
  return {
    definitions,
    kind: Uint8Array.from(definitions, (definition) => definition.kind),
    form: Uint8Array.from(definitions, (definition) => definition.form),
    constant: Uint8Array.from(definitions, ({ aux, aux2, flags }) =>
      aux === undefined && aux2 === undefined && flags === undefined ? 0 : 1,
    ),
    fieldFrom: Uint16Array.from(startsOf(definitions)),
    required: Int32Array.from(definitions, (definition) => requiredBits(definition.fields)),
    step: Uint8Array.from(fields, stepOf),
    as: Uint8Array.from(fields, (field) => field.as),
    to: Uint8Array.from(fields, (field) => field.to),
    keyLength: Uint8Array.from(keys, (key) => key.length),
    keyHead: Uint32Array.from(keys, (key) => wordAt(key, 0)),
    keySecond: Uint32Array.from(keys, (key) => wordAt(key, 4)),
    keyThird: Uint32Array.from(keys, (key) => wordAt(key, 8)),
    keyFourth: Uint32Array.from(keys, (key) => wordAt(key, 12)),
    keyLastButOne: Uint32Array.from(keys, (key) => wordAt(key, key.length - 8)),
    keyTail: Uint32Array.from(keys, (key) => wordAt(key, key.length - 4)),
    tracepoints: numbersByName(definitions, false),
    probes: numbersByName(definitions, true),
  };
}

function stepOf({ as, to }: Field): number {
  if (as === As.number && to === To.size) return Step.size;
  if (as === As.number && to === To.aux) return Step.aux;
  if (as === As.hex && to === To.address) return Step.address;
  if (as === As.hex && to === To.phys) return Step.phys;
  return as === As.pointer && to === To.token ? Step.token : Step.other;
}

function startsOf(definitions: readonly EventDefinition[]): number[] {
  const starts = [0];
  for (const { fields } of definitions) starts.push(starts.at(-1)! + fields.length);
  return starts;
}

function requiredBits(fields: readonly Field[]): number {
  return fields.reduce((bits, field, i) => (field.optional ? bits : bits | (1 << i)), 0);
}

function keyBytes(field: Field): Uint8Array {
  const key = new TextEncoder().encode(field.as === As.flag ? field.key : `${field.key}=`);
  if (key.length < 3 || key.length > 24)
    throw new RangeError(`Key "${field.key}" is not compared in full`);
  return key;
}

/** Four bytes of a key; a key of three takes in the space before it. */
function wordAt(key: Uint8Array, offset: number): number {
  let word = 0;
  for (let i = 3; i >= 0; i--) word = (word << 8) | (key[offset + i] ?? 0x20);
  return word >>> 0;
}

function numbersByName(
  definitions: readonly EventDefinition[],
  wantProbe: boolean,
): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  definitions.forEach(({ names, form }, number) => {
    if ((form === Form.probe) !== wantProbe) return;
    for (const name of names) numbers.set(name, number);
  });
  return numbers;
}
