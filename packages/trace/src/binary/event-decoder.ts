// Decodes binary event records into rows, by the format descriptions that came with them.
//
// A record gives the columns that the text of the same event would give. Events are planned once
// (event-plan.ts); the steps of all plans lie in flat columns, and nothing is made per record.
// A record that is shorter than its fields, or whose __data_loc points outside of it, is dropped
// with a diagnostic.

import { Direction, EventKind, Flag } from '../batch.ts';
import { clearRows } from '../batch-builder.ts';
import type { EventSink } from '../event-sink.ts';
import { readBounceSample } from '../events/bounce-sample.ts';
import { catalogue } from '../events/catalogue.ts';
import { To } from '../events/definition.ts';
import { SegmentList } from '../events/segment-list.ts';
import type { TextWindow } from '../text-window.ts';
import { TraceError } from '../trace-error.ts';
import { type EventPlan, planEvent, Special, type Step } from './event-plan.ts';
import { type FormatDescription, Place } from './format-description.ts';

// Constants of this module are compiled in; what is imported is loaded at each use (docs/architecture.md).
const Directions = Direction;
const Kinds = EventKind;
const Flags = Flag;
const Columns = To;
const Specials = Special;
const Places = Place;

/** The record was not understood: its id has no description, or it is damaged. */
export const NO_ROW = -1;

const IDS = 65_536;
const FEW_IDS = 512;
const NO_PLAN = -1;
const MAX_PLANS = 32_767;
const MAX_STEPS = 16;
/** Room for the steps of 8 events at first; it doubles. */
const FEW_STEPS: number = 8 * MAX_STEPS;
const COMMON = 8;
/** Longer device names are looked up each time. */
const MAX_KEPT = 64;
const TWO_32 = 2 ** 32;

/** What fills traces goes straight to its column: unsigned values of 64 bits, directions, names of devices, flags of a byte. */
const Fused = {
  none: 0,
  address: 1,
  phys: 2,
  size: 3,
  aux: 4,
  token: 5,
  direction: 6,
  device: 7,
  flag: 8,
  aux0Failed: 9,
} as const;

/** common_flags. */
const HARD_IRQ = 0x08;
const SOFT_IRQ = 0x10;
const NMI = 0x40;

/** Reads records into the rows of a sink. */
export class EventDecoder {
  /** Where the ip of a record of ftrace:print lies in tracing_mark_write: it is a marker. */
  isMark: (low: number, high: number) => boolean = () => false;
  private readonly sink: EventSink;
  private readonly little: boolean;
  private readonly bytes: Buffer;
  private readonly scratch: DataView;
  private readonly list: SegmentList;
  /** By event id, as far as ids are known. */
  private planOf: Int16Array = new Int16Array(FEW_IDS).fill(NO_PLAN);
  private readonly plans: EventPlan[] = [];
  private readonly names: number[] = [];
  /** By plan. */
  private readonly kind: number[] = [];
  private readonly length: number[] = [];
  private readonly stepEnd: number[] = [];
  private readonly definition: number[] = [];
  private readonly flagsAt: number[] = [];
  private readonly pidAt: number[] = [];
  /** By step; the steps of plan p begin at MAX_STEPS * p. */
  private to: Uint8Array = new Uint8Array(FEW_STEPS);
  private special: Uint8Array = new Uint8Array(FEW_STEPS);
  private place: Uint8Array = new Uint8Array(FEW_STEPS);
  private offset: Uint16Array = new Uint16Array(FEW_STEPS);
  private size: Uint8Array = new Uint8Array(FEW_STEPS);
  private signed: Uint8Array = new Uint8Array(FEW_STEPS);
  private elementSize: Uint8Array = new Uint8Array(FEW_STEPS);
  private fused: Uint8Array = new Uint8Array(FEW_STEPS);
  /** The last pointer of each step and its token: mostly the same again. */
  private lastLow: Int32Array = new Int32Array(FEW_STEPS);
  private lastHigh: Int32Array = new Int32Array(FEW_STEPS);
  private lastToken: Int32Array = new Int32Array(FEW_STEPS);
  /** The value that was read last, as signed words. */
  private low = 0;
  private high = 0;
  /** Entries of the lists of the current record, and their full counts where they are recorded. */
  private physes = 0;
  private addresses = 0;
  private fullPhyses = 0;
  private fullAddresses = 0;
  /** The device of the record before, with its bytes. */
  private lastDevice = 0;
  private lastLength = 0;
  private readonly lastBytes: DataView = new DataView(new ArrayBuffer(MAX_KEPT));

