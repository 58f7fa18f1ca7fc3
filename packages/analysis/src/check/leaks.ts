// Leaks: mappings that nobody will end.
//
// When a device leaves its IOMMU group or its domain is destroyed, all that is still mapped is leaked:
// the driver is gone. At the end of a trace nothing follows from being mapped (receive rings, admin
// queues, requests in flight), so that is only told. In between is growth: the trace is cut into slices of
// equal numbers of requests, and the lowest number of live mappings of a device, call and direction in a
// slice must rise from slice to slice, with mappings made in each that never ended while others did. A
// ring that is refilled keeps its level; a ring that is filled at the start ends nothing.

import { Op, type RequestBatch } from '@dmalab/trace';
import type { CheckState } from './check.ts';
import type { FindingCode, FindingLine } from './finding.ts';
import type { Judgement } from './finding-log.ts';
import { certain, judge, likely, possible } from './judging.ts';
import { onLiveDouble } from './maps.ts';

const SLICES = 8;
/** The slices before it may be the start of a driver. */
const STEADY = 2;
/** Mappings made in the last slices may be in flight. */
const SETTLED = 6;
/** Mappings made in a slice that never ended, from which on it counts. */
const LEFT = 4;
/** Lines shown of one group. */
const SHOWN = 5;
const KINDS = 8;

export class LeakWatch {
  readonly #total: number;
  /** By device and kind: live mappings, the slice that was seen last. */
  readonly #live: Float64Array;
  readonly #slice: Int8Array;
  /** By device, kind and slice: the lowest number of live mappings, and mappings ended. */
  readonly #floor: Float64Array;
  readonly #ended: Float64Array;

  constructor(devices: number, requests: number) {
    this.#total = Math.max(1, requests);
    this.#live = new Float64Array(devices * KINDS);
    this.#slice = new Int8Array(devices * KINDS).fill(-1);
    this.#floor = new Float64Array(devices * KINDS * SLICES);
    this.#ended = new Float64Array(devices * KINDS * SLICES);
  }

  onMap(s: CheckState, b: RequestBatch, i: number): void {
    const group = groupOf(b.device[i]!, b.op[i]!, b.direction[i]!);
    this.#advance(group, this.#sliceOf(s.order));
    this.#live[group] = this.#live[group]! + 1;
  }

  onUnmap(s: CheckState, device: number, op: number, direction: number): void {
    const group = groupOf(device, op, direction);
    const at = group * SLICES + this.#sliceOf(s.order);
    this.#advance(group, this.#sliceOf(s.order));
    this.#live[group] = this.#live[group]! - 1;
    this.#floor[at] = Math.min(this.#floor[at]!, this.#live[group]!);
    this.#ended[at] = this.#ended[at]! + 1;
  }

  /** A device left its group: its mappings are leaked. */
  onRemoval(s: CheckState, b: RequestBatch, i: number): void {
    const { mappings } = s;
    const device = b.device[i]!;
    const found: number[] = [];
    for (let m = 0; m < mappings.top; m++) {
      if (mappings.state[m] === 1 && mappings.device[m] === device) found.push(m);
    }
    const reason = 'the device was removed after its driver had gone, and nothing was lost';
    this.#tell(s, found, 'LEAK', certain(reason), b.line[i]!);
    for (const m of found) this.#close(s, m, b, i);
  }

  /** A domain was destroyed with mappings in it. */
  onDestroy(s: CheckState, b: RequestBatch, i: number): void {
    const { mappings } = s;
    const found: number[] = [];
    for (let m = 0; m < mappings.top; m++) {
      if (mappings.state[m] === 1 && mappings.domain[m] === b.domain[i]) found.push(m);
    }
    const reason = 'the domain was destroyed with the mapping in it, and nothing was lost';
    this.#tell(s, found, 'LEAK', certain(reason), b.line[i]!);
    for (const m of found) this.#close(s, m, b, i);
  }

  /** The end of the trace. */
  finish(s: CheckState): void {
    const { mappings } = s;
    const growing: number[] = [];
    const rest: number[] = [];
    const grows = this.#growing(s);
    for (let m = 0; m < mappings.top; m++) {
      if (mappings.state[m] !== 1) continue;
      onLiveDouble(s, m);
      const isOld = this.#sliceOf(mappings.order[m]!) < SETTLED;
      (isOld && grows.has(groupOfMapping(s, m)) ? growing : rest).push(m);
    }
    const why = 'their number rises through the trace while others of their kind end';
    this.#tell(s, growing, 'GROWING', likely(why), 0);
    this.#tell(s, rest, 'STILL_MAPPED', possible('the trace ends before they do'), 0);
  }

