// Measured calls as JSON, for what is written beside a table: columns are deflated and in base64.

import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { type DurationSource, type MeasuredCalls, SAMPLE } from './duration-log.ts';

/** {@link MeasuredCalls} with its columns as text. */
export interface CallsText extends Omit<MeasuredCalls, 'ns' | 'size' | 'tree' | 'cpu' | 'tid'> {
  /** Doubles, the first byte the lowest. */
  readonly ns: string;
  readonly size: string;
  /** Bytes. */
  readonly tree: string;
  /** Words of 16 and of 32 bits, the first byte the lowest. */
  readonly cpu: string;
  readonly tid: string;
}

/** Measured calls as they are written. */
export function callsText(calls: readonly MeasuredCalls[]): CallsText[] {
  return calls.map((one) => ({
    ...one,
    ns: packed(one.ns),
    size: packed(one.size),
    tree: packed(one.tree),
    cpu: packed(one.cpu),
    tid: packed(one.tid),
  }));
}

/** Measured calls as they were written; null where that is not what was found. */
export function readCalls(value: unknown): MeasuredCalls[] | null {
  if (value === undefined) return [];
  if (!Array.isArray(value)) return null;
  try {
    return value.map(readOne);
  } catch {
    return null;
  }
}

function readOne(value: CallsText): MeasuredCalls {
  const ns = new Float64Array(unpacked(value.ns));
  const size = new Float64Array(unpacked(value.size));
  const tree = new Uint8Array(unpacked(value.tree));
  const cpu = new Uint16Array(unpacked(value.cpu));
  const tid = new Int32Array(unpacked(value.tid));
  const { count, sum, min, max } = value;
  const isWhole =
    typeof value.function === 'string' &&
    (['function_graph', 'probes'] satisfies DurationSource[]).includes(value.source) &&
    [count, sum, min, max].every(Number.isFinite) &&
    ns.length === Math.min(count, SAMPLE) &&
    [size, tree, cpu, tid].every(({ length }) => length === ns.length);
  if (!isWhole) throw new RangeError('calls');
  const { function: name, source } = value;
  return { function: name, source, count, sum, min, max, ns, size, tree, cpu, tid };
}

function packed({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return deflateRawSync(bytes, { level: constants.Z_BEST_SPEED }).toString('base64');
}

function unpacked(text: string): ArrayBuffer {
  const bytes = inflateRawSync(Buffer.from(text, 'base64'), { maxOutputLength: 8 * SAMPLE });
  return new Uint8Array(bytes).buffer;
}