  /** Names are copied to `window`, which the tables of `sink` were made for; it holds 64 KiB or more. */
  constructor(sink: EventSink, window: TextWindow, littleEndian: boolean) {
    this.sink = sink;
    this.little = littleEndian;
    this.bytes = window.bytes;
    this.scratch = window.view;
    this.list = new SegmentList(sink);
  }

  /** Adds the description of an event. An id that two events have is an error. */
  add(description: FormatDescription): void {
    const { id, system, name } = description;
    if (id >= IDS || this.plans.length === MAX_PLANS) return;
    if (id >= this.planOf.length) this.moreIds(id);
    const known = this.planOf[id]! === NO_PLAN ? null : this.plans[this.planOf[id]!]!.description;
    if (known !== null) {
      if (known.system === system && known.name === name) return;
      const both = `${known.system}:${known.name} and ${system}:${name}`;
      throw new TraceError(this.sink.source, null, `DUP_ID: ${both} have the same id ${id}`);
    }
    const plan = planEvent(description);
    if (plan.missing !== '') {
      const what = `${system}:${name} has no field ${plan.missing}`;
      this.sink.diagnose('BAD_FORMAT', `known events without a field they need (${what})`);
    }
    this.planOf[id] = this.plans.length;
    this.plans.push(plan);
    this.names.push(NO_PLAN);
    this.kind.push(plan.kind);
    this.length.push(plan.length);
    this.definition.push(plan.definition);
    this.flagsAt.push(plan.flagsAt);
    this.pidAt.push(plan.pidAt);
    this.layOut(plan.steps);
  }

  /** True where the event of this id has a description. */
  knows(id: number): boolean {
    return (this.planOf[id] ?? NO_PLAN) !== NO_PLAN;
  }

  /**
   * Reads the record of `length` bytes at `start` into the next row. Its name, cpu, tid, context, flags
   * and line (sink.line) are set; `time` and `task` are left to the caller. Returns the row or NO_ROW.
   */
  read(view: DataView, start: number, length: number, cpu: number): number {
    const { sink, little } = this;
    const { batch } = sink;
    if (length < COMMON) return this.damaged(batch.length);
    const id = view.getUint16(start, little);
    const plan = this.planOf[id] ?? NO_PLAN;
    if (plan === NO_PLAN) {
      sink.diagnose('UNKNOWN_ID', 'records whose event id has no description are passed over');
      return NO_ROW;
    }
    if (length < this.length[plan]!) return this.damaged(batch.length);
    const row = batch.length;
    let name = this.names[plan]!;
    if (name < 0) name = this.newName(plan);
    batch.cpu[row] = cpu;
    batch.task[row] = 0;
    batch.name[row] = name;
    batch.line[row] = sink.line;
    batch.flags[row] = sink.flagsOf(cpu);
    this.common(plan, row, view, start);
    const kind = this.kind[plan]!;
    if (kind !== Kinds.other) {
      if (!this.steps(plan, row, view, start, length)) return this.damaged(row);
      this.finish(plan, kind, row);
    } else if (this.isPrint(plan)) this.mark(plan, row, view, start, length);
    batch.length = row + 1;
    sink.counts.byName[batch.name[row]!]!++;
    return row;
  }

  private common(plan: number, row: number, view: DataView, start: number): void {
    const { batch } = this.sink;
    const flagsAt = this.flagsAt[plan]!;
    const pidAt = this.pidAt[plan]!;
    batch.tid[row] = pidAt < 0 ? -1 : view.getInt32(start + pidAt, this.little);
    batch.context[row] = flagsAt < 0 ? 0 : CONTEXT[view.getUint8(start + flagsAt)]!;
  }

