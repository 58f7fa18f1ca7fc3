// Rows of a table to rows of the batch, whatever the table was written in.
//
// A row that cannot be understood is counted and left out. Without a column for the CPU all rows are on
// CPU 0; without one for the time all are at the time of the row before.

import { EventKind, Flag, UNKNOWN_CPU } from '../batch.ts';
import { clearRows, growSegments } from '../batch-builder.ts';
import type { ByteTable } from '../byte-table.ts';
import { TraceClock } from '../clock.ts';
import type { EventSink } from '../event-sink.ts';
import { attributesOf, directionOf } from '../events/words.ts';
import type { TextWindow } from '../text-window.ts';
import { TraceError } from '../trace-error.ts';
import { isMangled, readAddress, readNumber, readTime, type Words } from './table-cells.ts';
import { Cell, type Cells, TABLE_FIELDS, UNITS } from './table-header.ts';
import { opOf, type TableOp } from './table-ops.ts';

const MAX_NAME = 4096;
/** No cell of the row is bad. */
const GOOD = -1;
const MAX_INTERNED = 100_000;

/** What a table says about all of its rows. */
export interface TableNotes {
  /** s, ms, us, ns, ticks, or '' where nothing is stated. */
  unit: string;
  /** Bytes of a page, 0 where not stated. */
  pageSize: number;
  /** Fields whose numbers are hexadecimal without 0x. */
  readonly hex: Set<number>;
}

/** Nothing is known yet. */
export function tableNotes(): TableNotes {
  return { unit: '', pageSize: 0, hex: new Set() };
}

/** Takes notes from "key=value" words. */
export function takeNotes(notes: TableNotes, text: string): void {
  for (const [, key = '', value = ''] of text.matchAll(/(\w+)\s*=\s*([^\s,;]+)/g)) {
    if (key === 'unit') notes.unit = value.toLowerCase();
    else if (key === 'page_size') notes.pageSize = Number(value);
    else if (key === 'hex') {
      for (const field of TABLE_FIELDS)
        if (value.split('+').includes(field)) notes.hex.add(Cell[field]);
    }
  }
}

/** Writes the rows of one table. */
export class TableRows {
  readonly notes: TableNotes;
  private readonly sink: EventSink;
  private readonly window: TextWindow;
  private readonly clock: TraceClock;
  private readonly ops = new Map<string, TableOp>();
  private readonly known: ReadonlyMap<ByteTable, Map<string, number>>;
  private readonly words: Words = { low: 0, high: 0 };
  private readonly stamp = { seconds: 0, fraction: 0 };
  private power = -1;
  private rows = 0;
  private mangled = 0;
  private firstMangled = 0;

  constructor(window: TextWindow, sink: EventSink, notes: TableNotes) {
    this.window = window;
    this.sink = sink;
    this.notes = notes;
    this.clock = new TraceClock(sink);
    this.known = new Map(
      [sink.names, sink.tasks, sink.devices].map((table) => [table, new Map<string, number>()]),
    );
  }

  /** Adds the row that these cells describe; `sink.line` is its line. */
  add(cells: Cells): void {
    this.rows++;
    const bad = this.row(cells);
    if (bad !== GOOD) this.refuse(cells, bad);
  }

  /** Completes the counts; throws where a spreadsheet damaged more than one row in a hundred. */
  end(): void {
    this.clock.end();
    if (this.mangled * 100 <= this.rows) return;
    throw new TraceError(
      this.sink.source,
      this.firstMangled,
      `CSV_MANGLED: expected whole numbers, found ${this.mangled} of ${this.rows} rows as a spreadsheet writes them; export the table anew as text`,
    );
  }

  /** Writes a row; returns the field whose cell is bad, or GOOD. */
  private row(cells: Cells): number {
    const { sink } = this;
    const op = this.opOf(cells[Cell.op]!);
    if (op === null) return Cell.op;
    const cpu = cells[Cell.cpu] === '' ? 0 : readNumber(cells[Cell.cpu]!);
    if (!(Number.isInteger(cpu) && cpu >= 0 && cpu <= UNKNOWN_CPU)) return Cell.cpu;
    if (op.kind === EventKind.lost) return this.lose(cells, cpu);
    if (op.kind === EventKind.bufferStart || op.kind === EventKind.segment) return GOOD;
    const { batch } = sink;
    const time = this.timeOf(cells[Cell.t]!, cpu);
    if (Number.isNaN(time)) return Cell.t;
    if (cpu > sink.counts.maxCpu && cpu !== UNKNOWN_CPU) sink.counts.maxCpu = cpu;
    // The clock may have noted a new segment.
    const row = batch.length;
    batch.time[row] = time;
    batch.cpu[row] = cpu;
    batch.line[row] = sink.line;
    batch.kind[row] = op.kind;
    const name = this.intern(sink.names, cells[Cell.event] || cells[Cell.op]!);
    batch.name[row] = name;
    const bad = this.fill(row, op, cells);
    if (bad !== GOOD) {
      clearRows(batch, row);
      return bad;
    }
    batch.length = row + 1;
    sink.counts.byName[name] = (sink.counts.byName[name] ?? 0) + 1;
    return GOOD;
  }

