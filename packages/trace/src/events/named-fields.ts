// Payloads by field name: what tools print where they do not follow the print format of an event.
//
//   device=0000:00:04.0 addr=0xffffd000 (4294955008) size=0x1000 (4096) dir=0x2 (2) attrs=0x0 (0)
//   [FAILED TO PARSE] device=0000:00:04.0 addrs=ARRAY[00, 70, bb, 02, 00, 00, 00, 00] dir=2 attrs=0x0
//   device=0000:00:04.0 addr=ffffd000 size=4096 dir=2 attrs=0x0
//
// The first line is of the trace option `fields` (6.4 and later), the second the fallback of
// libtraceevent (trace-cmd report, perf script), the third of trace-cmd report -R. Names are those
// of the record, which partly differ from the printed keys. Spellings of a number: spelt-numbers.ts.
// Arrays are bytes in the order of the traced machine. Left out: big-endian dumps.

import { EventKind, Flag } from '../batch.ts';
import { fieldNames, headField } from '../binary/field-names.ts';
import { ByteTable } from '../byte-table.ts';
import { Byte, HEX_PAIR } from '../bytes.ts';
import type { EventSink } from '../event-sink.ts';
import type { TextWindow } from '../text-window.ts';
import { catalogue } from './catalogue.ts';
import { As, To } from './definition.ts';
import { MALFORMED } from './head.ts';
import { isMappingError } from './payload.ts';
import { SegmentList } from './segment-list.ts';
import { SpeltNumbers } from './spelt-numbers.ts';

const TWO_32 = 2 ** 32;
const MAX_LIST = 65_536;

/** Targets of a name beside the fields of a definition. */
const NOTHING = -1;
const DEVICE = -2;

const FAILED = wordOf('[FAI');
const FAILED_LENGTH = '[FAILED TO PARSE]'.length;
const PROBE = wordOf('__pr');
/** The first words of the names that a record begins with, and where their "=" is. */
const DEVICE_WORD = wordOf('device');
const IOVA_WORD = wordOf('iova');
const GID_WORD = wordOf('gid=');
const DEV_NAME_WORD = wordOf('dev_name');

const { kind, fieldFrom, required, as, to, definitions } = catalogue;

/** Reads payloads by field name into the rows of a sink. */
export class NamedFields {
  private readonly bytes: Buffer;
  private readonly view: DataView;
  private readonly sink: EventSink;
  private readonly numbers: SpeltNumbers;
  private readonly lists: SegmentList;
  private readonly keys: ByteTable;
  /** By definition and name: the field, NOTHING or DEVICE. */
  private readonly targets: number[][] = definitions.map(() => []);
  /** Entries of the lists of the current event. */
  private physes = 0;
  private addresses = 0;

  constructor(window: TextWindow, sink: EventSink) {
    this.bytes = window.bytes;
    this.view = window.view;
    this.sink = sink;
    this.numbers = new SpeltNumbers(window);
    this.lists = new SegmentList(sink);
    this.keys = new ByteTable(window, 4096);
  }

  /** True where a payload is written by field name. */
  isAt(start: number): boolean {
    const { bytes } = this;
    switch (this.view.getUint32(start, true)) {
      case FAILED:
      case PROBE:
      case GID_WORD:
        return true;
      case IOVA_WORD:
        return bytes[start + 4] === Byte.equals;
      case DEVICE_WORD:
        return bytes[start + 6] === Byte.equals;
      case DEV_NAME_WORD:
        return bytes[start + 8] === Byte.equals;
      default:
        return false;
    }
  }

  /** True where such a payload is that of a probe. */
  isProbe(start: number): boolean {
    return this.view.getUint32(this.afterMark(start), true) === PROBE;
  }

  /** Reads a payload that begins at `start`; returns the position of its line feed, or MALFORMED. */
  read(definition: number, row: number, start: number): number {
    const { bytes, sink } = this;
    let position = this.afterMark(start);
    this.numbers.isFallback = position !== start;
    if (this.numbers.isFallback) {
      sink.diagnose(
        'FALLBACK_PRINT',
        'events that the tool could not print were read from its dump: the binary file has more',
      );
    }
    this.lists.length = 0;
    let seen = 0;
    for (;;) {
      while (bytes[position] === Byte.space) position++;
      if (bytes[position]! < Byte.space) break;
      let end = position;
      while (bytes[end]! > Byte.space && bytes[end] !== Byte.equals) end++;
      if (bytes[end] !== Byte.equals) {
        position = end;
        continue;
      }
      const target = this.target(definition, position, end - position);
      position = end + 1;
      if (target === DEVICE) position = this.device(row, position);
      else if (target === NOTHING) position = this.pass(position);
      else {
        seen |= 1 << (target - fieldFrom[definition]!);
        position = this.value(target, row, position);
      }
      if (position < 0) return MALFORMED;
    }
    const needed = required[definition]!;
    if ((seen & needed) !== needed) return MALFORMED;
    this.finish(definition, row);
    return position;
  }

  private afterMark(start: number): number {
    if (this.view.getUint32(start, true) !== FAILED) return start;
    let position = start + FAILED_LENGTH;
    while (this.bytes[position] === Byte.space) position++;
    return position;
  }

  private target(definition: number, start: number, length: number): number {
    const key = this.keys.intern(start, length);
    const targets = this.targets[definition]!;
    targets[key] ??= targetOf(definition, this.keys.strings[key]!);
    return targets[key];
  }

