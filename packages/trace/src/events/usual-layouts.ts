// The payloads that fill traces, read by the layout in which kernels print them.
//
//   map              IOMMU: iova=0x<16> - 0x<16> paddr=0x<16> size=<n>
//   unmap            IOMMU: iova=0x<16> - 0x<16> size=<n> unmapped_size=<n>
//   dma_map_page     <device> dir=<word> dma_addr=<hex> size=<n> phys_addr=<hex> attrs=<words>
//   dma_unmap_page   <device> dir=<word> dma_addr=<hex> size=<n> attrs=<words>
//   alloc_iova_fast  (<place>) iovad=0x<16> size=<n> limit_pfn=0x<hex> flush_rcache=<n>
//   its return       (<place>) pfn=0x<hex>
//   free_iova_fast   (<place>) iovad=0x<16> pfn=0x<hex> size=<n>
//
// Keys are compared where they should stand, four bytes at a time, and values are read in between.
// What is printed in any other way is UNUSUAL and goes to payload.ts, which reads every layout and
// is the reference: it writes again what was written here, so nothing has to be taken back.

import { type EventBatch, EventKind } from '../batch.ts';
import { Byte, DECIMAL_PAIR, HEX_PAIR, HEX_VALUE } from '../bytes.ts';
import type { TextWindow } from '../text-window.ts';
import type { TokenTable } from '../token-table.ts';
import type { HeadReader } from './head.ts';
import type { ValueReader } from './values.ts';
import type { WordTable } from './words.ts';

// Constants of this module are compiled in; what is imported is loaded at each use (docs/architecture.md).
const Kinds = EventKind;
const Bytes = Byte;
const DECIMAL_PAIRS = DECIMAL_PAIR;
const HEX_PAIRS = HEX_PAIR;
const HEX_VALUES = HEX_VALUE;

/** The payload has another layout. */
export const UNUSUAL = -1;

/** More digits than this may not fit into 31 bits. */
const MAX_DIGITS = 9;
const MAX_HEX_DIGITS = 7;
const TWO_32 = 2 ** 32;

/** Four characters as the word that a little-endian view reads. */
function word(text: string): number {
  const [a, b, c, d] = [...text].map((character) => character.charCodeAt(0));
  return (a! | (b! << 8) | (c! << 16) | (d! << 24)) >>> 0;
}

const W_IOMM = word('IOMM');
const W_U__I = word('U: i');
const W_OVA = word('ova=');
const W_A_0X = word('a=0x');
const W_DASH = word(' - 0');
const W_DASH_0X = word('- 0x');
const W_PAD = word(' pad');
const W_DR_0 = word('dr=0');
const W_R_0X = word('r=0x');
const W_SIZ = word(' siz');
const W_IZE = word('ize=');
const W_UNM = word(' unm');
const W_APPE = word('appe');
const W_D_SI = word('d_si');
const W_DIR = word(' dir');
const W_DMA = word(' dma');
const W_ADD = word('_add');
const W_DDR = word('ddr=');
const W_PHY = word(' phy');
const W_S_AD = word('s_ad');
const W_ATT = word(' att');
const W_TRS = word('trs=');
const W_IOV = word(' iov');
const W_AD_0 = word('ad=0');
const W_D_0X = word('d=0x');
const W_PFN = word(' pfn');
const W_PFN_IS = word('pfn=');
const W_N_0X = word('n=0x');
const W_LIM = word(' lim');
const W_IT_P = word('it_p');
const W_FLU = word(' flu');
const W_SH_R = word('sh_r');
const W_CACH = word('cach');
const W_CHE = word('che=');

