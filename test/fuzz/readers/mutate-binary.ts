// Damages binary inputs with some knowledge: numbers that may be offsets, lengths and counts go to their limits.
//
// Nothing of a format is known here: a number that is no larger than the input probably says where or how much.
// The first bytes are mostly kept: an input without its magic is refused before anything is read.

import type { Random } from '../random.ts';
import { changeBytes } from './mutate-bytes.ts';

const MOST_CHANGES = 4;
const FRONT = 16;
const KEPT = 0.95;
const FIELDS = 0.6;
const PROBES = 16;
const NEAR = 512;
const PAGE = 4096;
const PAGE_HEADER = 64;
const WIDTHS = [8, 4, 4, 2] as const;

/** A damaged copy of `original`; `others` are what pieces are taken from. */
export function mutateBinary(original: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  let bytes: Buffer = Buffer.from(original);
  for (let left = random.from(1, MOST_CHANGES); left > 0 && bytes.length > 8; left--) {
    if (random.chance(FIELDS)) setField(bytes, random);
    else bytes = changeBytes(bytes, random, others);
  }
  if (random.chance(KEPT)) original.copy(bytes, 0, 0, FRONT);
  return bytes;
}

/** Sets a number that may be a place, a length or a count to one at or over a limit. */
export function setField(bytes: Buffer, random: Random): void {
  const little = random.chance(0.85);
  for (let probe = 0; probe < PROBES; probe++) {
    const width = random.pick(WIDTHS);
    const at = placeIn(bytes, random, width);
    if (at < 0) return;
    const value = valueAt(bytes, at, width, little);
    if (value <= 0 || value > 2 * bytes.length) continue;
    put(bytes, at, width, little, limitOf(value, bytes.length, random));
    return;
  }
}

/** Half of the places are near the front or at the start of a page, where headers are. */
function placeIn(bytes: Buffer, random: Random, width: number): number {
  const room = bytes.length - width;
  if (room <= 0) return -1;
  const near = random.chance(0.3)
    ? random.below(NEAR)
    : PAGE * random.below(Math.ceil(bytes.length / PAGE)) + random.below(PAGE_HEADER);
  return Math.min(room, random.chance(0.5) ? near : random.below(room));
}

function valueAt(bytes: Buffer, at: number, width: number, little: boolean): number {
  if (width === 2) return little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  if (width === 4) return little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  const high = little ? bytes.readUInt32LE(at + 4) : bytes.readUInt32BE(at);
  const low = little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at + 4);
  return high * 2 ** 32 + low;
}

function limitOf(value: number, length: number, random: Random): number {
  return random.pick([
    0,
    1,
    value - 1,
    value + 1,
    2 * value,
    value + random.below(64),
    length - 1,
    length,
    length + 1,
    random.below(length),
    0x7fff,
    0xffff,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 53,
    2 ** 63 - 1024,
    2 ** 64 - 2048,
  ]);
}

function put(bytes: Buffer, at: number, width: number, little: boolean, value: number): void {
  const low = value % 2 ** 32;
  const high = Math.floor(value / 2 ** 32) % 2 ** 32;
  if (width === 2) {
    if (little) bytes.writeUInt16LE(low % 65_536, at);
    else bytes.writeUInt16BE(low % 65_536, at);
  } else if (little) {
    bytes.writeUInt32LE(low, at);
    if (width === 8) bytes.writeUInt32LE(high, at + 4);
  } else {
    bytes.writeUInt32BE(width === 8 ? high : low, at);
    if (width === 8) bytes.writeUInt32BE(low, at + 4);
  }
}
