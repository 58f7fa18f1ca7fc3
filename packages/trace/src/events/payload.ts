// Reads the payload of one event into a row, led by the catalogue.
//
// A payload is a head (see Form) and key=value words in any order; words without a known key are
// passed over, so that fields which kernels add later do no harm. The expected key is tried first.
// Nothing is stored for a payload that does not parse: the caller clears the row.

import { Direction, EventKind, Flag } from '../batch.ts';
import { growSegments } from '../batch-builder.ts';
import { Byte } from '../bytes.ts';
import type { EventSink } from '../event-sink.ts';
import type { TextWindow } from '../text-window.ts';
import { catalogue } from './catalogue.ts';
import { As, Form, To } from './definition.ts';
import { BAD, ValueReader } from './values.ts';
import { attributesOf, directionOf, WordTable } from './words.ts';

/** The payload of a known event does not parse. */
export const MALFORMED = -1;
/** The payload belongs to another event of the same name. */
export const FOREIGN = -2;

const TWO_32 = 2 ** 32;
const IOMMU = 0x4d4d4f49;
const IOMMU_END = 0x203a554d;
const DEV_NAME = new TextEncoder().encode('dev_name: ');
const MAX_LIST = 65_536;

const { kind, form, fieldFrom, required, as, to, keyLength, keyHead, keyTail, keys } = catalogue;

/** Reads payloads from a window into the rows of a sink. */
export class PayloadReader {
  private readonly bytes: Buffer;
  private readonly view: DataView;
  private readonly sink: EventSink;
  private readonly values: ValueReader;
  private readonly directions: WordTable;
  private readonly attributes: WordTable;
  /** Segment rows that the current event has used. */
  private listRows = 0;
  private addresses = 0;
  private sizes = 0;

  constructor(window: TextWindow, sink: EventSink) {
    this.bytes = window.bytes;
    this.view = window.view;
    this.sink = sink;
    this.values = new ValueReader(window);
    this.directions = new WordTable(window, directionOf);
    this.attributes = new WordTable(window, attributesOf);
  }

  /** Reads a payload that begins at `start`; returns the position of its line feed, MALFORMED or FOREIGN. */
  read(definition: number, row: number, start: number): number {
    const { bytes } = this;
    this.listRows = 0;
    let position = this.head(form[definition]!, row, start);
    if (position < 0) return position;
    const from = fieldFrom[definition]!;
    const end = fieldFrom[definition + 1]!;
    let expected = from;
    let seen = 0;
    for (;;) {
      while (bytes[position] === Byte.space) position++;
      if (bytes[position]! < Byte.space) break;
      let field = expected;
      if (field === end || !this.keyAt(field, position)) {
        field = this.find(from, end, position);
        if (field < 0) {
          position = this.wordEnd(position);
          continue;
        }
      }
      const bit = 1 << (field - from);
      if ((seen & bit) !== 0) {
        this.sink.diagnose('DUP_KEY', 'a key occurs twice in an event: the first one counts');
        position = this.wordEnd(position);
        continue;
      }
      seen |= bit;
      expected = field + 1;
      position = this.value(field, row, position + keyLength[field]!);
      if (position < 0 || bytes[position]! > Byte.space) return MALFORMED;
    }
    const needed = required[definition]!;
    if ((seen & needed) >>> 0 !== needed || bytes[position] !== Byte.lineFeed) return MALFORMED;
    this.finish(definition, row);
    return position;
  }

  private head(wanted: number, row: number, start: number): number {
    const { bytes, view } = this;
    switch (wanted) {
      case Form.iommu:
        if (view.getUint32(start, true) !== IOMMU) return FOREIGN;
        return view.getUint32(start + 3, true) === IOMMU_END ? start + 7 : FOREIGN;
      case Form.probe: {
        let position = start;
        while (bytes[position]! >= Byte.space && bytes[position] !== Byte.parenClose) position++;
        return bytes[position] === Byte.parenClose ? position + 1 : MALFORMED;
      }
      case Form.devName:
        for (let i = 0; i < DEV_NAME.length; i++) {
          if (bytes[start + i] !== DEV_NAME[i]) return MALFORMED;
        }
        return this.device(row, start + DEV_NAME.length);
      case Form.device:
        return this.device(row, start);
      default:
        return start;
    }
  }

  private device(row: number, start: number): number {
    let from = start;
    while (this.bytes[from] === Byte.space) from++;
    const end = this.wordEnd(from);
    if (end === from || this.bytes[end] !== Byte.space) return MALFORMED;
    this.sink.batch.device[row] = this.sink.devices.intern(from, end - from);
    return end;
  }

