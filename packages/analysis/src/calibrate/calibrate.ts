// Fits the cost model to measured durations of kernel functions, and says how well on calls left out.
//
// What each function is taken to do is said in docs/models/calibration.md. Half of the calls, chosen by
// the seed, are fitted; the error is that of the other half. Searching the tree and inserting into it
// always come together, so their sum is fitted and shared out as the defaults are.

import { COSTS, type CostModel, DEFAULT_COST } from '@dmalab/replay';
import { type MeasuredCalls, TreePart } from '@dmalab/trace';
import { longCallsFrom } from './duration-classes.ts';
import { fitNonNegative, medianRelativeError, type Observations } from './regression.ts';

/** Columns of the fit. */
const TERMS = [
  'rcache',
  'tree',
  'invalidateRange',
  'invalidateAll',
  'bounceSearch',
  'copyByte',
] as const;
type Term = (typeof TERMS)[number];

/** What a function does, where it is one thing. */
const WHOLE: Readonly<Record<string, Term>> = {
  alloc_iova: 'tree',
  free_iova_fast: 'rcache',
  fq_flush_iotlb: 'invalidateAll',
  intel_flush_iotlb_all: 'invalidateAll',
  cache_tag_flush_all: 'invalidateAll',
  intel_iommu_tlb_sync: 'invalidateRange',
  cache_tag_flush_range: 'invalidateRange',
  iommu_iotlb_sync: 'invalidateRange',
  swiotlb_tbl_map_single: 'bounceSearch',
};

/** One cost after the fit. */
export interface CalibratedCost {
  readonly name: keyof CostModel;
  readonly unit: 'ns';
  readonly default: number;
  /** null: the capture has nothing for it, the default stays. */
  readonly fitted: number | null;
  /** Calls that were fitted, and calls left out. */
  readonly calls: number;
  readonly heldOut: number;
  /** Median of |predicted - measured| / measured over the calls left out; null without any. */
  readonly error: number | null;
  /** The functions it rests on, or why the default stays. */
  readonly basis: string;
}

/** What a fit gave. */
export interface Calibration {
  readonly schema: 'dmalab.calibrate/1';
  readonly seed: number;
  readonly calls: number;
  readonly heldOut: number;
  /** Over all calls left out; null without any. */
  readonly error: number | null;
  readonly costs: readonly CalibratedCost[];
  /** What to know about the fit. */
  readonly notes: readonly string[];
}

interface Part {
  readonly counts: number[];
  readonly measured: number[];
}

/** Fits costs to `calls` (`report.calls` of a capture); costs without calls keep their default. */
export function calibrate(calls: readonly MeasuredCalls[], seed = 1): Calibration {
  const fit: Part = { counts: [], measured: [] };
  const held: Part = { counts: [], measured: [] };
  const sources = new Map<Term, Set<string>>(TERMS.map((term) => [term, new Set()]));
  const notes = new Set<string>();
  for (const measured of calls) {
    const chosen = chooser(seed);
    const parts = Array.from(measured.ns, () => (chosen() ? fit : held));
    const termOf = termsOf(
      measured,
      parts.map((part) => part === fit),
      notes,
    );
    measured.ns.forEach((ns, i) => {
      const term = termOf(i);
      if (term === null || ns <= 0) return;
      const bytes = term === 'bounceSearch' ? measured.size[i]! : 0;
      add(parts[i]!, term, bytes, ns);
      sources.get(term)!.add(`${measured.function} (${measured.source})`);
      if (bytes > 0) sources.get('copyByte')!.add(`${measured.function} (${measured.source})`);
    });
  }
  const fitted = fitNonNegative(observations(fit));
  if (fit.measured.length > 0) notes.add('durations hold the time that tracing itself took');
  const all = observations(held);
  return {
    schema: 'dmalab.calibrate/1',
    seed,
    calls: fit.measured.length,
    heldOut: held.measured.length,
    error: medianRelativeError(all, fitted),
    costs: COSTS.map(({ name }) => costOf(name, fitted, fit, held, sources)),
    notes: [...notes],
  };
}

