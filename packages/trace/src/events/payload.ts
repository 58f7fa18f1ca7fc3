// Reads the payload of one event into a row, led by the catalogue.
//
// A payload is a head (see Form) and key=value words in any order; words without a known key are
// passed over, so that fields which kernels add later do no harm. The expected key is tried first.
// A payload that does not parse leaves a row that its caller clears.

import { Direction, EventKind, Flag } from '../batch.ts';
import { Byte } from '../bytes.ts';
import type { EventSink } from '../event-sink.ts';
import type { TextWindow } from '../text-window.ts';
import { catalogue, Step } from './catalogue.ts';
import { As, To } from './definition.ts';
import { HeadReader, MALFORMED } from './head.ts';
import { ListReader } from './lists.ts';
import { UsualLayouts } from './usual-layouts.ts';
import { BAD, ValueReader } from './values.ts';
import { attributesOf, directionOf, WordTable } from './words.ts';

const TWO_32 = 2 ** 32;
const UNKNOWN_WORD = 'a direction or attribute that no known kernel prints';
const DUPLICATE = 'a key occurs twice in an event: the first one counts';
const POINTER_WORDS = 4;
/** unmapped_size, the third field of iommu:unmap. */
const UNMAPPED_SIZE = 1 << 2;

const { kind, constant, fieldFrom, required, step, as, to } = catalogue;
const { keyLength, keyHead, keySecond, keyThird, keyFourth, keyLastButOne, keyTail } = catalogue;

/** Reads payloads from a window into the rows of a sink. */
export class PayloadReader {
  private readonly bytes: Buffer;
  private readonly view: DataView;
  private readonly sink: EventSink;
  private readonly head: HeadReader;
  private readonly values: ValueReader;
  private readonly lists: ListReader;
  private readonly directions: WordTable;
  private readonly attributes: WordTable;
  private readonly usual: UsualLayouts;
  /** The last pointer of each field, as the words of its 16 digits, and its token. */
  private readonly lastPointer: Uint32Array = new Uint32Array(POINTER_WORDS * to.length);
  private readonly lastToken: Uint32Array = new Uint32Array(to.length);

  /** The exclusive end of the range of the current event, where it is printed. */
  private hasEnd = false;
  private endLow = 0;
  private endHigh = 0;

  constructor(window: TextWindow, sink: EventSink) {
    this.bytes = window.bytes;
    this.view = window.view;
    this.sink = sink;
    this.head = new HeadReader(window, sink);
    this.values = new ValueReader(window);
    this.lists = new ListReader(window, sink, this.values);
    this.directions = new WordTable(window, directionOf);
    this.attributes = new WordTable(window, attributesOf);
    const { head, values, directions, attributes } = this;
    const { batch, tokens } = sink;
    this.usual = new UsualLayouts(window, batch, tokens, head, values, directions, attributes);
  }

  /** Reads a payload that begins at `start`; returns the position of its line feed, MALFORMED or FOREIGN. */
  read(definition: number, row: number, start: number): number {
    const end = this.usual.read(kind[definition]!, definition, row, start);
    return end >= 0 ? end : this.readAny(definition, row, start);
  }

  /** Reads a payload of any layout. */
  private readAny(definition: number, row: number, start: number): number {
    const { bytes, view, values, sink } = this;
    const { batch } = sink;
    let position = this.head.read(definition, row, start);
    if (position < 0) return position;
    const from = fieldFrom[definition]!;
    const end = fieldFrom[definition + 1]!;
    this.lists.length = 0;
    this.hasEnd = false;
    let expected = from;
    let seen = 0;
    for (;;) {
      while (bytes[position] === Byte.space) position++;
      if (bytes[position]! < Byte.space) break;

      // The key: the expected one where its first and last four bytes and what is between agree.
      let field = expected;
      let length = keyLength[field]!;
      if (
        field === end ||
        view.getUint32(position + length - 4, true) !== keyTail[field] ||
        (length > 4 && view.getUint32(position, true) !== keyHead[field]) ||
        (length > 8 && !this.middleAt(field, position))
      ) {
        field = this.find(from, end, position);
        if (field < 0) {
          position = this.wordEnd(position);
          continue;
        }
        length = keyLength[field]!;
      }
      const bit = 1 << (field - from);
      if ((seen & bit) !== 0) {
        sink.diagnose('DUP_KEY', DUPLICATE);
        position = this.wordEnd(position);
        continue;
      }
      seen |= bit;
      expected = field + 1;
      position += length;

      // The value: the frequent kinds go straight to their column.
      switch (step[field]) {
        case Step.size:
          position = values.unsigned(position);
          batch.size[row] = values.number;
          break;
        case Step.address:
          position = values.hex(position);
          batch.addressLow[row] = values.low;
          batch.addressHigh[row] = values.high;
          break;
        case Step.phys:
          position = values.hex(position);
          batch.physLow[row] = values.low;
          batch.physHigh[row] = values.high;
          break;
        case Step.aux:
          position = values.unsigned(position);
          batch.aux[row] = values.number;
          break;
        case Step.token:
          position = this.token(field, row, position);
          break;
        default:
          position = this.value(field, row, position);
      }
      if (position < 0 || bytes[position]! > Byte.space) return MALFORMED;
    }
    const needed = required[definition]!;
    if ((seen & needed) !== needed || bytes[position] !== Byte.lineFeed) return MALFORMED;
    // Vendor trees of 3.x print one size: all of it was unmapped.
    if (kind[definition] === EventKind.iommuUnmap && (seen & UNMAPPED_SIZE) === 0) {
      batch.aux[row] = batch.size[row]!;
    }
    this.finish(definition, row);
    return position;
  }

