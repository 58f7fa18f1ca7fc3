// A parsed log with what its other lines tell of the machine, and which lines are explained already.

import type { KernelLogLine, MaskOverflow } from '@dmalab/trace';
import type { Evidence } from './explanation.ts';

const SLOT = 2048;
/** Bounce pools have areas from this kernel on. */
const AREAS_SINCE = [6, 0] as const;

/** See the head of the file. */
export class LogContext {
  readonly lines: readonly KernelLogLine[];
  readonly #text: readonly string[];
  readonly #source: string;
  readonly #explained = new Set<KernelLogLine>();

  constructor(lines: readonly KernelLogLine[], text: string, source: string) {
    this.lines = lines;
    this.#text = text.split(/\r\n|\r|\n/);
    this.#source = source;
  }

  evidence({ line }: KernelLogLine): Evidence {
    return { where: `${this.#source}:${line}`, text: (this.#text[line - 1] ?? '').trim() };
  }

  /** Areas of the pool: as the boot says, 1 for a kernel without areas, null where neither is known. */
  areas(): number | null {
    for (const line of this.lines) {
      if (line.kind === 'swiotlb-pool' && line.areas !== null) return line.areas;
    }
    const [major, minor] = AREAS_SINCE;
    for (const line of this.lines) {
      if (line.kind !== 'kernel-release') continue;
      const [a = 0, b = 0] = line.release.split(/[.-]/).map(Number);
      if (a < major || (a === major && b < minor)) return 1;
    }
    return null;
  }

  /** Slots of the pool as the boot says, null where it does not. */
  bootSlots(): number | null {
    for (const line of this.lines) {
      if (line.kind === 'swiotlb-pool' && line.bytes !== null) return Math.floor(line.bytes / SLOT);
    }
    return null;
  }

  /** Marks what follows from a full pool as explained, and gives it. */
  consequences(device: string, size: number): KernelLogLine[] {
    const found = this.lines.filter(
      (line) =>
        !this.#explained.has(line) &&
        ((line.kind === 'swiotlb-refused' &&
          line.size === size &&
          (line.device === device || line.device === '')) ||
          (line.kind === 'coherent-failed' && line.source === 'swiotlb' && line.bytes === size) ||
          (line.kind === 'mask-overflow' && !line.bounced && isOf(line, device, size))),
    );
    this.explained(found);
    return found;
  }

  explained(lines: readonly KernelLogLine[]): void {
    for (const line of lines) this.#explained.add(line);
  }

  unexplained(): KernelLogLine[] {
    return this.lines.filter((line) => !this.#explained.has(line));
  }

  /** Messages that the kernel did not print, and the time when low addresses ran out. */
  notes(): string[] {
    const notes: string[] = [];
    for (const line of this.lines) {
      if (line.kind === 'suppressed') {
        notes.push(
          `${line.count} messages of ${line.function} were not printed (line ${line.line}): counts are lower bounds.`,
        );
      } else if (line.kind === 'wide-addresses') {
        notes.push(
          `${line.device} went over to ${line.bits}-bit addresses (line ${line.line}): those below 4 GiB ran out once, which fails nothing.`,
        );
      } else if (line.kind === 'swiotlb-pool' && line.growthFailed) {
        notes.push(
          `A dynamic pool could not grow (line ${line.line}): no contiguous memory was left.`,
        );
      }
    }
    return notes;
  }
}

// A list of segments tells the size of one, or of all that is left.
function isOf(line: MaskOverflow, device: string, size: number): boolean {
  return line.device === device && line.size >= size;
}