/** Reads usual payloads into the rows of a batch. */
export class UsualLayouts {
  private readonly bytes: Buffer;
  private readonly view: DataView;
  private readonly head: HeadReader;
  private readonly values: ValueReader;
  private readonly directions: WordTable;
  private readonly attributes: WordTable;
  private readonly tokens: TokenTable;
  private readonly batch: EventBatch;
  /** The decimal number that was read last. */
  private number = 0;
  /** Negative once digits were expected and something else was found. */
  private invalid = 0;
  /** The iovad that was read last, and its token. */
  private lastLow = 0;
  private lastHigh = 0;
  private lastToken = 0;

  constructor(
    window: TextWindow,
    batch: EventBatch,
    tokens: TokenTable,
    head: HeadReader,
    values: ValueReader,
    directions: WordTable,
    attributes: WordTable,
  ) {
    this.bytes = window.bytes;
    this.view = window.view;
    this.batch = batch;
    this.tokens = tokens;
    this.head = head;
    this.values = values;
    this.directions = directions;
    this.attributes = attributes;
  }

  /** Reads the payload at `start`; returns the position of its line feed, or UNUSUAL. */
  read(kind: number, definition: number, row: number, start: number): number {
    let end: number = UNUSUAL;
    switch (kind) {
      case Kinds.iommuMap:
        end = this.tableMap(row, start);
        break;
      case Kinds.iommuUnmap:
        end = this.tableUnmap(row, start);
        break;
      case Kinds.dmaMap:
        end = this.dmaMap(row, start);
        break;
      case Kinds.dmaUnmap:
        end = this.dmaUnmap(row, start);
        break;
      case Kinds.iovaAlloc:
        end = this.iovaAlloc(row, this.head.place(definition, start));
        break;
      case Kinds.iovaAllocRet:
        end = this.iovaAllocReturn(row, this.head.place(definition, start));
        break;
      case Kinds.iovaFree:
        end = this.iovaFree(row, this.head.place(definition, start));
        break;
    }
    if (end < 0 || this.bytes[end] !== Bytes.lineFeed) return UNUSUAL;
    this.batch.kind[row] = kind;
    return end;
  }

  private tableMap(row: number, start: number): number {
    const { view, batch } = this;
    if (!this.isRange(start)) return UNUSUAL;
    if (
      view.getUint32(start + 51, true) !== W_PAD ||
      view.getUint32(start + 55, true) !== W_DR_0 ||
      view.getUint32(start + 56, true) !== W_R_0X
    ) {
      return UNUSUAL;
    }
    this.invalid = 0;
    batch.physHigh[row] = this.eight(start + 60);
    batch.physLow[row] = this.eight(start + 68);
    const end = this.size(row, start + 76);
    return end >= 0 && this.range(row, start, this.number) ? end : UNUSUAL;
  }

  private tableUnmap(row: number, start: number): number {
    const { view, batch } = this;
    if (!this.isRange(start)) return UNUSUAL;
    this.invalid = 0;
    const position = this.size(row, start + 51);
    if (
      position < 0 ||
      !this.range(row, start, this.number) ||
      view.getUint32(position, true) !== W_UNM ||
      view.getUint32(position + 4, true) !== W_APPE ||
      view.getUint32(position + 8, true) !== W_D_SI ||
      view.getUint32(position + 11, true) !== W_IZE
    ) {
      return UNUSUAL;
    }
    const end = this.decimal(position + 15);
    batch.aux[row] = this.number;
    return this.invalid < 0 ? UNUSUAL : end;
  }

  /** "IOMMU: iova=0x<16> - 0x<16>", but for the digits. */
  private isRange(start: number): boolean {
    const { view } = this;
    return (
      view.getUint32(start, true) === W_IOMM &&
      view.getUint32(start + 4, true) === W_U__I &&
      view.getUint32(start + 8, true) === W_OVA &&
      view.getUint32(start + 10, true) === W_A_0X &&
      view.getUint32(start + 30, true) === W_DASH &&
      view.getUint32(start + 31, true) === W_DASH_0X
    );
  }