  private wordEnd(start: number): number {
    const { bytes } = this;
    let position = start;
    while (bytes[position]! > Byte.space) position++;
    // A control byte inside a word is part of it; only a line feed ends the line.
    while (bytes[position]! < Byte.space && bytes[position] !== Byte.lineFeed) {
      position++;
      while (bytes[position]! > Byte.space) position++;
    }
    return position;
  }

  private keyAt(field: number, position: number): boolean {
    const length = keyLength[field]!;
    if (this.view.getUint32(position + length - 4, true) !== keyTail[field]) return false;
    if (length <= 4) return true;
    if (this.view.getUint32(position, true) !== keyHead[field]) return false;
    if (length <= 8) return true;
    const key = keys[field]!;
    for (let i = 4; i < length - 4; i++) {
      if (this.bytes[position + i] !== key[i]) return false;
    }
    return true;
  }

  private find(from: number, end: number, position: number): number {
    for (let field = from; field < end; field++) {
      if (this.keyAt(field, position)) return field;
    }
    return -1;
  }

  private value(field: number, row: number, start: number): number {
    const { values } = this;
    switch (as[field]) {
      case As.hex: {
        const position = values.hex(start);
        this.store(field, row);
        return position;
      }
      case As.number: {
        const position = values.unsigned(start);
        this.storeNumber(field, row);
        return position;
      }
      case As.signed: {
        const position = values.signed(start);
        this.storeNumber(field, row);
        return position;
      }
      case As.range:
        return this.range(row, start);
      case As.direction:
        return this.direction(row, start);
      case As.attrs:
        return this.attrs(field, row, start);
      case As.name:
        return this.name(row, start);
      case As.pointer: {
        const position = values.pointer(start);
        this.storePointer(field, row);
        return position;
      }
      case As.list:
        return this.list(to[field]!, row, start);
      case As.ratio:
        return this.ratio(field, row, start);
      case As.flag:
        if (to[field] === To.capped) this.sink.batch.flags[row]! |= Flag.listCapped;
        else this.sink.batch.aux2[row] = 1;
        return start;
      default:
        return this.wordEnd(start);
    }
  }

  private store(field: number, row: number): void {
    const { low, high } = this.values;
    const { batch } = this.sink;
    switch (to[field]) {
      case To.address:
        batch.addressLow[row] = low;
        batch.addressHigh[row] = high;
        break;
      case To.phys:
        batch.physLow[row] = low;
        batch.physHigh[row] = high;
        break;
      case To.aux:
        batch.aux[row] = high * TWO_32 + low;
        break;
      case To.auxLength:
        batch.aux[row] =
          (high - batch.addressHigh[row]!) * TWO_32 + (low - batch.addressLow[row]!) + 1;
        break;
    }
  }

