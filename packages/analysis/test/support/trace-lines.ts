// Writes small ftrace texts of allocator probes, one call per line.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

const IOVAD = '0xffff888000001008';
const HEADER = ['# tracer: nop', '#', '# entries-in-buffer/entries-written: 0/0   #P:4', '#'];

/** Where a line comes from: CPU, thread and the context character of the flags. */
export interface Place {
  readonly cpu: number;
  readonly tid: number;
  readonly context: string;
}

/** Task context of a CPU, in a thread of its own. */
export function task(cpu: number): Place {
  return { cpu, tid: 100 + cpu, context: '.' };
}

/** The hard interrupt of a CPU that interrupts its task. */
export function irq(cpu: number): Place {
  return { ...task(cpu), context: 'h' };
}

/** A trace under construction; methods return the number of the line that they wrote. */
export class TraceLines {
  readonly #lines: string[];
  #time = 1_000_000;

  /** A domain with 4 KiB pages is created first, unless `created` is false. */
  constructor(created: boolean = true, header: readonly string[] = HEADER) {
    this.#lines = [...header];
    if (created) this.domain();
  }

  domain(iovad: string = IOVAD): number {
    return this.event(
      task(0),
      `init_iova_domain: (init_iova_domain+0x4/0x90) iovad=${iovad} granule=0x1000 start_pfn=0x1`,
    );
  }

  destroy(iovad: string = IOVAD): number {
    return this.event(task(0), `put_iova_domain: (put_iova_domain+0x4/0x90) iovad=${iovad}`);
  }

  alloc(place: Place, size: number = 1, limit: number = 0xfffff): number {
    return this.event(
      place,
      `alloc_iova_fast: (alloc_iova_fast+0x4/0x2c0) iovad=${IOVAD} size=${size} limit_pfn=0x${limit.toString(16)} flush_rcache=0`,
    );
  }

  /** The return of the latest alloc of this place; pfn 0: it failed. */
  returns(place: Place, pfn: number): number {
    return this.event(
      place,
      `alloc_iova_fast_ret: (iommu_dma_alloc_iova+0xd4/0xe0 <- alloc_iova_fast) pfn=0x${pfn.toString(16)}`,
    );
  }

  /** An allocation with nothing in between. */
  allocated(place: Place, pfn: number, size: number = 1): number {
    this.alloc(place, size);
    return this.returns(place, pfn);
  }

  search(place: Place): number {
    return this.event(
      place,
      `alloc_iova: (alloc_iova+0x4/0x290) iovad=${IOVAD} size=1 limit_pfn=0xfffff size_aligned=1`,
    );
  }

  free(place: Place, pfn: number, size: number = 1): number {
    return this.event(
      place,
      `free_iova_fast: (free_iova_fast+0x4/0x140) iovad=${IOVAD} pfn=0x${pfn.toString(16)} size=${size}`,
    );
  }

  /** A free that is over before anything else happens. */
  freed(place: Place, pfn: number, size: number = 1): void {
    this.free(place, pfn, size);
    this.other(place);
  }

  /** An event that is no call of the allocator. */
  other(place: Place): number {
    return this.event(
      place,
      'unmap: IOMMU: iova=0x00000000fff7f000 - 0x00000000fff80000 size=4096 unmapped_size=4096',
    );
  }

  event({ cpu, tid, context }: Place, body: string): number {
    this.#time += 1;
    const seconds = (this.#time / 1e6).toFixed(6).padStart(12);
    const task = 'worker'.padStart(16);
    const prefix = `${task}-${String(tid).padEnd(7)} [${String(cpu).padStart(3, '0')}]`;
    return this.line(`${prefix} ..${context}1. ${seconds}: ${body}`);
  }

  /** Any line. */
  line(text: string): number {
    return this.#lines.push(text);
  }

  /** Writes the trace to a file of its own and returns the path. */
  save(): string {
    const folder = mkdtempSync(join(tmpdir(), 'dmalab-lines-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'trace.txt');
    writeFileSync(path, `${this.#lines.join('\n')}\n`);
    return path;
  }
}
