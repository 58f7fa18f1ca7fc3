// What `perf script` prints before an event with any choice of the fields (-F), or with -L.
//
//   [VM:  123 VCPU:000] comm  [pid/]tid  [cpu]  misc  date time-of-day  seconds.decimals:  [period]
//
// Each field may be missing, so a line is read from its end to its begin. comm may hold anything; it is right-aligned
// in 16 bytes and has at most 15, so one that ends at byte 16 behind blanks is no number of a thread. With -L
// comm has 8 bytes and the CPU no brackets.

/** Where a comm ends that blanks stand before. */
export const COMM_END = 16;
const SHORT_COMM_END = 8;
const GUEST = /^VM:\s*\d+ (?:VCPU:\s*\d+ )?/;

/** The fields of one line. */
export interface PerfFields {
  /** null where the CPU is not printed, or not known. */
  readonly cpu: number | null;
  /** -1 where it is not printed. */
  readonly tid: number;
  /** Where comm begins and ends in the text, maybe with blanks before it. */
  readonly commStart: number;
  readonly commEnd: number;
  readonly seconds: number;
  /** ns. */
  readonly fraction: number;
  /** Decimals of the time, 0 where it is not printed. */
  readonly decimals: number;
}

/** Reads the text before the name of an event. */
export function perfFields(text: string): PerfFields {
  const commStart = GUEST.exec(text)?.[0].length ?? 0;
  const words = [...text.slice(commStart).matchAll(/\S+/g)];
  const at = (back: number): string => words.at(-back)?.[0] ?? '';
  if (/^\d+$/.test(at(1)) && /^\d+\.\d+:$/.test(at(2))) words.pop();
  const time = /^(\d{1,15})\.(\d{1,9}):$/.exec(at(1));
  if (time !== null) words.pop();
  if (/^\d\d:\d\d:\d\d\.\d+$/.test(at(1))) words.splice(-2);
  if (/^[A-Za-z]{1,6}$/.test(at(1)) && /^(?:\[\d+\]|-?\d+)$/.test(at(2))) words.pop();
  const cpu = /^\[(\d{1,9})\]$/.exec(at(1)) ?? shortCpu(words);
  if (cpu !== null || /^(?:\[unknown\]|cpu=unknown)$/.test(at(1))) words.pop();
  const task = isComm(text, commStart, words.at(-1))
    ? null
    : /^(?:-?\d{1,10}\/)?(-?\d{1,10})$/.exec(at(1));
  if (task !== null) words.pop();
  const comm = words.at(-1);
  const decimals = time?.[2] ?? '';
  return {
    cpu: cpu === null ? null : Number(cpu[1]),
    tid: Number(task?.[1] ?? -1),
    commStart,
    commEnd: commStart + (comm === undefined ? 0 : comm.index + comm[0].length),
    seconds: Number(time?.[1] ?? 0),
    fraction: Number(decimals.padEnd(9, '0')),
    decimals: decimals.length,
  };
}

/** A CPU without brackets: the second of two numbers behind a comm of 8 bytes, or without a comm. */
function shortCpu(words: readonly RegExpExecArray[]): RegExpExecArray | null {
  const [before, last] = words.slice(-2);
  if (before === undefined || last === undefined || !/^-?\d+$/.test(before[0])) return null;
  const comm = words.at(-3);
  const isShort = comm === undefined || comm.index + comm[0].length === SHORT_COMM_END;
  return isShort ? /^(\d{1,5})$/.exec(last[0]) : null;
}

/** Whether the last word is the end of a comm: no thread id ends in its columns. */
function isComm(text: string, start: number, word: RegExpExecArray | undefined): boolean {
  const isPadded = text[start] === ' ';
  return isPadded && word !== undefined && word.index + word[0].length === COMM_END;
}
