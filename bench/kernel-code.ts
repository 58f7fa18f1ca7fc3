// The kernel's own code as programs of this machine, to be compared with the models and timed beside them.
//
// Debian has the source of its kernels as packages (linux-source-6.1, linux-source-6.12: /usr/src/linux-source-*.tar.xz). The
// few files that are needed are taken out of them, cut to the functions in question and compiled with gcc -O2 between the
// programs of bench/kernel. Nothing of the kernel (GPL-2.0) is a part of this project, and the programs stay in a
// temporary folder.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The families of streams, and the program that replays one. */
export const FAMILIES = ['iova', 'fq', 'swiotlb'] as const;
export type Family = (typeof FAMILIES)[number];

/** What a program is told of the domain, in its order, by the names of native.json. */
const WORDS: Readonly<Record<Family, readonly string[]>> = {
  iova: [],
  fq: ['cpus', 'hz', 'fq'],
  swiotlb: ['cpus', 'nslabs', 'areas'],
};

/** A kernel whose source can be had as a package. */
interface Source {
  readonly kernel: string;
  /** For the preprocessor: major and minor as one number. */
  readonly number: number;
  readonly archive: string;
}

const SOURCES: readonly Source[] = [
  { kernel: '6.1', number: 601, archive: '/usr/src/linux-source-6.1.tar.xz' },
  { kernel: '6.12', number: 612, archive: '/usr/src/linux-source-6.12.tar.xz' },
];

/** From the first line to before the second. */
type Part = readonly [from: RegExp, until: RegExp];

/** What is taken of a file; the whole of it where there are no parts. */
const FILES: Readonly<Record<string, readonly Part[]>> = {
  'include/linux/rbtree.h': [],
  'include/linux/rbtree_augmented.h': [],
  'include/linux/rbtree_types.h': [],
  'include/linux/iova.h': [],
  'include/linux/swiotlb.h': [],
  'lib/rbtree.c': [],
  'drivers/iommu/iova.c': [],
  'drivers/iommu/dma-iommu.c': [
    [/^enum iommu_dma_cookie_type/m, /^static DEFINE_STATIC_KEY/m],
    [/^#define IOVA_(DEFAULT_)?FQ_SIZE/m, /^static inline size_t cookie_msi_granule/m],
    [/^static dma_addr_t iommu_dma_alloc_iova/m, /^static void __iommu_dma_free_pages/m],
  ],
  'kernel/dma/swiotlb.c': [
    [/^#define INVALID_PHYS_ADDR/m, /^(#ifdef CONFIG_SWIOTLB_DYNAMIC|struct io_tlb_mem io_tlb)/m],
    [/^struct io_tlb_area/m, /^\/\*\n \* Round up number of slabs/m],
    [/^static inline unsigned long io_tlb_offset/m, /^\/\*\n \* (Remap|Early SWIOTLB)/m],
    [
      /^static void swiotlb_init_io_tlb_(mem|pool)/m,
      /^(static void __init \*swiotlb_memblock|\/\*\*\n \* add_mem_pool)/m,
    ],
    [/^static unsigned int swiotlb_align_offset/m, /^\/\*\n \* Bounce: copy/m],
    [/^static inline phys_addr_t slot_addr/m, /^void (__)?swiotlb_sync_single_for_device/m],
  ],
};

const here = fileURLToPath(new URL('kernel', import.meta.url));

/** Programs of the kernels that this machine has the source of; `close` deletes them. */
export interface KernelCode {
  readonly kernels: readonly string[];
  /** What is missing, and how to have it; empty where nothing is. */
  readonly missing: string;
  /** Path of a program. */
  program(kernel: string, family: Family): string;
  close(): void;
}

/** The words after the number of rounds; a RangeError where the domain lacks one. */
export function programWords(
  family: Family,
  domain: Readonly<Record<string, number | string>>,
): string[] {
  return WORDS[family].map((name) => {
    const word = domain[name];
    if (word === undefined) throw new RangeError(`a domain of family ${family} needs ${name}`);
    return String(word);
  });
}

/** Compiles the code of every kernel whose source is there; some seconds for each. */
export function compileKernelCode(): KernelCode {
  const folder = mkdtempSync(join(tmpdir(), 'dmalab-kernel-'));
  const hasTools = ['gcc', 'tar', 'xz'].every(works);
  const found = hasTools ? SOURCES.filter(({ archive }) => existsSync(archive)) : [];
  const close = (): void => rmSync(folder, { recursive: true });
  try {
    for (const source of found) compile(source, join(folder, source.kernel));
  } catch (error) {
    close();
    throw error;
  }
  const absent = SOURCES.filter((source) => !found.includes(source));
  const packages = absent.map(({ kernel }) => `linux-source-${kernel}`);
  return {
    kernels: found.map(({ kernel }) => kernel),
    missing: absent.length === 0 ? '' : `apt install gcc xz-utils ${packages.join(' ')}`,
    program: (kernel, family) => join(folder, kernel, family),
    close,
  };
}

function works(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function compile({ kernel, number, archive }: Source, folder: string): void {
  mkdirSync(folder);
  const top = `linux-source-${kernel}`;
  const members = Object.keys(FILES).map((file) => `${top}/${file}`);
  execFileSync('tar', ['-xJf', archive, '-C', folder, '--strip-components=1', ...members]);
  for (const [file, parts] of Object.entries(FILES)) cut(join(folder, file), parts);
  stubHeaders(folder);
  for (const family of FAMILIES) {
    const words = ['-O2', '-w', `-DKERNEL=${number}`, '-include', join(here, 'kernel.h')];
    const folders = [`-I${here}`, `-I${folder}`, `-I${join(folder, 'include')}`];
    const output = ['-o', join(folder, family), join(here, `${family}.c`)];
    execFileSync('gcc', [...words, ...folders, ...output]);
  }
}

function cut(path: string, parts: readonly Part[]): void {
  if (parts.length === 0) return;
  const text = readFileSync(path, 'utf8');
  const pieces = parts.map(([from, until]) => {
    const start = text.search(from);
    const length = text.slice(start).search(until);
    if (start < 0 || length < 0) throw new Error(`${path}: no ${start < 0 ? from : until}`);
    return text.slice(start, start + length);
  });
  writeFileSync(path, pieces.join('\n'));
}

/** Every header that is included and was not taken is empty: kernel.h has what is needed of it. */
function stubHeaders(folder: string): void {
  for (const file of Object.keys(FILES)) {
    const text = readFileSync(join(folder, file), 'utf8');
    for (const [, header] of text.matchAll(/^#include <(.+)>/gm)) {
      const path = join(folder, 'include', header!);
      if (existsSync(path)) continue;
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, '');
    }
  }
}