  /** Reads the range of a payload that begins at `start`; false where its end is not its begin and `size`. */
  private range(row: number, start: number, size: number): boolean {
    const { batch } = this;
    const high = this.eight(start + 14);
    const low = this.eight(start + 22);
    batch.addressHigh[row] = high;
    batch.addressLow[row] = low;
    const sum = (low >>> 0) + size;
    const carry = sum >= TWO_32 ? 1 : 0;
    return (
      this.eight(start + 43) === (sum | 0) &&
      this.eight(start + 35) === ((high + carry) | 0) &&
      this.invalid >= 0
    );
  }

  private dmaMap(row: number, start: number): number {
    const { view, batch, values } = this;
    let position = this.dmaRange(row, start);
    if (
      position < 0 ||
      batch.addressLow[row] === 0xffff_ffff ||
      view.getUint32(position, true) !== W_PHY ||
      view.getUint32(position + 4, true) !== W_S_AD ||
      view.getUint32(position + 7, true) !== W_DDR
    ) {
      return UNUSUAL;
    }
    position = values.hex(position + 11);
    batch.physLow[row] = values.low;
    batch.physHigh[row] = values.high;
    return position < 0 ? UNUSUAL : this.attrs(row, position);
  }

  private dmaUnmap(row: number, start: number): number {
    const position = this.dmaRange(row, start);
    return position < 0 ? UNUSUAL : this.attrs(row, position);
  }

  /** <device> dir=<word> dma_addr=<hex> size=<n> */
  private dmaRange(row: number, start: number): number {
    const { bytes, view, batch, values, directions } = this;
    let position = this.head.device(row, start);
    if (
      position < 0 ||
      view.getUint32(position, true) !== W_DIR ||
      bytes[position + 4] !== Bytes.equals
    ) {
      return UNUSUAL;
    }
    position = directions.read(position + 5);
    if (
      !(directions.value >= 0) ||
      view.getUint32(position, true) !== W_DMA ||
      view.getUint32(position + 4, true) !== W_ADD ||
      view.getUint32(position + 6, true) !== W_DDR
    ) {
      return UNUSUAL;
    }
    batch.direction[row] = directions.value;
    position = values.hex(position + 10);
    if (position < 0) return UNUSUAL;
    batch.addressLow[row] = values.low;
    batch.addressHigh[row] = values.high;
    this.invalid = 0;
    return this.size(row, position);
  }

  private attrs(row: number, start: number): number {
    const { bytes, view, attributes } = this;
    if (view.getUint32(start, true) !== W_ATT || view.getUint32(start + 3, true) !== W_TRS) {
      return UNUSUAL;
    }
    if (bytes[start + 7] === Bytes.lineFeed) return start + 7;
    const end = attributes.read(start + 7);
    if (!(attributes.value >= 0)) return UNUSUAL;
    this.batch.aux[row] = attributes.value;
    return end;
  }

  private iovaAlloc(row: number, start: number): number {
    const { view, batch } = this;
    let position = this.iovad(row, start);
    if (position >= 0) position = this.size(row, position);
    if (
      position < 0 ||
      view.getUint32(position, true) !== W_LIM ||
      view.getUint32(position + 4, true) !== W_IT_P ||
      view.getUint32(position + 7, true) !== W_PFN_IS
    ) {
      return UNUSUAL;
    }
    position = this.pfn(row, position + 6);
    if (
      position < 0 ||
      view.getUint32(position, true) !== W_FLU ||
      view.getUint32(position + 4, true) !== W_SH_R ||
      view.getUint32(position + 8, true) !== W_CACH ||
      view.getUint32(position + 10, true) !== W_CHE
    ) {
      return UNUSUAL;
    }
    position = this.decimal(position + 14);
    batch.aux2[row] = this.number;
    return this.invalid < 0 ? UNUSUAL : position;
  }

  private iovaAllocReturn(row: number, start: number): number {
    if (start < 0 || this.view.getUint32(start, true) !== W_PFN) return UNUSUAL;
    const end = this.pfn(row, start);
    return end < 0 || this.batch.aux[row] === 0 ? UNUSUAL : end;
  }

