// Lines of a kernel log without what log tools, terminals, mail programs and Markdown put around them.

/** A line as text, and the time that stood before it. */
export interface Message {
  /** Seconds since boot; null where the line has none. */
  readonly boot: number | null;
  /** Seconds of a calendar, from an origin that one log keeps; null where the line has none. */
  readonly wall: number | null;
  /** True: a time or the name of a log tool stood before it, so it begins a message. */
  readonly stamped: boolean;
  readonly text: string;
}

/** Longer lines are no messages of a kernel. */
const MAX_LINE = 4096;

const ESCAPE = new RegExp(`${String.fromCharCode(27)}\\[[0-9;:?]*[A-Za-z]`, 'g');
const QUOTE = /^[ \t]*(?:[>|][ \t]*)+/;
const ENTITIES: Readonly<Record<string, string>> = { '&gt;': '>', '&lt;': '<', '&amp;': '&' };
const SPACES = /=20|=C2=A0/g;

const BOOT = /^\s*\[\s*(\+?\d+\.\d+)\]\s?/;
const WALL: readonly RegExp[] = [
  /^\[?(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?:? /,
  /^\[[^\][]{0,12}?(\w{3} +\d+) (\d\d:\d\d:\d\d) \d{4}\] /,
  /^([^\s:[\]]{2,7} +\d{1,2}) (\d\d:\d\d:\d\d) \S+ /,
  /^\[(\w{3} +\d+) (\d\d:\d\d)\] /,
];
// Priorities, "kern  :warn  :", the CPU or task, the name of the log's source, the prompt of a monitor.
const OTHERS: readonly RegExp[] = [
  /^<\d+>/,
  /^(?:kern|user|daemon|syslog) *: *\w+ *: ?/,
  /^\s*\[\s*[TC]\d+\]\s?/,
  /^\s*\[\d+: [^\]]{1,40}: +\d+\] /,
  /^(?:\S+ )?kernel(?:\[\d+\])?: ?/,
  /^\(qemu\) /,
];

/** The lines of a text. */
export function linesOf(text: string): string[] {
  return text.split(/\r\n|\r|\n/);
}

/** True: a mail as it was sent, in which "=" stands before what is not ASCII and where a line was broken. */
export function isQuotedPrintable(text: string): boolean {
  return /=\r?\n/.test(text) && /=(?:3D|20|C2)/.test(text);
}

/** A line without quote marks, colours and bullets, with its characters decoded. */
function bodyOf(raw: string, quotedPrintable: boolean): string {
  if (raw.length > MAX_LINE) return '';
  let body = raw.includes('\u001b[') ? raw.replace(ESCAPE, '') : raw;
  if (body.includes('&')) body = body.replace(/&(?:gt|lt|amp);/g, (name) => ENTITIES[name]!);
  if (quotedPrintable && body.includes('='))
    body = body.replace(SPACES, ' ').replaceAll('=3D', '=');
  body = body.replace(QUOTE, '');
  return body.includes('`') || /^\s*[-*+]/.test(body) ? withoutMarkdown(body) : body;
}

function withoutMarkdown(body: string): string {
  return body.replace(/^\s*[-*+] +/, '').replace(/^(?:`+|\*\*)|(?:`+|\*\*)\s*$/g, '');
}

/** Times and text of a line behind "<4>", "Nov 21 10:00:00 host kernel:", "[   12.549897]" and the like. */
export function messageOf(raw: string, quotedPrintable: boolean): Message {
  const body = bodyOf(raw, quotedPrintable);
  let text = body;
  let boot: number | null = null;
  let wall: number | null = null;
  for (let cut = text; ; text = cut) {
    const stamp = BOOT.exec(text);
    if (stamp !== null) {
      const seconds = stamp[1] ?? '';
      if (!seconds.startsWith('+')) boot ??= Number(seconds);
      cut = text.slice(stamp[0].length);
      continue;
    }
    const date = firstOf(WALL, text);
    if (date !== null) wall ??= wallOf(date[1] ?? '', date[2] ?? '');
    const found = date ?? firstOf(OTHERS, text);
    if (found === null) break;
    cut = text.slice(found[0].length);
  }
  return { boot, wall, stamped: text.length < body.length, text: text.trim() };
}

function firstOf(patterns: readonly RegExp[], text: string): RegExpExecArray | null {
  for (const pattern of patterns) {
    const found = pattern.exec(text);
    if (found !== null) return found;
  }
  return null;
}

/** Seconds of "2024-01-04" or "Jan  4" with a time of day; null for a month in another language. */
function wallOf(day: string, time: string): number | null {
  const milliseconds = Date.parse(`${day.includes('-') ? day : `${day} 2000`} ${time} UTC`);
  return Number.isNaN(milliseconds) ? null : milliseconds / 1000;
}

/** Two lines as one message; a mail program marks with "=" where it broke a word. */
export function glued(first: string, second: string): string {
  const head = first.trimEnd();
  if (head === '') return second.trimStart();
  return head.endsWith('=') ? head.slice(0, -1) + second : `${head} ${second.trimStart()}`;
}