  private storeNumber(field: number, row: number): void {
    const { number } = this.values;
    const { batch } = this.sink;
    switch (to[field]) {
      case To.size:
        batch.size[row] = number;
        break;
      case To.aux:
        batch.aux[row] = number;
        break;
      case To.aux2:
        batch.aux2[row] = number;
        break;
      case To.aux0Failed:
        batch.aux[row] = number;
        if (number === 0) batch.flags[row]! |= Flag.failed;
        break;
    }
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

  /** The end is modulo 2^64; where it contradicts iova and size, those are trusted. */
  private range(row: number, start: number): number {
    const { bytes, values } = this;
    const { batch } = this.sink;
    const position = values.hex(start);
    if (position === BAD) return BAD;
    batch.addressLow[row] = values.low;
    batch.addressHigh[row] = values.high;
    if (bytes[position] !== Byte.space || bytes[position + 1] !== Byte.dash) return position;
    return values.hex(position + 3);
  }

  private direction(row: number, start: number): number {
    const end = this.wordEnd(start);
    const direction = this.directions.read(start, end - start);
    if (direction >= 0) {
      this.sink.batch.direction[row] = direction;
      return end;
    }
    this.sink.batch.direction[row] = Direction.unknown;
    this.sink.diagnose('UNKNOWN_ENUM', 'a direction or attribute that no known kernel prints');
    return this.sink.atTail ? BAD : end;
  }

  private attrs(field: number, row: number, start: number): number {
    if (this.bytes[start]! <= Byte.space) return start;
    const end = this.wordEnd(start);
    const bits = this.attributes.read(start, end - start);
    if (bits >= 0) {
      if (to[field] === To.aux) this.sink.batch.aux[row] = bits;
    } else {
      this.sink.diagnose('UNKNOWN_ENUM', 'a direction or attribute that no known kernel prints');
    }
    return end;
  }

  private name(row: number, start: number): number {
    const { bytes, sink } = this;
    if (bytes[start] === Byte.parenOpen) return this.wordEnd(start);
    if (bytes[start] !== Byte.quote) {
      const end = this.wordEnd(start);
      if (end === start) return BAD;
      sink.batch.device[row] = sink.devices.intern(start, end - start);
      return end;
    }
    let end = start + 1;
    while (bytes[end] !== Byte.quote && bytes[end] !== Byte.lineFeed) end++;
    if (bytes[end] !== Byte.quote) return BAD;
    sink.batch.device[row] = sink.devices.intern(start + 1, end - start - 1);
    return end + 1;
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

  private list(side: number, row: number, start: number): number {
    const { bytes, values } = this;
    const { segments, listStart } = this.sink.batch;
    if (bytes[start] !== Byte.braceOpen) return BAD;
    listStart[row] = segments.length;
    let count = 0;
    let position = start + 1;
    while (bytes[position] !== Byte.braceClose) {
      position = values.hex(position);
      if (position === BAD || count === MAX_LIST) return BAD;
      this.segment(side, segments.length + count);
      count++;
      if (bytes[position] === Byte.comma) position++;
      else if (bytes[position] !== Byte.braceClose) return BAD;
    }
    if (side === To.addresses) this.addresses = count;
    if (side === To.sizes) this.sizes = count;
    return position + 1;
  }

  private segment(side: number, at: number): void {
    const { segments } = this.sink.batch;
    const { low, high } = this.values;
    if (at === segments.size.length) growSegments(segments);
    if (at === segments.length + this.listRows) {
      segments.addressLow[at] = 0;
      segments.addressHigh[at] = 0;
      segments.physLow[at] = 0;
      segments.physHigh[at] = 0;
      segments.size[at] = 0;
      this.listRows++;
    }
    if (side === To.addresses) {
      segments.addressLow[at] = low;
      segments.addressHigh[at] = high;
    } else if (side === To.physes) {
      segments.physLow[at] = low;
      segments.physHigh[at] = high;
    } else {
      segments.size[at] = high * TWO_32 + low;
    }
  }

  private finish(definition: number, row: number): void {
    const { batch } = this.sink;
    const rowKind = kind[definition]!;
    batch.kind[row] = rowKind;
    const { aux, aux2, flags } = catalogue.definitions[definition]!;
    if (aux !== undefined) batch.aux[row] = aux;
    if (aux2 !== undefined) batch.aux2[row] = aux2;
    if (flags !== undefined) batch.flags[row]! |= flags;
    if (rowKind === EventKind.dmaMap || rowKind === EventKind.bounceMapRet) {
      if (isMappingError(batch.addressLow[row]!, batch.addressHigh[row]!)) {
        batch.flags[row]! |= Flag.failed;
      }
    }
    if (this.listRows > 0) this.finishList(rowKind, row);
  }

  private finishList(rowKind: number, row: number): void {
    const { batch } = this.sink;
    const { segments } = batch;
    const first = segments.length;
    const last = first + this.listRows;
    batch.listLength[row] = this.listRows;
    segments.length = last;
    batch.physLow[row] = segments.physLow[first]!;
    batch.physHigh[row] = segments.physHigh[first]!;
    if (rowKind === EventKind.dmaUnmapSg) batch.aux[row] = this.listRows;
    if (rowKind !== EventKind.dmaMapSg && rowKind !== EventKind.dmaSyncSg) return;
    batch.addressLow[row] = segments.addressLow[first]!;
    batch.addressHigh[row] = segments.addressHigh[first]!;
    let size = 0;
    for (let i = first; i < last; i++) size += segments.size[i]!;
    batch.size[row] = size;
    if (this.addresses !== this.sizes) {
      this.sink.diagnose('BAD_LIST', 'a scatter list with more addresses than sizes, or fewer');
    }
    if (rowKind !== EventKind.dmaMapSg) return;
    if (batch.aux[row] === 0) batch.aux[row] = this.listRows;
    if (batch.aux2[row] === 0) batch.aux2[row] = this.addresses;
  }
}

/** DMA_MAPPING_ERROR: all ones, in 32 bits where dma_addr_t has no more. */
function isMappingError(low: number, high: number): boolean {
  return low === 0xffff_ffff && (high === 0xffff_ffff || high === 0);
}
