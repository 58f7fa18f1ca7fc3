// Lines of a kernel log without what log tools put around them.

/** A line and where it begins, 1-based. */
export interface RawLine {
  readonly line: number;
  readonly text: string;
}

/** Longer lines are no messages of a kernel. */
const MAX_LINE = 4096;

// What follows a message that a mail program broke, or that the kernel printed in two pieces.
const CONTINUED =
  /^(?:swiotlb buffer is full \(|total \d+ \(slots\)|for \d+ bytes at device|(?:.{0,120}? kernel: )?(?:\[ *\d+\.\d+\] )?IO_PAGE_FAULT )/;
const OPEN = /(?::|,|space|Event logged \[)\s*$/;

/** The lines of a text, joined where a message was broken. */
export function* joinedLines(text: string): Generator<RawLine> {
  let held: RawLine | null = null;
  let line = 0;
  for (const raw of text.split(/\r\n|\r|\n/)) {
    line++;
    if (held !== null) {
      if (CONTINUED.test(raw)) {
        yield { line: held.line, text: `${held.text.trimEnd()} ${messageOf(raw).message}` };
        held = null;
        continue;
      }
      yield held;
      held = null;
    }
    if (raw.length > MAX_LINE) continue;
    if (OPEN.test(raw)) held = { line, text: raw };
    else yield { line, text: raw };
  }
  if (held !== null) yield held;
}

/** Time and text behind "<4>", "Nov 21 10:00:00 host kernel:" and "[   12.549897]"; "[  +0.001779]" tells no time. */
export function messageOf(raw: string): { time: number | null; message: string } {
  const text = raw.replace(/^<\d+>/, '').replace(/^.{0,80}?\bkernel: ?/, '');
  const stamp = /^\s*\[\s*(\+?\d+\.\d+)\]\s?(?:\[\s*[TC]\d+\]\s?)?(.*)$/.exec(text);
  if (stamp === null) return { time: null, message: text };
  const [, seconds = '', message = ''] = stamp;
  return { time: seconds.startsWith('+') ? null : Number(seconds), message };
}
