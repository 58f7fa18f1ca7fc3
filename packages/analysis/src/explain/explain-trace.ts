// Explains the failures of a replay, and proves remedies by replays with one thing changed.
//
// The cause of each failure is that of the model (docs/models/), which names the state that it saw; a leak is
// what the check of the trace finds (docs/check.md).

import { BUILT_IN, type Machine, type PolicyRegistry, replay } from '@dmalab/replay';
import type { Capture } from '@dmalab/trace';
import { checkCapture } from '../check/check.ts';
import type { Finding } from '../check/finding.ts';
import { formatBytes, formatCount } from '../quantity.ts';
import type { Cause } from './causes.ts';
import { type Change, changesFor, largerPools, poolOf, withoutGrowth } from './changes.ts';
import {
  type Evidence,
  type ExplainResult,
  type Explanation,
  ordered,
  type Proof,
} from './explanation.ts';
import { type FailureRow, failuresOf } from './failure-table.ts';
import { explanationOf } from './make-explanation.ts';

/** How a trace is explained. */
export interface ExplainOptions {
  /** Policies that the machine may name; the built-in ones where it is left out. */
  readonly registry?: PolicyRegistry;
  /** Called before each replay with what is tried. */
  readonly progress?: (change: string) => void;
}

/** Why maps of `capture` fail on `machine`. */
export function explainCapture(
  capture: Capture,
  machine: Machine,
  { registry = BUILT_IN, progress }: ExplainOptions = {},
): ExplainResult {
  const ran = new Map<string, FailureRow[]>();
  const run = ({ change, machine: changed }: Change): FailureRow[] => {
    const rows = ran.get(change);
    if (rows !== undefined) return rows;
    if (change !== '') progress?.(change);
    const made = failuresOf(changed, replay(changed, capture, null, registry));
    ran.set(change, made);
    return made;
  };
  const rows = run({ change: '', parameter: null, machine });
  const leaks = leaksOf(capture);
  const explanations = byCause(rows).map(([cause, of]) => {
    const proof = proofOf(cause, rows, changesFor(cause, machine, registry), run);
    return explainRows(cause, of, proof, capture, machine, leaks.length > 0);
  });
  return {
    schema: 'dmalab.explain/1',
    source: capture.report.source,
    input: 'trace',
    explanations: ordered([
      ...explanations,
      ...leaks,
      ...(rows.length === 0 ? unexplained(capture, machine, run) : []),
    ]),
    notes: notesOf(capture, rows),
  };
}

function byCause(rows: readonly FailureRow[]): [Cause, FailureRow[]][] {
  return [...Map.groupBy(rows, ({ cause }) => cause)];
}

function sum(rows: readonly FailureRow[], cause: Cause | null = null): number {
  return rows.reduce(
    (total, row) => total + (cause === null || row.cause === cause ? row.count : 0),
    0,
  );
}

function proofOf(
  cause: Cause,
  rows: readonly FailureRow[],
  changes: readonly Change[],
  run: (change: Change) => FailureRow[],
): Proof[] {
  const proof: Proof[] = [];
  const before = sum(rows, cause);
  const beforeAll = sum(rows);
  for (const changed of changes) {
    const { change, parameter } = changed;
    const made = run(changed);
    const afterAll = sum(made);
    proof.push({ change, parameter, before, after: sum(made, cause), beforeAll, afterAll });
    if (afterAll === 0) break;
  }
  return proof;
}

function explainRows(
  cause: Cause,
  rows: readonly FailureRow[],
  proof: readonly Proof[],
  capture: Capture,
  machine: Machine,
  leaking: boolean,
): Explanation {
  const { slots, areas } = poolOf(machine);
  const base = explanationOf(cause, {
    confidence: 'certain',
    device: namesOf(rows, capture),
    count: sum(rows),
    why: reasonOf(cause, rows),
    open: leaking && (cause === 'pool-full' || cause === 'fragmented') ? ['leak'] : [],
    openBecause: leaking ? 'mappings pile up in this trace, see there' : '',
    evidence: rows.flatMap(({ lines }) => lines.map((line) => evidence(capture, line))),
    numbers: { slots, areas: areas || machine.cpus },
  });
  return withProof(base, proof);
}

/** The first change that leaves no failure of the cause, and fewer in all. */
function enoughOf(proof: readonly Proof[]): Proof | undefined {
  return (
    proof.find(({ afterAll }) => afterAll === 0) ??
    proof.find(({ after, afterAll, beforeAll }) => after === 0 && afterAll < beforeAll)
  );
}