  private value(field: number, row: number, start: number): number {
    const { batch, tokens } = this.sink;
    switch (as[field]) {
      case As.name:
        return this.device(row, start);
      case As.list:
        return this.list(field, start);
      case As.ignored:
        return this.pass(start);
    }
    const position = this.numbers.read(start, as[field]!);
    if (position < 0) return position;
    const { low, high, number } = this.numbers;
    switch (to[field]) {
      case To.address:
        batch.addressLow[row] = low;
        batch.addressHigh[row] = high;
        break;
      case To.phys:
        batch.physLow[row] = low;
        batch.physHigh[row] = high;
        break;
      case To.size:
        batch.size[row] = number;
        break;
      case To.aux:
        batch.aux[row] = number;
        break;
      case To.aux2:
        // swiotlb_force is 1 for FORCE and 2 for NO_FORCE.
        batch.aux2[row] = as[field] === As.flag ? Number(number === 1) : number;
        break;
      case To.aux0Failed:
        batch.aux[row] = number;
        if (number === 0) batch.flags[row]! |= Flag.failed;
        break;
      case To.auxToken:
        batch.aux[row] = tokens.intern(low, high);
        break;
      case To.token:
        batch.token[row] = tokens.intern(low, high);
        break;
      case To.token0Failed:
        batch.token[row] = tokens.intern(low, high);
        if (number === 0) batch.flags[row]! |= Flag.failed;
        break;
      case To.failed0:
        if (number === 0) batch.flags[row]! |= Flag.failed;
        break;
      case To.direction:
        batch.direction[row] = Math.min(number, 254);
        break;
      case To.auxLength:
        batch.aux[row] =
          (high - batch.addressHigh[row]!) * TWO_32 + (low - batch.addressLow[row]!) + 1;
        break;
      case To.capped:
        if (number !== 0) batch.flags[row]! |= Flag.listCapped;
        break;
    }
    return position;
  }

  /** ARRAY[00, 70, bb] or 00,70,bb, as little-endian numbers. */
  private list(field: number, start: number): number {
    const { bytes, view } = this;
    const hasBrackets = bytes[start] === 0x41;
    if (hasBrackets) this.numbers.isFallback = true;
    let position = hasBrackets ? start + 'ARRAY['.length : start;
    const width = to[field] === To.sizes ? 4 : 8;
    let inItem = 0;
    let low = 0;
    let high = 0;
    let count = 0;
    for (;;) {
      const byte = HEX_PAIR[view.getUint16(position, true)]!;
      if (byte < 0) break;
      if (inItem < 4) low |= byte << (8 * inItem);
      else high |= byte << (8 * inItem - 32);
      position += 2;
      if (++inItem === width) {
        if (count === MAX_LIST) return MALFORMED;
        this.lists.put(to[field]!, count++, low, high);
        inItem = 0;
        low = 0;
        high = 0;
      }
      if (bytes[position] !== Byte.comma) break;
      position++;
      if (hasBrackets && bytes[position] === Byte.space) position++;
    }
    if (inItem !== 0) return MALFORMED;
    this.lists.end(to[field]!, count);
    if (to[field] === To.physes) this.physes = count;
    else if (to[field] === To.addresses) this.addresses = count;
    if (!hasBrackets) return bytes[position]! > Byte.space ? MALFORMED : position;
    return bytes[position] === Byte.bracketClose ? position + 1 : MALFORMED;
  }

  private device(row: number, start: number): number {
    const { bytes, sink } = this;
    const from = bytes[start] === Byte.quote ? start + 1 : start;
    let end = from;
    while (bytes[end]! > Byte.space && bytes[end] !== Byte.quote) end++;
    if (end === from) return MALFORMED;
    if (bytes[from] !== Byte.parenOpen) {
      sink.batch.device[row] = sink.devices.intern(from, end - from);
    }
    return bytes[end] === Byte.quote ? end + 1 : end;
  }

  /** Position after a value that is not wanted. */
  private pass(start: number): number {
    const { bytes } = this;
    let position = start;
    if (bytes[start] === 0x41 && bytes[start + 5] === Byte.bracketOpen) {
      while (bytes[position] !== Byte.bracketClose && bytes[position]! >= Byte.space) position++;
    }
    while (bytes[position]! > Byte.space) position++;
    return position;
  }

  private finish(definition: number, row: number): void {
    const { batch } = this.sink;
    const rowKind = kind[definition]!;
    const { aux, aux2, flags } = definitions[definition]!;
    batch.kind[row] = rowKind;
    if (aux !== undefined) batch.aux[row] = aux;
    if (aux2 !== undefined) batch.aux2[row] = aux2;
    if (flags !== undefined) batch.flags[row]! |= flags;
    if (rowKind === EventKind.dmaMap || rowKind === EventKind.bounceMapRet) {
      if (isMappingError(batch.addressLow[row]!, batch.addressHigh[row]!)) {
        batch.flags[row]! |= Flag.failed;
      }
    }
    if (this.lists.length === 0) return;
    const nents = batch.aux[row]!;
    const ents = batch.aux2[row]!;
    this.lists.close(rowKind, row);
    if (rowKind !== EventKind.dmaMapSg) return;
    if ((nents !== 0 && nents !== this.physes) || (ents !== 0 && ents !== this.addresses)) {
      batch.flags[row]! |= Flag.listCapped;
    }
  }
}

function targetOf(definition: number, name: string): number {
  const { fields } = definitions[definition]!;
  const index = fields.findIndex((field) => fieldNames(field).includes(name));
  if (index >= 0) return fieldFrom[definition]! + index;
  return headField(definitions[definition]!.form) === name ? DEVICE : NOTHING;
}

function wordOf(text: string): number {
  let word = 0;
  for (let i = 3; i >= 0; i--) word = (word << 8) | text.charCodeAt(i);
  return word >>> 0;
}
