// Checks that a document read from a file has the parts of a result, so that charts and reports need not.
//
// The shape is that of the result of an empty replay: every key must be there, with a value of the
// same kind or null; only what earlier versions did not write may be missing. Left out: keys of the
// elements of lists that are empty there, and what the numbers say.

import { PLAIN_MACHINE } from '@dmalab/replay';
import type { CaptureFacts, ReadReport } from '@dmalab/trace';
import type { RunResult } from './run-result.ts';
import { summarise } from './stats/outcome-stats.ts';

const report: ReadReport = {
  source: '',
  format: '',
  compression: 'none',
  bytes: 0,
  lines: 0,
  sha256: '',
  events: {},
  lost: 0,
  lostUnknown: false,
  lostByCpu: {},
  unparsed: 0,
  diagnostics: [],
  firstTime: 0,
  duration: 0,
  resolution: 0,
  requests: {
    map: 0,
    unmap: 0,
    alloc: 0,
    free: 0,
    sync: 0,
    failed: 0,
    openStart: 0,
    openEnd: 0,
  },
  pairing: {},
  calls: [],
  table: null,
};

const facts: CaptureFacts = {
  kernel: null,
  cpus: { value: 1, source: 'default' },
  hz: { value: 250, source: 'default' },
  forcedac: { value: false, source: 'default' },
  clock: null,
  devices: [],
  domains: [],
  bounce: null,
};

/** Keys that results of earlier versions do not have. */
const LATER = ['slices'];

let shape: RunResult | null = null;

/** Throws a RangeError, "file: what is wrong", where `value` lacks a piece of that part of a result. */
export function checkShape(file: string, part: keyof RunResult, value: unknown): void {
  shape ??= summarise({ report, facts, machine: PLAIN_MACHINE, version: '' }, []);
  check({ file, element: part === 'summary' ? {} : null }, '', value, shape[part]);
}

interface Document {
  readonly file: string;
  /** What the elements of a list are like that is empty in the shape: all lists of a summary hold objects. */
  readonly element: object | null;
}

function check(document: Document, path: string, value: unknown, like: unknown): void {
  const { file } = document;
  if (value === undefined) throw new RangeError(`${file}: ${path} is missing`);
  if (like === null || (value === null && typeof like !== 'object')) return;
  const kind = kindOf(like);
  if (kindOf(value) !== kind) {
    const got = (JSON.stringify(value) ?? '').slice(0, 40);
    throw new RangeError(`${file}: ${path}: got ${got}, expected ${kind}`);
  }
  if (Array.isArray(value)) {
    const element = (like as unknown[])[0] ?? document.element;
    if (element === null) return;
    if (typeof element !== 'object') {
      // Numbers, of which there are many.
      const wrong = value.findIndex((inner) => inner !== null && typeof inner !== typeof element);
      if (wrong >= 0) check(document, `${path}[${wrong}]`, value[wrong], element);
      return;
    }
    for (const [i, inner] of value.entries()) check(document, `${path}[${i}]`, inner, element);
  } else if (kind === 'an object') {
    for (const [key, inner] of Object.entries(like as object)) {
      const found = (value as Record<string, unknown>)[key];
      if (found === undefined && LATER.includes(key)) continue;
      check(document, path === '' ? key : `${path}.${key}`, found, inner);
    }
  }
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : `a ${typeof value}`;
}