  private iovaFree(row: number, start: number): number {
    let position = this.iovad(row, start);
    if (position < 0 || this.view.getUint32(position, true) !== W_PFN) return UNUSUAL;
    position = this.pfn(row, position);
    return position < 0 ? UNUSUAL : this.size(row, position);
  }

  /** " iovad=0x<16>" */
  private iovad(row: number, start: number): number {
    const { view } = this;
    if (
      start < 0 ||
      view.getUint32(start, true) !== W_IOV ||
      view.getUint32(start + 4, true) !== W_AD_0 ||
      view.getUint32(start + 5, true) !== W_D_0X
    ) {
      return UNUSUAL;
    }
    this.invalid = 0;
    const high = this.eight(start + 9);
    const low = this.eight(start + 17);
    if (this.invalid < 0) return UNUSUAL;
    if (low !== this.lastLow || high !== this.lastHigh) {
      this.lastToken = this.tokens.intern(low, high);
      this.lastLow = low;
      this.lastHigh = high;
    }
    this.batch.token[row] = this.lastToken;
    return start + 25;
  }

  /** The "n=0x<hex>" of " pfn=0x<hex>", whose first word was compared. */
  private pfn(row: number, start: number): number {
    const { bytes, view } = this;
    if (view.getUint32(start + 3, true) !== W_N_0X) return UNUSUAL;
    const first = start + 7;
    let position = first;
    let value = 0;
    let pair = HEX_PAIRS[view.getUint16(position, true)]!;
    while (pair >= 0) {
      value = (value << 8) | pair;
      position += 2;
      pair = HEX_PAIRS[view.getUint16(position, true)]!;
    }
    const digit = HEX_VALUES[bytes[position]!]!;
    if (digit >= 0) {
      value = (value << 4) | digit;
      position++;
    }
    if (position === first || position > first + MAX_HEX_DIGITS) return this.longPfn(row, first);
    this.batch.aux[row] = value;
    return position;
  }

  private longPfn(row: number, start: number): number {
    const end = this.values.hex(start);
    this.batch.aux[row] = this.values.wide();
    return end;
  }

  /** " size=<n>" */
  private size(row: number, start: number): number {
    const { view } = this;
    if (view.getUint32(start, true) !== W_SIZ || view.getUint32(start + 2, true) !== W_IZE) {
      return UNUSUAL;
    }
    const end = this.decimal(start + 6);
    this.batch.size[row] = this.number;
    return this.invalid < 0 ? UNUSUAL : end;
  }

  /** Reads a decimal number; returns the position after it. */
  private decimal(start: number): number {
    const { bytes, view } = this;
    let position = start;
    let value = 0;
    let pair = DECIMAL_PAIRS[view.getUint16(position, true)]!;
    while (pair >= 0) {
      value = (Math.imul(value, 100) + pair) | 0;
      position += 2;
      pair = DECIMAL_PAIRS[view.getUint16(position, true)]!;
    }
    const digit = bytes[position]! - Bytes.zero;
    if (digit >= 0 && digit <= 9) {
      value = (Math.imul(value, 10) + digit) | 0;
      position++;
    }
    if (position === start || position - start > MAX_DIGITS) this.invalid = -1;
    this.number = value;
    return position;
  }

  /** Eight hexadecimal digits as a signed word. */
  private eight(start: number): number {
    const { view } = this;
    const a = HEX_PAIRS[view.getUint16(start, true)]!;
    const b = HEX_PAIRS[view.getUint16(start + 2, true)]!;
    const c = HEX_PAIRS[view.getUint16(start + 4, true)]!;
    const d = HEX_PAIRS[view.getUint16(start + 6, true)]!;
    this.invalid |= a | b | c | d;
    return (a << 24) | (b << 16) | (c << 8) | d;
  }
}
