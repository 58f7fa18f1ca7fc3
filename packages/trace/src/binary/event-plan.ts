// Turns the format description of an event into steps: which bytes of a record go to which column.
//
// An event of the catalogue whose record lacks a field that must be there has no steps, like an event
// that is not in the catalogue: it is counted by name.

import { EventKind } from '../batch.ts';
import { catalogue, NO_EVENT } from '../events/catalogue.ts';
import { As, type Field, To } from '../events/definition.ts';
import { fieldNames, headField, systemOf } from './field-names.ts';
import { type FormatDescription, type FormatField, Place } from './format-description.ts';

/** What is done with a value beyond storing it; the column is `to`. */
export const Special = {
  none: 0,
  /** A full count, which is compared with the length of the recorded list. */
  fullCount: 1,
  /** 1 means yes; other values (swiotlb_force NO_FORCE is 2) mean no. */
  flag: 2,
} as const;
export type Special = (typeof Special)[keyof typeof Special];

/** One value of a record. */
export interface Step {
  readonly to: To;
  readonly special: Special;
  readonly offset: number;
  readonly size: number;
  readonly signed: boolean;
  readonly place: Place;
  readonly elementSize: number;
}

/** How the records of one event are read. */
export interface EventPlan {
  readonly description: FormatDescription;
  /** Number in the catalogue, NO_EVENT where only the name counts. */
  readonly definition: number;
  readonly kind: EventKind;
  readonly steps: readonly Step[];
  /** Bytes that each record has at least. */
  readonly length: number;
  /** Offsets of common_flags and common_pid, -1 where there is none. */
  readonly flagsAt: number;
  readonly pidAt: number;
  /** Field that a known event should have and has not; empty where nothing is missing. */
  readonly missing: string;
}

/** The plan of an event. */
export function planEvent(description: FormatDescription): EventPlan {
  const fields = new Map(description.fields.map((field) => [field.name, field]));
  const definition = definitionOf(description, fields);
  const { steps, missing } =
    definition === NO_EVENT ? { steps: [], missing: '' } : stepsOf(definition, fields);
  const known = missing === '' ? definition : NO_EVENT;
  const flags = fields.get('common_flags');
  const pid = fields.get('common_pid');
  return {
    description,
    definition: known,
    kind: known === NO_EVENT ? EventKind.other : catalogue.definitions[known]!.kind,
    steps: known === NO_EVENT ? [] : steps,
    length: steps.reduce((end, { offset, size }) => Math.max(end, offset + size), 8),
    flagsAt: flags?.size === 1 && flags.offset < 8 ? flags.offset : -1,
    pidAt: pid?.size === 4 && pid.offset <= 4 ? pid.offset : -1,
    missing,
  };
}

function definitionOf(
  { system, name }: FormatDescription,
  fields: ReadonlyMap<string, FormatField>,
): number {
  if (fields.has('__probe_ip') || fields.has('__probe_func')) {
    return catalogue.probes.get(name) ?? NO_EVENT;
  }
  const definition = catalogue.tracepoints.get(name) ?? NO_EVENT;
  if (definition === NO_EVENT) return NO_EVENT;
  const expected = systemOf(catalogue.definitions[definition]!.form);
  return expected === '' || expected === system ? definition : NO_EVENT;
}

function stepsOf(
  definition: number,
  fields: ReadonlyMap<string, FormatField>,
): { steps: readonly Step[]; missing: string } {
  const { form, fields: keys } = catalogue.definitions[definition]!;
  const steps: Step[] = [];
  const head = headField(form);
  if (head !== '') {
    const device = fields.get(head);
    if (device === undefined || !device.isString) return { steps, missing: head };
    steps.push(step(device, To.device, Special.none));
  }
  for (const key of keys) {
    const names = fieldNames(key);
    const field = names.map((name) => fields.get(name)).find((known) => known !== undefined);
    const fits = field !== undefined && isFit(field, key);
    if (!fits && !key.optional) return { steps, missing: names[0]! };
    if (fits && key.to !== To.nothing) steps.push(step(field, key.to, specialOf(key)));
  }
  return { steps, missing: '' };
}

function isFit(field: FormatField, { as }: Field): boolean {
  if (as === As.name) return field.isString;
  if (as === As.list) {
    return field.place !== Place.fixed && (field.elementSize === 4 || field.elementSize === 8);
  }
  return field.place === Place.fixed && !field.isArray && [1, 2, 4, 8].includes(field.size);
}

function specialOf({ as }: Field): Special {
  if (as === As.ratio) return Special.fullCount;
  return as === As.flag ? Special.flag : Special.none;
}

function step(field: FormatField, to: To, special: Special): Step {
  const { offset, size, signed, place, elementSize } = field;
  return { to, special, offset, size, signed, place, elementSize };
}
