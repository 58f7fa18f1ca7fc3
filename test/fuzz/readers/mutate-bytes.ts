// Damages bytes: cut off, bits flipped, pieces moved, numbers and lines changed, pieces of other inputs put in.

import type { Random } from '../random.ts';

type Change = (bytes: Buffer, random: Random, others: readonly Buffer[]) => Buffer;

const EDGES = [0, 1, 0x0a, 0x20, 0x22, 0x2c, 0x7f, 0x80, 0xff] as const;
const WORDS = [0, 1, 2, 7, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff] as const;
const NUMBERS = ['0', '-1', '1', '4096', '65535', '65536', '4294967295', '9007199254740993'];
const BEYOND = ['18446744073709551615', '18446744073709551616', '0x', '0xffffffffffffffff', '1e99'];
const JUNK = ['\0', '\r\n', '\n\n', '"', '{', '}', '[', ',', '\t', '\u001b[31m', '\xff\xfe', ': '];
const MOST_CHANGES = 6;
const LONGEST = 64 * 1024;

const changes: readonly Change[] = [
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  flipBits,
  flipBits,
  setBytes,
  setWord,
  setWord,
  removePiece,
  repeatPiece,
  splice,
  splice,
  changeNumber,
  changeNumber,
  moveLine,
  putJunk,
];

/** A damaged copy of `original`; `others` are what pieces are taken from. */
export function mutateBytes(original: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  let bytes: Buffer = Buffer.from(original);
  for (let left = random.from(1, MOST_CHANGES); left > 0 && bytes.length > 0; left--) {
    bytes = changeBytes(bytes, random, others);
  }
  return bytes.length > LONGEST ? bytes.subarray(0, LONGEST) : bytes;
}

/** One change, in place or in a copy. */
export function changeBytes(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  return random.pick(changes)(bytes, random, others);
}

function flipBits(bytes: Buffer, random: Random): Buffer {
  for (let left = random.from(1, 4); left > 0; left--) {
    const at = random.below(bytes.length);
    bytes[at] = bytes[at]! ^ (1 << random.below(8));
  }
  return bytes;
}

function setBytes(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length);
  return bytes.fill(random.pick(EDGES), at, Math.min(bytes.length, at + random.from(1, 8)));
}

/** A number of 16 or 32 bits in either order, mostly near the front, where lengths are. */
function setWord(bytes: Buffer, random: Random): Buffer {
  if (bytes.length < 4) return bytes;
  const reach = random.chance(0.5) ? Math.min(bytes.length, 512) : bytes.length;
  const at = random.below(reach - 3);
  const word = random.chance(0.5) ? random.pick(WORDS) : random.below(bytes.length + 2);
  if (random.chance(0.3)) bytes.writeUInt16LE(word % 65_536, at);
  else if (random.chance(0.2)) bytes.writeUInt32BE(word, at);
  else bytes.writeUInt32LE(word, at);
  return bytes;
}

function removePiece(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.from(1, 200))]);
}

function repeatPiece(bytes: Buffer, random: Random): Buffer {
  const from = random.below(bytes.length);
  const piece = bytes.subarray(from, from + random.from(1, 300));
  const at = random.below(bytes.length);
  const times = random.chance(0.1) ? random.from(2, 40) : 1;
  return insert(bytes, at, Buffer.concat(Array<Buffer>(times).fill(piece)));
}

function splice(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  const other = random.pick(others);
  const from = random.below(other.length);
  const piece = other.subarray(from, from + random.from(1, 400));
  const at = random.below(bytes.length);
  if (random.chance(0.5)) return insert(bytes, at, piece);
  piece.copy(bytes, at);
  return bytes;
}

/** A run of digits becomes another number. */
function changeNumber(bytes: Buffer, random: Random): Buffer {
  let from = random.below(bytes.length);
  while (from < bytes.length && !isDigit(bytes[from]!)) from++;
  let to = from;
  while (to < bytes.length && isDigit(bytes[to]!)) to++;
  if (from === to) return bytes;
  const number = random.pick(random.chance(0.7) ? NUMBERS : BEYOND);
  return Buffer.concat([bytes.subarray(0, from), Buffer.from(number), bytes.subarray(to)]);
}

/** One line goes elsewhere, a second time or instead. */
function moveLine(bytes: Buffer, random: Random): Buffer {
  const from = bytes.indexOf(0x0a, random.below(bytes.length)) + 1;
  const end = bytes.indexOf(0x0a, from) + 1;
  if (from === 0 || end === 0) return bytes;
  const line = bytes.subarray(from, end);
  const rest = random.chance(0.5)
    ? bytes
    : Buffer.concat([bytes.subarray(0, from), bytes.subarray(end)]);
  const at = rest.indexOf(0x0a, random.below(rest.length + 1)) + 1;
  return insert(rest, at, line);
}

function putJunk(bytes: Buffer, random: Random): Buffer {
  const junk = Buffer.from(random.pick(JUNK), 'latin1');
  return insert(bytes, random.below(bytes.length + 1), junk);
}

function insert(bytes: Buffer, at: number, piece: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