  private opOf(word: string): TableOp | null {
    if (word === '') return null;
    let op = this.ops.get(word);
    if (op === undefined) {
      op = opOf(word);
      if (this.ops.size < MAX_INTERNED) this.ops.set(word, op);
    }
    return op;
  }

  /** Fills the columns of a row; returns the field whose cell is bad, or GOOD. */
  private fill(row: number, op: TableOp, cells: Cells): number {
    const { sink } = this;
    const { batch } = sink;
    const tid = cells[Cell.tid] === '' ? -1 : readNumber(cells[Cell.tid]!);
    if (!Number.isInteger(tid)) return Cell.tid;
    batch.tid[row] = tid;
    batch.task[row] = this.intern(sink.tasks, cells[Cell.comm]!);
    batch.device[row] = this.intern(sink.devices, cells[Cell.dev]!);
    batch.context[row] = contextOf(cells[Cell.ctx]!);
    const flags = this.number(cells, Cell.flags, 0);
    const err = this.number(cells, Cell.err, 0);
    if (Number.isNaN(flags)) return Cell.flags;
    if (Number.isNaN(err)) return Cell.err;
    batch.flags[row] = flags | sink.flagsOf(batch.cpu[row]!);
    if (op.flags !== 0 || err !== 0) batch.flags[row] = batch.flags[row]! | op.flags | Flag.failed;
    const direction = directionCell(cells[Cell.dir]!);
    if (Number.isNaN(direction)) return Cell.dir;
    batch.direction[row] = direction;
    return this.fillNumbers(row, op, cells, err);
  }

  private fillNumbers(row: number, op: TableOp, cells: Cells, err: number): number {
    const { sink, words } = this;
    const { batch } = sink;
    if (!this.address(cells, Cell.iova)) return Cell.iova;
    batch.addressLow[row] = words.low;
    batch.addressHigh[row] = words.high;
    if (!this.address(cells, Cell.phys)) return Cell.phys;
    batch.physLow[row] = words.low;
    batch.physHigh[row] = words.high;
    const token = cells[Cell.token] === '' ? Cell.dom : Cell.token;
    if (this.address(cells, token)) batch.token[row] = sink.tokens.intern(words.low, words.high);
    const size = this.sizeOf(cells);
    if (!(size >= 0)) return cells[Cell.size] === '' ? Cell.pages : Cell.size;
    batch.size[row] = size;
    const aux = this.auxOf(op, cells, size, err);
    if (Number.isNaN(aux)) return cells[Cell.aux] === '' ? Cell.attrs : Cell.aux;
    batch.aux[row] = aux;
    const aux2 = this.number(cells, Cell.aux2, op.aux2);
    if (Number.isNaN(aux2)) return Cell.aux2;
    batch.aux2[row] = aux2;
    return this.fillSegments(row, cells) ? GOOD : Cell.segments;
  }

  private sizeOf(cells: Cells): number {
    const size = this.number(cells, Cell.size, -1);
    if (size !== -1) return size;
    if (cells[Cell.pages] === '') return 0;
    return this.notes.pageSize * this.number(cells, Cell.pages, 0) || BAD_PAGES;
  }

  private auxOf(op: TableOp, cells: Cells, size: number, err: number): number {
    if (cells[Cell.aux] !== '') return this.number(cells, Cell.aux, 0);
    switch (op.kind) {
      case EventKind.dmaMap:
      case EventKind.dmaUnmap:
        return attributesCell(cells[Cell.attrs]!);
      case EventKind.iommuUnmap:
        return size;
      case EventKind.dmaMapSgErr:
        return err;
      case EventKind.dmaMapSg:
      case EventKind.dmaUnmapSg:
        return Math.max(1, cells[Cell.segments]!.split(';').length);
      default:
        return op.aux;
    }
  }

  /** "address/phys/size;..." to the segments of the row; a list without them has one, the row itself. */
  private fillSegments(row: number, cells: Cells): boolean {
    const { batch } = this.sink;
    const { segments } = batch;
    const kind = batch.kind[row];
    const isList = kind === EventKind.dmaMapSg || kind === EventKind.dmaUnmapSg;
    if (cells[Cell.segments] === '' && !isList) return true;
    const text =
      cells[Cell.segments] || `${cells[Cell.iova]}/${cells[Cell.phys]}/${batch.size[row]}`;
    const start = segments.length;
    batch.listStart[row] = start;
    for (const entry of text.split(';')) {
      if (segments.length === segments.size.length) growSegments(segments);
      const [address = '', phys = '', size = ''] = entry.split('/');
      const at = segments.length;
      if (!this.words64(address)) return this.dropSegments(start);
      segments.addressLow[at] = this.words.low;
      segments.addressHigh[at] = this.words.high;
      if (!this.words64(phys)) return this.dropSegments(start);
      segments.physLow[at] = this.words.low;
      segments.physHigh[at] = this.words.high;
      segments.size[at] = size === '' ? 0 : readNumber(size);
      if (!(segments.size[at]! >= 0)) return this.dropSegments(start);
      segments.length++;
    }
    batch.listLength[row] = segments.length - start;
    if (cells[Cell.phys] === '') {
      batch.physLow[row] = segments.physLow[start]!;
      batch.physHigh[row] = segments.physHigh[start]!;
    }
    return true;
  }

