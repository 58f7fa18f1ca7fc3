// The text that a bpftrace script printed, out of the objects of `bpftrace -f json`.
//
// bpftrace glues several lines into one printf object or splits a line over several, so their texts are put
// together before they are cut into lines. Lost events come in objects of their own. All other types
// (attached_probes, map, hist, stats, time, ...) are passed over.

import type { EventSink } from '../event-sink.ts';

const MAX_LINE = 1 << 20;

interface Output {
  readonly type?: unknown;
  readonly data?: unknown;
}

/** The printed text; losses become lines "Lost N events", as bpftrace prints them in its text mode. */
export async function* bpftraceText(
  chunks: AsyncIterable<Uint8Array>,
  sink: EventSink,
): AsyncGenerator<Uint8Array, void, undefined> {
  const decoder = new TextDecoder();
  const losses: string[] = [];
  let rest = '';
  let isOpen = false;
  const printed = (line: string): string => {
    const text = textOf(line, sink, losses);
    if (text !== '') isOpen = !text.endsWith('\n');
    if (isOpen || losses.length === 0) return text;
    return text + losses.splice(0).join('');
  };
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE) {
      sink.diagnose('LINE_TOO_LONG', `a line over ${MAX_LINE} bytes is skipped`);
      rest = '';
    }
    const text = lines.map(printed).join('');
    if (text !== '') yield Buffer.from(text);
  }
  const last = printed(rest) + losses.join('');
  if (last !== '') yield Buffer.from(last);
}

function textOf(line: string, sink: EventSink, losses: string[]): string {
  if (line.trim() === '') return '';
  let output: Output | null;
  try {
    output = JSON.parse(line) as Output | null;
  } catch {
    sink.unparsed('JSON_LINE', 'lines that are no JSON object are left out');
    return '';
  }
  const { type, data } = output ?? {};
  if (type === 'printf' && typeof data === 'string') return data;
  if (type === 'lost_events') losses.push(`Lost ${lostOf(data)} events\n`);
  return '';
}

function lostOf(data: unknown): number {
  if (typeof data !== 'object' || data === null) return 0;
  const { events, count } = data as { events?: unknown; count?: unknown };
  const lost = Number(events ?? count ?? 0);
  return Number.isSafeInteger(lost) && lost > 0 ? lost : 0;
}
