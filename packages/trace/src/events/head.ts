// What stands before the first key of a payload: a subsystem's prefix, a device name, a probe's place.

import { ByteTable } from '../byte-table.ts';
import { Byte } from '../bytes.ts';
import type { EventSink } from '../event-sink.ts';
import type { TextWindow } from '../text-window.ts';
import { catalogue } from './catalogue.ts';
import { Form } from './definition.ts';

/** The payload of a known event does not parse. */
export const MALFORMED = -1;
/** The payload belongs to another event of the same name. */
export const FOREIGN = -2;

const IOMMU = 0x4d4d4f49;
const IOMMU_END = 0x203a554d;
const DEV = 0x3d766564;
const DMAR = new TextEncoder().encode('DMAR: ');
const DEV_NAME = new TextEncoder().encode('dev_name: ');

const { form } = catalogue;

/** Reads the heads of payloads. */
export class HeadReader {
  private readonly bytes: Buffer;
  private readonly view: DataView;
  private readonly sink: EventSink;
  /** Places of probes, and the last one of each definition: it is the same again and again. */
  private readonly places: ByteTable;
  private readonly lastPlace: Uint16Array = new Uint16Array(form.length);
  private lastDevice = 0;

  constructor(window: TextWindow, sink: EventSink) {
    this.bytes = window.bytes;
    this.view = window.view;
    this.sink = sink;
    this.places = new ByteTable(window, 4096);
  }

  /** Reads a head; returns the position after it, MALFORMED or FOREIGN. */
  read(definition: number, row: number, start: number): number {
    const { bytes, view } = this;
    switch (form[definition]) {
      case Form.probe:
        return this.place(definition, start);
      case Form.iommu:
        if (view.getUint32(start, true) !== IOMMU) return FOREIGN;
        return view.getUint32(start + 3, true) === IOMMU_END ? start + 7 : FOREIGN;
      case Form.device:
        return this.device(row, start);
      case Form.dev:
        return this.afterDev(row, start);
      case Form.devName:
        for (let i = 0; i < DEV_NAME.length; i++) {
          if (bytes[start + i] !== DEV_NAME[i]) return MALFORMED;
        }
        return this.device(row, start + DEV_NAME.length);
      default:
        return start;
    }
  }

  /** "dev=" and a name, which some builds are said to print behind "DMAR: ". */
  private afterDev(row: number, start: number): number {
    const { bytes, view } = this;
    const isPrefixed = DMAR.every((byte, i) => bytes[start + i] === byte);
    const from = isPrefixed ? start + DMAR.length : start;
    return view.getUint32(from, true) === DEV ? this.device(row, from + 4) : FOREIGN;
  }

  /** Reads the place of a probe; returns the position after it, or MALFORMED. */
  place(definition: number, start: number): number {
    const again = this.places.lengthAt(this.lastPlace[definition]!, start);
    return again > 0 ? start + again : this.newPlace(definition, start);
  }

  private newPlace(definition: number, start: number): number {
    const { bytes } = this;
    let end = start;
    while (bytes[end]! >= Byte.space && bytes[end] !== Byte.parenClose) end++;
    if (bytes[end] !== Byte.parenClose) return MALFORMED;
    this.lastPlace[definition] = this.places.intern(start, end + 1 - start);
    return end + 1;
  }

  /** Reads a device name; returns the position after it, or MALFORMED. */
  device(row: number, start: number): number {
    const { devices, batch } = this.sink;
    const again = devices.lengthAt(this.lastDevice, start);
    if (again === 0 || this.bytes[start + again] !== Byte.space) return this.newDevice(row, start);
    batch.device[row] = this.lastDevice;
    return start + again;
  }

  private newDevice(row: number, start: number): number {
    const { bytes, sink } = this;
    let from = start;
    while (bytes[from] === Byte.space) from++;
    let end = from;
    while (bytes[end]! > Byte.space) end++;
    if (end === from || bytes[end] !== Byte.space) return MALFORMED;
    this.lastDevice = sink.devices.intern(from, end - from);
    sink.batch.device[row] = this.lastDevice;
    return end;
  }
}