  private steps(plan: number, row: number, view: DataView, start: number, length: number): boolean {
    const { little, fused, offset } = this;
    const { batch } = this.sink;
    const end = this.stepEnd[plan]!;
    const low = start + (little ? 0 : 4);
    const high = start + (little ? 4 : 0);
    this.physes = 0;
    this.addresses = 0;
    this.fullPhyses = -1;
    this.fullAddresses = -1;
    this.list.length = 0;
    for (let step = MAX_STEPS * plan; step < end; step++) {
      const at = offset[step]!;
      switch (fused[step]) {
        case Fused.address:
          batch.addressLow[row] = view.getInt32(low + at, little);
          batch.addressHigh[row] = view.getInt32(high + at, little);
          break;
        case Fused.phys:
          batch.physLow[row] = view.getInt32(low + at, little);
          batch.physHigh[row] = view.getInt32(high + at, little);
          break;
        case Fused.size:
          batch.size[row] =
            view.getUint32(high + at, little) * TWO_32 + view.getUint32(low + at, little);
          break;
        case Fused.aux:
          batch.aux[row] =
            view.getUint32(high + at, little) * TWO_32 + view.getUint32(low + at, little);
          break;
        case Fused.token:
          batch.token[row] = this.token(
            step,
            view.getInt32(low + at, little),
            view.getInt32(high + at, little),
          );
          break;
        case Fused.direction:
          this.low = view.getInt32(start + at, little);
          this.high = 0;
          this.direction(row);
          break;
        case Fused.flag:
          batch.aux2[row] = view.getUint8(start + at);
          break;
        case Fused.aux0Failed: {
          const value =
            view.getUint32(high + at, little) * TWO_32 + view.getUint32(low + at, little);
          batch.aux[row] = value;
          if (value === 0) batch.flags[row]! |= Flags.failed;
          break;
        }
        case Fused.device: {
          const word = view.getUint32(start + at, little);
          const offset = word & 0xffff;
          const bytes = word >>> 16;
          if (offset + bytes > length) return false;
          this.device(row, view, start + offset, bytes);
          break;
        }
        default:
          if (!this.anyStep(step, row, view, start, length)) return false;
      }
    }
    return true;
  }

  private token(step: number, low: number, high: number): number {
    const { lastLow, lastHigh, lastToken } = this;
    if (low === lastLow[step] && high === lastHigh[step]) return lastToken[step]!;
    const token = this.sink.tokens.intern(low, high);
    lastLow[step] = low;
    lastHigh[step] = high;
    lastToken[step] = token;
    return token;
  }

  /** A step of any kind; false where the value is outside of the record. */
  private anyStep(
    step: number,
    row: number,
    view: DataView,
    start: number,
    length: number,
  ): boolean {
    const { to, special } = this;
    const { batch } = this.sink;
    if (this.place[step] !== Places.fixed || to[step] === Columns.device) {
      return this.placed(step, row, view, start, length);
    }
    this.load(view, start + this.offset[step]!, this.size[step]!, this.signed[step]!);
    switch (to[step]) {
      case Columns.address:
        batch.addressLow[row] = this.low;
        batch.addressHigh[row] = this.high;
        break;
      case Columns.phys:
        batch.physLow[row] = this.low;
        batch.physHigh[row] = this.high;
        break;
      case Columns.size:
        batch.size[row] = this.wide();
        break;
      case Columns.aux:
        batch.aux[row] = this.number(step);
        if (special[step] === Specials.fullCount) this.fullPhyses = batch.aux[row]!;
        break;
      case Columns.token:
        batch.token[row] = this.sink.tokens.intern(this.low, this.high);
        break;
      case Columns.direction:
        this.direction(row);
        break;
      default:
        this.store(step, row);
    }
    return true;
  }

  /** The columns that are rarely stored. */
  private store(step: number, row: number): void {
    const { low, high } = this;
    const { batch, tokens } = this.sink;
    const special = this.special[step]!;
    const isNull = low === 0 && high === 0;
    switch (this.to[step]) {
      case Columns.aux2:
        batch.aux2[row] = special === Specials.flag ? Number(low === 1) : this.number(step);
        if (special === Specials.fullCount) this.fullAddresses = batch.aux2[row]!;
        break;
      case Columns.auxToken:
        batch.aux[row] = tokens.intern(low, high);
        break;
      case Columns.auxLength:
        batch.aux[row] =
          ((high >>> 0) - batch.addressHigh[row]!) * TWO_32 +
          ((low >>> 0) - batch.addressLow[row]!) +
          1;
        break;
      case Columns.capped:
        if (low !== 0) batch.flags[row]! |= Flags.listCapped;
        break;
      case Columns.token0Failed:
        batch.token[row] = tokens.intern(low, high);
        if (isNull) batch.flags[row]! |= Flags.failed;
        break;
      case Columns.aux0Failed:
        batch.aux[row] = this.wide();
        if (isNull) batch.flags[row]! |= Flags.failed;
        break;
      case Columns.failed0:
        if (isNull) batch.flags[row]! |= Flags.failed;
    }
  }

  private direction(row: number): void {
    const { sink, low, high } = this;
    const isKnown = high === 0 && low >= 0 && low < Directions.unknown;
    sink.batch.direction[row] = isKnown ? low : Directions.unknown;
    if (!isKnown) {
      sink.diagnose('UNKNOWN_ENUM', 'a direction or attribute that no known kernel prints');
    }
  }