/** The fitted costs alone, as a machine file takes them under `cost`. */
export function calibratedCosts({ costs }: Calibration): Partial<CostModel> {
  return Object.fromEntries(
    costs.flatMap(({ name, fitted }) =>
      fitted === null ? [] : [[name, Number(fitted.toPrecision(4))]],
    ),
  );
}

/** By index of a call: what it did, null where that is not known. */
function termsOf(
  { function: name, ns, tree, size }: MeasuredCalls,
  isFitted: readonly boolean[],
  notes: Set<string>,
): (i: number) => Term | null {
  if (name !== 'alloc_iova_fast') {
    const term = WHOLE[name] ?? null;
    // What was refused was not copied.
    return (i) => (term === 'bounceSearch' && size[i] === 0 ? null : term);
  }
  if (tree.some((part) => part !== TreePart.unknown)) {
    return (i) =>
      tree[i] === TreePart.searched ? 'tree' : tree[i] === TreePart.none ? 'rcache' : null;
  }
  const border = longCallsFrom(Array.from(ns).filter((_, i) => isFitted[i]));
  if (border === null) {
    notes.add('alloc_iova_fast: all calls are alike, taken as hits of the cache');
    return () => 'rcache';
  }
  notes.add(
    `alloc_iova_fast: whether a call searched the tree was not recorded; calls of ${Math.round(border)} ns and more are taken as searches, also those left out, so that their error is a lower bound`,
  );
  return (i) => (ns[i]! >= border ? 'tree' : 'rcache');
}

function costOf(
  name: keyof CostModel,
  fitted: Float64Array,
  fit: Part,
  held: Part,
  sources: ReadonlyMap<Term, ReadonlySet<string>>,
): CalibratedCost {
  const isTree = name === 'treeSearch' || name === 'treeUpdate';
  const term = isTree ? 'tree' : TERMS.find((known) => known === name);
  const column = term === undefined ? -1 : TERMS.indexOf(term);
  const value = column < 0 ? Number.NaN : fitted[column]!;
  const base = { name, unit: 'ns', default: DEFAULT_COST[name] } as const;
  if (term === undefined || Number.isNaN(value)) {
    const basis = 'nothing in the capture tells it: the default stays';
    return { ...base, fitted: null, calls: 0, heldOut: 0, error: null, basis };
  }
  const share = isTree
    ? DEFAULT_COST[name] / (DEFAULT_COST.treeSearch + DEFAULT_COST.treeUpdate)
    : 1;
  const rest = withTerm(held, column);
  const both = isTree ? '; search and update together, shared out as the defaults are' : '';
  return {
    ...base,
    fitted: value * share,
    calls: withTerm(fit, column).measured.length,
    heldOut: rest.measured.length,
    error: medianRelativeError(observations(rest), fitted),
    basis: `${[...sources.get(term)!].join(', ')}${both}`,
  };
}

function withTerm({ counts, measured }: Part, column: number): Part {
  const part: Part = { counts: [], measured: [] };
  measured.forEach((ns, i) => {
    if (counts[i * TERMS.length + column] === 0) return;
    part.counts.push(...counts.slice(i * TERMS.length, (i + 1) * TERMS.length));
    part.measured.push(ns);
  });
  return part;
}

function add(part: Part, term: Term, bytes: number, ns: number): void {
  for (const known of TERMS)
    part.counts.push(known === term ? 1 : known === 'copyByte' ? bytes : 0);
  part.measured.push(ns);
}

function observations({ counts, measured }: Part): Observations {
  return { width: TERMS.length, counts, measured };
}

/** Half of the calls by chance: the same half for the same seed. */
function chooser(seed: number): () => boolean {
  let state = Math.imul(seed ^ 0x5bd1_e995, 0x9e37_79b1) | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state & 0x10000) !== 0;
  };
}