  #close(s: CheckState, m: number, b: RequestBatch, i: number): void {
    const { mappings } = s;
    this.onUnmap(s, mappings.device[m]!, mappings.op[m]!, mappings.direction[m]!);
    if (mappings.segments[m]! > 1) s.lists[mappings.device[m]!] = s.lists[mappings.device[m]!]! - 1;
    mappings.end(m, b, i, s.losses);
  }

  /** One finding for each device, task and call. */
  #tell(
    s: CheckState,
    found: readonly number[],
    code: FindingCode,
    sure: Judgement,
    removal: number,
  ): void {
    const groups = new Map<string, number[]>();
    for (const m of found) {
      const { device, task, op, direction } = s.mappings;
      const key = `${device[m]} ${task[m]} ${op[m]} ${direction[m]}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [m]);
      else group.push(m);
    }
    for (const group of groups.values()) tellGroup(s, group, code, sure, removal);
  }

  #sliceOf(order: number): number {
    return Math.min(SLICES - 1, Math.floor((order * SLICES) / this.#total));
  }

  /** A slice that begins has the level of the one before. */
  #advance(group: number, slice: number): void {
    while (this.#slice[group]! < slice) {
      const next = this.#slice[group]! + 1;
      this.#slice[group] = next;
      this.#floor[group * SLICES + next] = this.#live[group]!;
    }
  }

  #growing(s: CheckState): Set<number> {
    const left = this.#left(s);
    const grows = new Set<number>();
    for (let group = 0; group < this.#live.length; group++) {
      this.#advance(group, SLICES - 1);
      let rises = true;
      for (let slice = STEADY; slice < SETTLED; slice++) {
        const at = group * SLICES + slice;
        const isUp = this.#floor[at + 1]! > this.#floor[at]!;
        rises &&= isUp && left[at]! >= LEFT && this.#ended[at]! >= left[at]!;
      }
      if (rises) grows.add(group);
    }
    return grows;
  }

  /** By group and slice: mappings made in it that never ended. */
  #left(s: CheckState): Float64Array {
    const { mappings } = s;
    const left = new Float64Array(this.#floor.length);
    for (let m = 0; m < mappings.top; m++) {
      if (mappings.state[m] !== 1) continue;
      const at = groupOfMapping(s, m) * SLICES + this.#sliceOf(mappings.order[m]!);
      left[at] = left[at]! + 1;
    }
    return left;
  }
}

function groupOfMapping(s: CheckState, m: number): number {
  const { device, op, direction } = s.mappings;
  return groupOf(device[m]!, op[m]!, direction[m]!);
}

function groupOf(device: number, op: number, direction: number): number {
  return device * KINDS + (op === Op.alloc ? KINDS - 1 : Math.min(direction, KINDS - 2));
}

function tellGroup(
  s: CheckState,
  group: readonly number[],
  code: FindingCode,
  sure: Judgement,
  removal: number,
): void {
  const { mappings, log } = s;
  const oldestFirst = [...group].sort((a, b) => mappings.order[a]! - mappings.order[b]!);
  const first = oldestFirst[0]!;
  const bytes = group.reduce((sum, m) => sum + mappings.size[m]!, 0);
  const call = mappings.op[first] === Op.alloc ? 'allocation' : 'mapping';
  const lines: FindingLine[] = oldestFirst.slice(0, SHOWN).map((m) => log.mapOf(mappings, m));
  if (removal > 0) lines.push(log.at('removal', removal));
  const losses = mappings.losses[first]!;
  log.add({
    code,
    ...(code === 'STILL_MAPPED' ? sure : judge(s, losses, mappings.flags[first]!, sure)),
    device: log.device(mappings.device[first]!),
    task: log.task(mappings.task[first]!),
    address: log.hex(mappings, first),
    count: group.length,
    bytes,
    time: mappings.time[first]!,
    lines,
    message: `${group.length} ${call}${group.length === 1 ? '' : 's'} (${bytes} bytes), the first at ${log.hex(mappings, first)}`,
  });
}
