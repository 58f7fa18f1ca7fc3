// The clock of a guest against that of its host (option TIME_SHIFT of trace.dat, trace-cmd.dat.v7.5).
//
//   u64 id of the host's trace | u32 flags | u32 CPUs
//   by CPU: u32 n, n s64 times, n s64 offsets, n u64 scalings; then, by CPU, n fraction bits
//
// A time of the guest is multiplied by the scaling of its stretch, shifted right by the fraction bits,
// and the offset is added: that of the stretch's begin, or (flag 1) one interpolated to its end. A stretch lies
// between two samples; before the first and after the last the nearest one goes on, interpolated too. So the offset
// of the last sample counts only where there is no other, or as the end of the stretch before it. That is what
// `trace-cmd report` prints, but for one sample (it leaves the scaling out) and CPUs without samples (it leaves their times).

import type { ByteCursor } from './byte-cursor.ts';

/** Samples of one CPU of the guest, in order of time. */
interface ClockSample {
  readonly time: bigint;
  readonly offset: bigint;
  readonly scaling: bigint;
  readonly fraction: bigint;
}

/** What the option holds. */
export interface TimeShift {
  readonly interpolated: boolean;
  /** By CPU; never empty, no CPU without samples. */
  readonly cpus: readonly (readonly ClockSample[])[];
}

const INTERPOLATE = 1;
const SAMPLE = 24;
const MAX_CPUS = 65_535;

/** Reads the option; null where it says nothing that can be used. */
export function readTimeShift(cursor: ByteCursor): TimeShift | null {
  if (cursor.left < 16) return null;
  cursor.skip(8);
  const flags = cursor.u32();
  const count = cursor.u32();
  if (count === 0 || count > MAX_CPUS) return null;
  const cpus: { times: bigint[]; offsets: bigint[]; scalings: bigint[] }[] = [];
  let samples = 0;
  for (let cpu = 0; cpu < count; cpu++) {
    if (cursor.left < 4) return null;
    const n = cursor.u32();
    if (n === 0 || n * SAMPLE > cursor.left) return null;
    const numbers = (signed: boolean): bigint[] =>
      Array.from({ length: n }, () => wide(cursor, signed));
    cpus.push({ times: numbers(true), offsets: numbers(true), scalings: numbers(false) });
    samples += n;
  }
  const bytes = samples === 0 ? 0 : cursor.left / samples;
  const fraction = (): bigint =>
    bytes === 8 ? wide(cursor, false) : bytes === 4 ? BigInt(cursor.u32()) : 0n;
  return {
    interpolated: (flags & INTERPOLATE) !== 0,
    cpus: cpus.map(({ times, offsets, scalings }) =>
      times.map((time, i) => ({
        time,
        offset: offsets[i]!,
        scaling: scalings[i]! === 0n ? 1n : scalings[i]!,
        fraction: fraction() & 63n,
      })),
    ),
  };
}

/** A stretch of a CPU's clock with doubles: ticks since the base of the guest, and of the host. */
interface Stretch {
  readonly from: number;
  readonly host: number;
  readonly slope: number;
}

/** Turns ticks of the guest since a base into ticks of the host since its own. */
export class HostClock {
  /** The base in ticks of the host. */
  readonly base: bigint;
  readonly #cpus: readonly (readonly Stretch[])[];

  constructor({ cpus, interpolated }: TimeShift, guestBase: bigint) {
    this.base = hostTime(cpus[0]!, stretchAt(cpus[0]!, guestBase), guestBase, interpolated);
    this.#cpus = cpus.map((samples) =>
      samples.slice(0, stretchesOf(samples)).map((sample, i) => ({
        from: Number(sample.time - guestBase),
        host: Number(hostTime(samples, i, sample.time, false) - this.base),
        slope:
          Number(sample.scaling) / 2 ** Number(sample.fraction) + drift(samples, i, interpolated),
      })),
    );
  }

  /** Ticks of the host since its base, for `passed` ticks on a CPU of the guest. */
  at(cpu: number, passed: number): number {
    const stretches = this.#cpus[cpu] ?? this.#cpus[0]!;
    let i = stretches.length - 1;
    while (i > 0 && passed < stretches[i]!.from) i--;
    const { from, host, slope } = stretches[i]!;
    return Math.round(host + (passed - from) * slope);
  }
}

function stretchesOf(samples: readonly ClockSample[]): number {
  return Math.max(1, samples.length - 1);
}

function stretchAt(samples: readonly ClockSample[], time: bigint): number {
  let i = stretchesOf(samples) - 1;
  while (i > 0 && time < samples[i]!.time) i--;
  return i;
}

function hostTime(
  samples: readonly ClockSample[],
  i: number,
  time: bigint,
  interpolated: boolean,
): bigint {
  const { offset, scaling, fraction, time: from } = samples[i]!;
  const moved = BigInt(Math.round(Number(time - from) * drift(samples, i, interpolated)));
  return ((time * scaling) >> fraction) + offset + moved;
}

/** How much the offset changes in a tick. */
function drift(samples: readonly ClockSample[], i: number, interpolated: boolean): number {
  const begin = samples[i]!;
  const end = samples[i + 1];
  if (!interpolated || end === undefined || end.time <= begin.time) return 0;
  return Number(end.offset - begin.offset) / Number(end.time - begin.time);
}

function wide(cursor: ByteCursor, signed: boolean): bigint {
  const first = BigInt(cursor.u32());
  const second = BigInt(cursor.u32());
  const value = cursor.little ? (second << 32n) | first : (first << 32n) | second;
  return signed ? BigInt.asIntN(64, value) : value;
}