/** Causes that a larger pool seldom cures: where one does, nobody says that it does not. */
const NOT_BY_SIZE: readonly Cause[] = ['alignment', 'coherent-memory'];

/** The standard remedies, the first one replaced by what a replay showed to be enough. */
function withProof(base: Explanation, proof: readonly Proof[]): Explanation {
  const enough = enoughOf(proof);
  if (enough === undefined) return { ...base, proof };
  const { change, parameter } = enough;
  const larger = parameter?.startsWith('swiotlb=') ?? false;
  return {
    ...base,
    proof,
    helps: [{ text: `${change}, as a replay shows`, parameter }, ...base.helps.slice(1)],
    doesNotHelp: larger && NOT_BY_SIZE.includes(base.cause) ? [] : base.doesNotHelp,
  };
}

function namesOf(rows: readonly FailureRow[], capture: Capture): string {
  const names = rows.map(({ device }) => capture.facts.devices[device]?.name ?? `device ${device}`);
  return [...new Set(names)].join(', ');
}

function reasonOf(cause: Cause, rows: readonly FailureRow[]): string {
  const bytes = Math.max(...rows.map((row) => row.bytes));
  const asked = `the largest request has ${formatBytes(bytes)}`;
  const { used, total } = rows[0]!;
  const bounce: readonly Cause[] = [
    'pool-full',
    'area-full',
    'fragmented',
    'alignment',
    'too-large',
  ];
  if (!bounce.includes(cause) || total === 0) return asked;
  return `${asked}; ${formatCount(used)} of ${formatCount(total)} slots were in use at the first failure`;
}

function evidence({ report }: Capture, line: number): Evidence {
  return { where: `${report.source}:${line}`, text: 'a request that fails in the replay' };
}

function leaksOf(capture: Capture): Explanation[] {
  const { findings } = checkCapture(capture);
  const sure = findings.filter(
    ({ code, confidence }) => (code === 'LEAK' || code === 'GROWING') && confidence !== 'possible',
  );
  return sure.map((finding) => leak(finding));
}

function leak({ confidence, device, task, count, bytes, message, lines }: Finding): Explanation {
  return explanationOf('leak', {
    confidence,
    device: `${device}, ${task}`,
    count,
    why: `${message}; ${formatCount(count)} mappings of ${formatBytes(bytes)} together`,
    evidence: lines.map(({ where, role }) => ({ where, text: role })),
  });
}

/** Failures of the recording that the replay does not have. */
function unexplained(
  capture: Capture,
  machine: Machine,
  run: (change: Change) => FailureRow[],
): Explanation[] {
  const { failed } = capture.report.requests;
  if (failed === 0) return [];
  const growth = starvedGrowth(capture, machine, run);
  if (growth !== null) return [growth];
  return [
    explanationOf('not-enough-information', {
      confidence: 'certain',
      device: '',
      count: failed,
      why: `${formatCount(failed)} maps failed while recording, and none of them fails in the replay: the machine here has what the recorded one lacked, or is not known well enough (-m, --bounce, --host)`,
      evidence: [],
    }),
  ];
}

/** The pool is too small by itself, and growth serves all: what the recorded machine lacked is memory to grow. */
function starvedGrowth(
  { report }: Capture,
  machine: Machine,
  run: (change: Change) => FailureRow[],
): Explanation | null {
  if (machine.bounce.name !== 'dynamic') return null;
  const fixed = withoutGrowth(machine);
  const rows = run(fixed);
  if (rows.length === 0) return null;
  const { slots, areas } = poolOf(machine);
  const failed = report.requests.failed;
  const base = explanationOf('coherent-memory', {
    confidence: 'likely',
    device: '',
    count: failed,
    why: `${formatCount(failed)} maps failed while recording. In a replay the pool of ${formatCount(slots)} slots leaves ${formatCount(sum(rows))} maps without a slot, and with memory to grow none: the recorded machine found no contiguous memory for more pools`,
    evidence: [],
    numbers: { slots, areas: areas || machine.cpus },
  });
  const changes = largerPools(fixed.machine).map((change) => ({
    ...change,
    change: `${change.change} at boot, without growth`,
  }));
  const [first] = rows;
  return withProof(base, first === undefined ? [] : proofOf(first.cause, rows, changes, run));
}

function notesOf({ report }: Capture, rows: readonly FailureRow[]): string[] {
  const notes = [
    `${formatCount(report.requests.failed)} maps failed while recording, ${formatCount(sum(rows))} fail in the replay.`,
  ];
  if (report.lost > 0 || report.lostUnknown)
    notes.push('Events were lost: what they mapped or unmapped is not in the replay.');
  return notes;
}
