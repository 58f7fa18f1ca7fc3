// Messages of a log, also those that a mail program or a narrow page broke into several lines.
//
// A message is joined with the lines behind it, which must begin without a time, where that tells more than the
// line alone and those lines are no message by themselves, or one that lacks its device.

import type { KernelLogLine } from '../kernel-log.ts';
import { glued, isQuotedPrintable, linesOf, type Message, messageOf } from './lines.ts';
import { readers } from './readers.ts';

/** Lines that a message goes on for at most. */
const MORE = 4;
/** A joined message is not longer. */
const MAX_JOINED = 600;
/** Of these a line has one at least that tells of DMA. */
const HINTS: readonly string[] = [
  ...['swiotlb buffer', 'swiotlb addr', 'swiotlb:', 'is full', 'slots)', 'SW-IOMMU', 'IO TLB'],
  ...[
    'SWIOTLB',
    'DMA mask',
    'device mask',
    'dma_mask',
    'bus limit',
    'bus mask',
    'DMA-API',
    'vmalloc memory',
  ],
  ...['sg segment', 'transfer buffer', 'setup packet', 'coherent', 'PCI-DMA', 'iommu_alloc'],
  ...[
    'iommu alloc',
    'iommu_dma_alloc',
    'iova alloc',
    'llocating',
    'page iova',
    'llocate iova',
    'llocate IOVA',
  ],
  ...['DMA addresses', 'iommu width', 'DMA PTE', 'Request device', 'IO_PAGE_FAULT', 'event: F_'],
  ...['event 0x1', ' fault', ' FAULT', 'cma_alloc', 'cma:', 'CMA memory', 'KiB', 'available pages'],
  ...['allocation failure', 'suitable pool', 'pool exhausted', 'of size', 'RLIMIT_MEMLOCK'],
  ...['DMA mappings', 'MAP_DMA', 'dma_map(', 'mapping,', 'remapping', 'Linux version', 'CPU: '],
  ...['ommand line:', 'callbacks suppressed', 'IOVA region', 'IommuDmaMap', 'Invalid SMMU'],
  ...['errs:0x', 'Fault '],
];

/** The source of a message and not one that was printed, as in a patch. */
const SOURCE =
  /\b(?:pr_\w{1,20}|printk\w{0,20}|panic|dev_\w{1,20}|WARN\w{0,10}|error_\w{1,20})\([^)]{0,80}"|\\n"|%(?:s|d|u|z[udx]|l{1,2}[dux]|L[dux]|pad?|#?x)\b/;

interface Found {
  readonly parsed: KernelLogLine;
  readonly lines: number;
}

/** The messages that tell of DMA, with the time of the clock that the log has. */
export function messagesOf(text: string): KernelLogLine[] {
  const log = new Log(text);
  const found: { parsed: KernelLogLine; message: Message }[] = [];
  for (let i = 0; i < log.length; ) {
    const at = log.at(i);
    if (at !== null) found.push({ parsed: at.parsed, message: log.message(i) });
    i += at?.lines ?? 1;
  }
  const boot = found.some(({ message }) => message.boot !== null);
  return found.map(({ parsed, message }) => ({
    ...parsed,
    time: boot ? message.boot : message.wall,
  }));
}

/** See the head of the file. */
class Log {
  readonly length: number;
  readonly #lines: readonly string[];
  readonly #quotedPrintable: boolean;
  /** For each line whether it has one of the words; there are far fewer such lines than lines. */
  readonly #hints: Uint8Array;

  constructor(text: string) {
    this.#lines = linesOf(text);
    this.length = this.#lines.length;
    this.#quotedPrintable = isQuotedPrintable(text);
    this.#hints = hintsOf(text, this.#lines);
  }

  message(i: number): Message {
    return messageOf(this.#lines[i] ?? '', this.#quotedPrintable);
  }

  /** The message that begins in line `i`; null where none does. */
  at(i: number): Found | null {
    if (this.#hints[i] === 0 && !this.#hints[i + 1]) return null;
    let text = this.message(i).text;
    if (text === '') return null;
    let best = this.#read(text, i, 1);
    let behind = '';
    for (let more = 1; more <= MORE && this.#continues(text, i + more); more++) {
      const next = this.message(i + more).text;
      text = glued(text, next);
      behind = glued(behind, next);
      if (text.length > MAX_JOINED) break;
      const whole = this.#read(text, i, more + 1);
      if (worth(whole) > worth(best) && !isWhole(this.#read(behind, i, more), whole)) best = whole;
    }
    return best;
  }

  #continues(text: string, i: number): boolean {
    const { stamped, text: next } = this.message(i);
    if (stamped) return text.endsWith('[') && next.startsWith('IO_PAGE_FAULT');
    return next !== '' && !next.startsWith('---');
  }

  #read(text: string, i: number, lines: number): Found | null {
    if (SOURCE.test(text)) return null;
    const at = { line: i + 1, last: i + lines, time: null };
    for (const read of readers) {
      const parsed = read(text, at);
      if (parsed !== null) return { parsed, lines };
    }
    return null;
  }
}

/** Searches the text once for each word, which is much faster than each line for all of them. */
function hintsOf(text: string, lines: readonly string[]): Uint8Array {
  const hints = new Uint8Array(lines.length);
  const ends = new Float64Array(lines.length);
  let end = 0;
  for (let i = 0; i < lines.length; i++) {
    end += lines[i]!.length;
    if (text.startsWith('\r\n', end)) end++;
    end++;
    ends[i] = end;
  }
  for (const word of HINTS) {
    for (let at = text.indexOf(word); at !== -1; ) {
      const line = lineAt(ends, at);
      hints[line] = 1;
      at = text.indexOf(word, ends[line]!);
    }
  }
  return hints;
}

/** The line of the character `at`, by the ends of all lines. */
function lineAt(ends: Float64Array, at: number): number {
  let low = 0;
  let high = ends.length - 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (ends[middle]! > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** True: `behind` is a message without `whole`, which only puts other words before it. */
function isWhole(behind: Found | null, whole: Found | null): boolean {
  if (behind === null) return false;
  return deviceOf(behind) !== '' || !/\d/.test(deviceOf(whole) ?? '');
}

/** Null for a message of a kind that has none. */
function deviceOf(found: Found | null): string | null {
  return found !== null && 'device' in found.parsed ? found.parsed.device : null;
}

/** How much a message tells. */
function worth(found: Found | null): number {
  if (found === null) return 0;
  const { parsed } = found;
  if (parsed.kind === 'dma-api') return parsed.broken ? 1 : 2;
  return Object.entries(parsed).filter(
    ([key, value]) => key !== 'driver' && value !== null && value !== '',
  ).length;
}
