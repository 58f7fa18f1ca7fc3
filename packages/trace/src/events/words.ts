// Words with a numeric meaning: directions and DMA attributes.
//
// Each distinct spelling is decoded once; afterwards its bytes are found in a table.

import { Direction } from '../batch.ts';
import { ByteTable } from '../byte-table.ts';
import { Byte } from '../bytes.ts';
import type { TextWindow } from '../text-window.ts';

const DIRECTIONS: Readonly<Record<string, number>> = {
  BIDIRECTIONAL: Direction.bidirectional,
  TO_DEVICE: Direction.toDevice,
  FROM_DEVICE: Direction.fromDevice,
  NONE: Direction.none,
};

/** DMA_ATTR_* by the name that the kernel prints; both names of bit 11 are in use. */
const ATTRIBUTES: Readonly<Record<string, number>> = {
  WEAK_ORDERING: 2 ** 1,
  WRITE_COMBINE: 2 ** 2,
  NO_KERNEL_MAPPING: 2 ** 4,
  SKIP_CPU_SYNC: 2 ** 5,
  FORCE_CONTIGUOUS: 2 ** 6,
  ALLOC_SINGLE_PAGES: 2 ** 7,
  NO_WARN: 2 ** 8,
  PRIVILEGED: 2 ** 9,
  MMIO: 2 ** 10,
  CACHE_CLEAN: 2 ** 11,
  CACHELINES_OVERLAP: 2 ** 11,
  REQUIRE_COHERENT: 2 ** 12,
  CC_SHARED: 2 ** 13,
  ALLOC_CC_SHARED: 2 ** 14,
};

/** The meaning of a word, or NaN where it has none. */
export type Meaning = (word: string) => number;

/** Direction of a dir= word; raw values above 3 are kept up to 254. */
export function directionOf(word: string): number {
  const known = DIRECTIONS[word];
  if (known !== undefined) return known;
  const raw = /^(?:0x)?[0-9a-f]+$/.test(word) ? Number.parseInt(word, 16) : Number.NaN;
  return raw <= 254 ? raw : Number.NaN;
}

/** Bits of an attrs= list: names joined by |, unnamed bits as one trailing number. */
export function attributesOf(list: string): number {
  let bits = 0;
  for (const name of list.split('|')) {
    bits += ATTRIBUTES[name] ?? (/^0x[0-9a-f]+$/.test(name) ? Number(name) : Number.NaN);
  }
  return bits;
}

/** Words that were seen, with their meanings. */
export class WordTable {
  /** Meaning of the word that was read last, NaN where it has none. */
  value = 0;
  private readonly bytes: Buffer;
  private readonly words: ByteTable;
  private readonly meanings: number[] = [];
  private readonly meaning: Meaning;
  /** The word that was seen last with this first byte. */
  private readonly guess: Uint16Array = new Uint16Array(256);

  constructor(window: TextWindow, meaning: Meaning) {
    this.bytes = window.bytes;
    this.words = new ByteTable(window, 4096);
    this.meaning = meaning;
  }

  /** Reads a word; returns the position after it. */
  read(start: number): number {
    const { bytes, words } = this;
    const guess = this.guess[bytes[start]!]!;
    if (guess !== 0) {
      const length = words.lengthAt(guess, start);
      if (length > 0 && bytes[start + length]! <= Byte.space) {
        this.value = this.meanings[guess]!;
        return start + length;
      }
    }
    let end = start;
    while (bytes[end]! > Byte.space) end++;
    const index = words.intern(start, end - start);
    this.meanings[index] ??= this.meaning(words.strings[index]!);
    this.value = this.meanings[index]!;
    this.guess[bytes[start]!] = index;
    return end;
  }
}