  /** What is between the first and the last four bytes of a key of more than eight. */
  private middleAt(field: number, position: number): boolean {
    const { view } = this;
    const length = keyLength[field]!;
    return (
      view.getUint32(position + 4, true) === keySecond[field] &&
      view.getUint32(position + length - 8, true) === keyLastButOne[field] &&
      (length <= 16 || view.getUint32(position + 8, true) === keyThird[field]) &&
      (length <= 20 || view.getUint32(position + 12, true) === keyFourth[field])
    );
  }

  private find(from: number, end: number, position: number): number {
    const { view } = this;
    for (let field = from; field < end; field++) {
      const length = keyLength[field]!;
      if (
        view.getUint32(position + length - 4, true) === keyTail[field] &&
        (length <= 4 || view.getUint32(position, true) === keyHead[field]) &&
        (length <= 8 || this.middleAt(field, position))
      ) {
        return field;
      }
    }
    return -1;
  }

  /** Position of the space or control byte after a word. */
  private wordEnd(start: number): number {
    const { bytes } = this;
    let position = start;
    while (bytes[position]! > Byte.space) position++;
    return position;
  }

  private token(field: number, row: number, start: number): number {
    const { bytes, view, values, lastPointer, lastToken } = this;
    const { batch, tokens } = this.sink;
    const from = POINTER_WORDS * field;
    if (
      view.getUint32(start + 2, true) === lastPointer[from] &&
      view.getUint32(start + 6, true) === lastPointer[from + 1] &&
      view.getUint32(start + 10, true) === lastPointer[from + 2] &&
      view.getUint32(start + 14, true) === lastPointer[from + 3] &&
      bytes[start + 18]! <= Byte.space
    ) {
      batch.token[row] = lastToken[field]!;
      return start + 18;
    }
    const position = values.pointer(start);
    const token = tokens.intern(values.low, values.high);
    batch.token[row] = token;
    if (position !== start + 18 || bytes[start] === Byte.parenOpen) return position;
    for (let word = 0; word < POINTER_WORDS; word++) {
      lastPointer[from + word] = view.getUint32(start + 2 + 4 * word, true);
    }
    lastToken[field] = token;
    return position;
  }

  private value(field: number, row: number, start: number): number {
    const { values, sink } = this;
    const { batch } = sink;
    switch (as[field]) {
      case As.range:
        return this.range(row, start);
      case As.direction:
        return this.direction(row, start);
      case As.attrs:
        return this.attrs(field, row, start);
      case As.number:
      case As.signed: {
        const position = values.signed(start);
        this.storeNumber(field, row);
        return position;
      }
      case As.hex: {
        const position = values.hex(start);
        if (to[field] === To.auxLength) batch.aux[row] = this.lengthTo(row);
        else batch.aux[row] = values.wide();
        return position;
      }
      case As.name:
        return this.name(row, start);
      case As.pointer: {
        const position = values.pointer(start);
        this.storePointer(field, row);
        return position;
      }
      case As.list:
        return this.lists.read(to[field]!, start);
      case As.ratio:
        return this.ratio(field, row, start);
      case As.flag:
        if (to[field] === To.capped) batch.flags[row]! |= Flag.listCapped;
        else batch.aux2[row] = 1;
        return start;
      default:
        return this.wordEnd(start);
    }
  }

  /** Bytes from the address of the row to the inclusive end that was just read. */
  private lengthTo(row: number): number {
    const { values } = this;
    const { addressLow, addressHigh } = this.sink.batch;
    const high = (values.high >>> 0) - addressHigh[row]!;
    return high * TWO_32 + ((values.low >>> 0) - addressLow[row]!) + 1;
  }

  private storeNumber(field: number, row: number): void {
    const { number } = this.values;
    const { batch } = this.sink;
    if (to[field] === To.aux2) batch.aux2[row] = number;
    else if (to[field] === To.address) batch.addressLow[row] = number;
    else batch.aux[row] = number;
    if (to[field] === To.aux0Failed && number === 0) batch.flags[row]! |= Flag.failed;
  }