  private dropSegments(start: number): boolean {
    this.sink.batch.segments.length = start;
    return false;
  }

  private number(cells: Cells, field: number, missing: number): number {
    const cell = cells[field]!;
    return cell === '' ? missing : readNumber(cell, this.notes.hex.has(field));
  }

  private address(cells: Cells, field: number): boolean {
    return this.words64(cells[field]!, this.notes.hex.has(field));
  }

  private words64(cell: string, isHex = false): boolean {
    this.words.low = 0;
    this.words.high = 0;
    return cell === '' || readAddress(cell, isHex, this.words);
  }

  private timeOf(cell: string, cpu: number): number {
    const { sink, stamp } = this;
    if (cell === '') return sink.time;
    if (this.power < 0) this.settleUnit(cell);
    if (this.notes.unit === 'ticks') {
      const ticks = readNumber(cell);
      return ticks >= 0 ? this.clock.at(0, ticks, cpu) : Number.NaN;
    }
    if (!readTime(cell, this.power, stamp)) return Number.NaN;
    return this.clock.at(stamp.seconds, stamp.fraction, cpu);
  }

  private settleUnit(cell: string): void {
    const { sink, notes } = this;
    if (notes.unit === '') {
      notes.unit = cell.includes('.') ? 's' : 'ns';
      const why = 'the table does not state the unit of its times (a comment "#unit=ns" does)';
      sink.diagnose('UNIT_ASSUMED', `${why}: ${notes.unit} is assumed`);
    }
    const power = notes.unit === 'ticks' ? 0 : UNITS[notes.unit];
    if (power === undefined) {
      const expected = `expected one of ${Object.keys(UNITS).join(', ')}, ticks`;
      throw new TraceError(
        sink.source,
        sink.line,
        `CSV_HEADER: ${expected}, found unit=${notes.unit}`,
      );
    }
    this.power = power;
    const decimals = cell.split('.')[1]?.length ?? 0;
    sink.counts.resolution = notes.unit === 'ticks' ? 0 : 10 ** Math.max(0, power - decimals);
  }

  private lose(cells: Cells, cpu: number): number {
    const cell = cells[Cell.aux] || cells[Cell.size] || '0';
    const lost = readNumber(cell);
    if (!(lost >= 0)) return Cell.size;
    this.timeOf(cells[Cell.t]!, cpu);
    this.sink.loss(cells[Cell.cpu] === '' ? UNKNOWN_CPU : cpu, lost);
    return GOOD;
  }

  private refuse(cells: Cells, field: number): void {
    const { sink } = this;
    if (isMangled(cells[field]!)) {
      if (this.mangled++ === 0) this.firstMangled = sink.line;
      sink.unparsed('CSV_MANGLED', 'numbers as a spreadsheet writes them: the rows are left out');
    } else {
      const name = TABLE_FIELDS[field];
      sink.unparsed(
        'MALFORMED_EVENT',
        `rows whose cells cannot be read (first: ${name}) are left out`,
      );
    }
  }

  private intern(table: ByteTable, text: string): number {
    if (text === '') return 0;
    const known = this.known.get(table)!;
    let index = known.get(text);
    if (index === undefined) {
      const length = this.window.bytes.write(text.slice(0, MAX_NAME / 4), 0, 'utf8');
      index = table.intern(0, length);
      if (known.size < MAX_INTERNED) known.set(text, index);
    }
    return index;
  }
}

const BAD_PAGES: number = Number.NaN;

function contextOf(cell: string): number {
  return cell === '' ? 0 : cell.charCodeAt(0) & 0xff;
}

function directionCell(cell: string): number {
  if (cell === '') return 255;
  if (/^\d{1,3}$/.test(cell)) return Number(cell);
  const word = cell.toUpperCase().replace(/^DMA_/, '');
  return directionOf(SHORT[word] ?? word);
}

const SHORT: Readonly<Record<string, string>> = {
  TO_DEV: 'TO_DEVICE',
  TODEVICE: 'TO_DEVICE',
  FROM_DEV: 'FROM_DEVICE',
  FROMDEVICE: 'FROM_DEVICE',
  BIDI: 'BIDIRECTIONAL',
};

function attributesCell(cell: string): number {
  if (cell === '') return 0;
  const bits = readNumber(cell);
  return Number.isNaN(bits) ? attributesOf(cell.replace(/DMA_ATTR_/g, '')) : bits;
}
