// Writes small ftrace texts of swiotlb probes for a pool of 512 slots in two areas, untouched at the start.

import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Place, TraceLines } from './trace-lines.ts';

const START = 0x7700_0000;
const AT = '(somewhere+0x4/0x2c0)';
const ORIGINAL = 0x265_8000;

/** Address of a slot of the default pool. */
export function slot(number: number): number {
  return START + 2048 * number;
}

/** What debugfs says before or after the trace. */
export interface Debugfs {
  readonly used: number;
  readonly hiwater: number;
}

/** A trace under construction; methods return the number of the line that they wrote. */
export class BounceLines {
  readonly #trace = new TraceLines(false);
  readonly #kernel: string;

  constructor(kernel = '6.12.107') {
    this.#kernel = kernel;
  }

  map(place: Place, bytes: number, original: number = ORIGINAL): number {
    return this.#trace.event(
      place,
      `swiotlb_tbl_map_single: ${AT} dev="0000:00:04.0" orig_addr=0x${original.toString(16)} mapping_size=${bytes} alloc_align_mask=0x0 dir=2`,
    );
  }

  /** The return of the latest map of this place; null: it failed. */
  returns(place: Place, address: number | null): number {
    const value = address === null ? 'ffffffffffffffff' : address.toString(16);
    return this.#trace.event(place, `swiotlb_tbl_map_single_ret: ${AT} tlb_addr=0x${value}`);
  }

  /** A map with nothing in between. */
  mapped(place: Place, bytes: number, address: number | null): number {
    this.map(place, bytes);
    return this.returns(place, address);
  }

  release(place: Place, address: number): number {
    return this.#trace.event(
      place,
      `swiotlb_release_slots: ${AT} dev="0000:00:04.0" tlb_addr=0x${address.toString(16)}`,
    );
  }

  /** A release that is over before anything else happens. */
  released(place: Place, address: number): void {
    this.release(place, address);
    this.other(place);
  }

  /** An event that is no call of swiotlb. */
  other(place: Place): number {
    return this.#trace.event(place, 'tracing_mark_write: step');
  }

  event(place: Place, body: string): number {
    return this.#trace.event(place, body);
  }

  /** Writes trace and meta.json to a folder of their own and returns the path of the trace. */
  save(after: Debugfs | null = null, before: Debugfs = { used: 0, hiwater: 0 }): string {
    const path = this.#trace.save();
    const debugfs = ({ used, hiwater }: Debugfs): object => ({
      swiotlb_debugfs: { io_tlb_nslabs: 512, io_tlb_used: used, io_tlb_used_hiwater: hiwater },
    });
    const meta = {
      kernel: `Linux (none) ${this.#kernel}-1 #1 SMP`,
      machine: { cpus: 4 },
      cmdline: 'quiet swiotlb=512,2,force',
      dmesg: [
        'software IO TLB: area num 2.',
        'software IO TLB: mapped [mem 0x0000000077000000-0x0000000077100000] (1MB)',
      ],
      before: debugfs(before),
      ...(after === null ? {} : { after: debugfs(after) }),
    };
    writeFileSync(join(dirname(path), 'meta.json'), JSON.stringify(meta));
    return path;
  }
}