  private storePointer(field: number, row: number): void {
    const { low, high, isNull } = this.values;
    const { batch, tokens } = this.sink;
    const target = to[field]!;
    if (target === To.auxToken) batch.aux[row] = tokens.intern(low, high);
    else if (target !== To.failed0) batch.token[row] = tokens.intern(low, high);
    if (isNull && (target === To.failed0 || target === To.token0Failed)) {
      batch.flags[row]! |= Flag.failed;
    }
  }

  private range(row: number, start: number): number {
    const { bytes, values } = this;
    const { batch } = this.sink;
    const position = values.hex(start);
    if (position === BAD) return BAD;
    batch.addressLow[row] = values.low;
    batch.addressHigh[row] = values.high;
    this.hasEnd = bytes[position] === Byte.space && bytes[position + 1] === Byte.dash;
    if (!this.hasEnd) return position;
    const end = values.hex(position + 3);
    this.endLow = values.low;
    this.endHigh = values.high;
    return end;
  }

  /** The exclusive end is iova + size modulo 2^64; where it is not, those two are trusted. */
  private checkEnd(row: number): void {
    const { addressLow, addressHigh, size } = this.sink.batch;
    const low = addressLow[row]! + size[row]!;
    const high = addressHigh[row]! + Math.floor(low / TWO_32);
    if (low % TWO_32 === this.endLow >>> 0 && high % TWO_32 === this.endHigh >>> 0) return;
    this.sink.diagnose('END_MISMATCH', 'the end of a range is not its begin and size');
  }

  private direction(row: number, start: number): number {
    const { sink, directions } = this;
    const end = directions.read(start);
    if (directions.value >= 0) {
      sink.batch.direction[row] = directions.value;
      return end;
    }
    sink.batch.direction[row] = Direction.unknown;
    sink.diagnose('UNKNOWN_ENUM', UNKNOWN_WORD);
    return end === start ? BAD : end;
  }

  private attrs(field: number, row: number, start: number): number {
    if (this.bytes[start]! <= Byte.space) return start;
    const { sink, attributes } = this;
    const end = attributes.read(start);
    if (!(attributes.value >= 0)) sink.diagnose('UNKNOWN_ENUM', UNKNOWN_WORD);
    else if (to[field] === To.aux) sink.batch.aux[row] = attributes.value;
    return end;
  }

  private name(row: number, start: number): number {
    const { bytes, sink } = this;
    if (bytes[start] === Byte.parenOpen) return this.wordEnd(start);
    const isQuoted = bytes[start] === Byte.quote;
    const from = isQuoted ? start + 1 : start;
    let end = from;
    if (isQuoted) while (bytes[end]! >= Byte.space && bytes[end] !== Byte.quote) end++;
    else end = this.wordEnd(from);
    if (isQuoted ? bytes[end] !== Byte.quote : end === from) return BAD;
    sink.batch.device[row] = sink.devices.intern(from, end - from);
    return isQuoted ? end + 1 : end;
  }

  private ratio(field: number, row: number, start: number): number {
    const { bytes, values, sink } = this;
    const slash = values.unsigned(start);
    if (slash === BAD || bytes[slash] !== Byte.slash) return BAD;
    const recorded = values.number;
    const end = values.unsigned(slash + 1);
    this.storeNumber(field, row);
    if (recorded !== values.number) sink.batch.flags[row]! |= Flag.listCapped;
    return end;
  }

  private finish(definition: number, row: number): void {
    const { batch } = this.sink;
    const rowKind = kind[definition]!;
    batch.kind[row] = rowKind;
    if (constant[definition] !== 0) this.constants(definition, row);
    if (this.hasEnd) this.checkEnd(row);
    if (rowKind === EventKind.dmaMap || rowKind === EventKind.bounceMapRet) {
      if (isMappingError(batch.addressLow[row]!, batch.addressHigh[row]!)) {
        batch.flags[row]! |= Flag.failed;
      }
    }
    if (this.lists.length > 0) this.lists.close(rowKind, row);
  }

  private constants(definition: number, row: number): void {
    const { batch } = this.sink;
    const { aux, aux2, flags } = catalogue.definitions[definition]!;
    if (aux !== undefined) batch.aux[row] = aux;
    if (aux2 !== undefined) batch.aux2[row] = aux2;
    if (flags !== undefined) batch.flags[row]! |= flags;
  }
}

/** DMA_MAPPING_ERROR: all ones, in 32 bits where dma_addr_t has no more. */
export function isMappingError(low: number, high: number): boolean {
  return low === 0xffff_ffff && (high === 0xffff_ffff || high === 0);
}