  /** A value whose place the record tells: a name or a list. False where it is outside of the record. */
  private placed(
    step: number,
    row: number,
    view: DataView,
    start: number,
    length: number,
  ): boolean {
    const { little } = this;
    const at = this.offset[step]!;
    const size = this.size[step]!;
    let offset = at;
    let bytes = size;
    if (this.place[step] !== Places.fixed) {
      const word =
        size === 2 ? view.getUint16(start + at, little) : view.getUint32(start + at, little);
      offset = word & 0xffff;
      bytes = size === 2 ? length - offset : word >>> 16;
      if (this.place[step] === Places.relative) offset += at + size;
    }
    if (bytes < 0 || offset + bytes > length) return false;
    if (this.to[step] === Columns.device) this.device(row, view, start + offset, bytes);
    else this.entries(step, view, start + offset, bytes);
    return true;
  }

  private device(row: number, view: DataView, start: number, length: number): void {
    const { devices, batch } = this.sink;
    if (length === this.lastLength && this.isLastDevice(view, start, length)) {
      batch.device[row] = this.lastDevice;
      return;
    }
    const { scratch } = this;
    for (let i = 0; i < length; i++) scratch.setUint8(i, view.getUint8(start + i));
    const nul = this.bytes.subarray(0, length).indexOf(0);
    this.lastDevice = devices.intern(0, nul < 0 ? length : nul);
    batch.device[row] = this.lastDevice;
    this.lastLength = length <= MAX_KEPT ? length : -1;
    for (let i = 0; i < this.lastLength; i++) this.lastBytes.setUint8(i, view.getUint8(start + i));
  }

  private isLastDevice(view: DataView, start: number, length: number): boolean {
    const { lastBytes } = this;
    let i = 0;
    for (; i + 4 <= length; i += 4) {
      if (view.getInt32(start + i, true) !== lastBytes.getInt32(i, true)) return false;
    }
    for (; i < length; i++) if (view.getUint8(start + i) !== lastBytes.getUint8(i)) return false;
    return true;
  }

  private entries(step: number, view: DataView, start: number, bytes: number): void {
    const { list } = this;
    const side = this.to[step]!;
    const size = this.elementSize[step]!;
    const count = Math.floor(bytes / size);
    if (size === 8) list.putAll(side, view, start, count, this.little);
    else {
      for (let i = 0; i < count; i++) {
        this.load(view, start + i * size, size, 0);
        list.put(side, i, this.low, this.high);
      }
    }
    list.end(side, count);
    if (side === Columns.physes) this.physes = count;
    if (side === Columns.addresses) this.addresses = count;
  }

  private finish(plan: number, kind: number, row: number): void {
    const { batch } = this.sink;
    batch.kind[row] = kind;
    const definition = this.definition[plan]!;
    if (catalogue.constant[definition] !== 0) this.constants(definition, row);
    if (kind === Kinds.dmaMap || kind === Kinds.bounceMapRet) {
      const high = batch.addressHigh[row]!;
      if (batch.addressLow[row] === 0xffff_ffff && (high === 0xffff_ffff || high === 0)) {
        batch.flags[row]! |= Flags.failed;
      }
    }
    if (this.list.length === 0) return;
    this.list.close(kind, row);
    const cutsPhys = this.fullPhyses >= 0 && this.fullPhyses !== this.physes;
    const cutsAddresses = this.fullAddresses >= 0 && this.fullAddresses !== this.addresses;
    if (cutsPhys || cutsAddresses) batch.flags[row]! |= Flags.listCapped;
  }

  private constants(definition: number, row: number): void {
    const { batch } = this.sink;
    const { aux, aux2, flags } = catalogue.definitions[definition]!;
    if (aux !== undefined) batch.aux[row] = aux;
    if (aux2 !== undefined) batch.aux2[row] = aux2;
    if (flags !== undefined) batch.flags[row]! |= flags;
  }

  private load(view: DataView, at: number, size: number, signed: number): void {
    const { little } = this;
    if (size === 8) {
      this.low = view.getInt32(little ? at : at + 4, little);
      this.high = view.getInt32(little ? at + 4 : at, little);
      return;
    }
    if (size === 4) this.low = view.getInt32(at, little);
    else if (size === 2) this.low = signed ? view.getInt16(at, little) : view.getUint16(at, little);
    else this.low = signed ? view.getInt8(at) : view.getUint8(at);
    this.high = signed !== 0 && this.low < 0 ? -1 : 0;
  }

  /** The value as an unsigned double; all ones of 64 bits reads 2^64. */
  private wide(): number {
    return (this.high >>> 0) * TWO_32 + (this.low >>> 0);
  }

  private number(step: number): number {
    return this.signed[step] === 0 ? this.wide() : this.high * TWO_32 + (this.low >>> 0);
  }

  private damaged(row: number): number {
    clearRows(this.sink.batch, row);
    this.sink.unparsed('BAD_RECORD', 'a record that is shorter than its fields is dropped');
    return NO_ROW;
  }

  private isPrint(plan: number): boolean {
    const { system, name } = this.plans[plan]!.description;
    return name === 'print' && system === 'ftrace';
  }

  /** Text that a user or the kernel put into the trace. */
  private mark(plan: number, row: number, view: DataView, start: number, length: number): void {
    const { batch } = this.sink;
    const ip = this.plans[plan]!.description.fields.find(({ name }) => name === 'ip');
    if (ip === undefined || ip.offset + ip.size > length) return;
    this.load(view, start + ip.offset, ip.size, 0);
    if (!this.isMark(this.low, this.high)) return;
    batch.name[row] = this.name('tracing_mark_write');
    batch.kind[row] = Kinds.mark;
    const from = start + ip.offset + ip.size;
    const text = new Uint8Array(view.buffer, view.byteOffset + from, start + length - from);
    readBounceSample(batch, row, text);
  }

  private layOut(steps: readonly Step[]): void {
    const first = MAX_STEPS * (this.plans.length - 1);
    while (first + MAX_STEPS > this.to.length) this.grow();
    steps.slice(0, MAX_STEPS).forEach((step, i) => {
      this.to[first + i] = step.to;
      this.special[first + i] = step.special;
      this.place[first + i] = step.place;
      this.offset[first + i] = step.offset;
      this.size[first + i] = step.size;
      this.signed[first + i] = step.signed ? 1 : 0;
      this.elementSize[first + i] = step.elementSize;
      this.fused[first + i] = fusedOf(step);
    });
    this.stepEnd.push(first + Math.min(MAX_STEPS, steps.length));
  }

  private grow(): void {
    this.to = doubled(this.to);
    this.special = doubled(this.special);
    this.place = doubled(this.place);
    this.size = doubled(this.size);
    this.signed = doubled(this.signed);
    this.elementSize = doubled(this.elementSize);
    this.fused = doubled(this.fused);
    this.lastLow = new Int32Array(2 * this.lastLow.length);
    this.lastHigh = new Int32Array(2 * this.lastHigh.length);
    this.lastToken = new Int32Array(2 * this.lastToken.length);
    const offset = new Uint16Array(2 * this.offset.length);
    offset.set(this.offset);
    this.offset = offset;
  }

  private moreIds(id: number): void {
    const few = this.planOf;
    let room = few.length;
    while (room <= id) room *= 2;
    this.planOf = new Int16Array(room).fill(NO_PLAN);
    this.planOf.set(few);
  }

  private newName(plan: number): number {
    const index = this.name(this.plans[plan]!.description.name);
    this.names[plan] = index;
    return index;
  }

  private name(text: string): number {
    const { names, counts } = this.sink;
    const length = this.bytes.write(text, 0, 'latin1');
    const index = names.intern(0, length);
    counts.byName[index] ??= 0;
    return index;
  }
}

/** The context character of the kernel's flags column. */
function contextOf(flags: number): number {
  const isHard = (flags & HARD_IRQ) !== 0;
  const isSoft = (flags & SOFT_IRQ) !== 0;
  if ((flags & NMI) !== 0) return isHard ? 0x5a : 0x7a;
  if (isHard) return isSoft ? 0x48 : 0x68;
  return isSoft ? 0x73 : 0x2e;
}

const CONTEXT: Uint8Array = Uint8Array.from({ length: 256 }, (_, flags) => contextOf(flags));

function fusedOf({ to, special, size, signed, place }: Step): number {
  if (to === Columns.direction && place === Places.fixed && size === 4) return Fused.direction;
  if (to === Columns.device && place === Places.data && size === 4) return Fused.device;
  const isPlain = place === Places.fixed && special === Specials.none && !signed;
  if (to === Columns.aux2 && isPlain && size === 1) return Fused.flag;
  if (!isPlain || size !== 8) return Fused.none;
  if (to === Columns.address) return Fused.address;
  if (to === Columns.phys) return Fused.phys;
  if (to === Columns.size) return Fused.size;
  if (to === Columns.aux) return Fused.aux;
  if (to === Columns.aux0Failed) return Fused.aux0Failed;
  return to === Columns.token ? Fused.token : Fused.none;
}

function doubled(column: Uint8Array): Uint8Array {
  const grown = new Uint8Array(2 * column.length);
  grown.set(column);
  return grown;
}
