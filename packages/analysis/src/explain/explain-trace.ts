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
import {
  type Attempt,
  attemptsFor,
  type Change,
  largerPools,
  poolOf,
  withoutGrowth,
} from './changes.ts';
import {
  type Evidence,
  type ExplainResult,
  type Explanation,
  ordered,
  type Proof,
} from './explanation.ts';
import { type FailureRow, failuresOf } from './failure-table.ts';
import { explanationOf } from './make-explanation.ts';
import { type Tried, withProofs } from './proofs.ts';

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
  const run = ({ change, machine: changed, unlimited = false }: Change): FailureRow[] => {
    const rows = ran.get(change);
    if (rows !== undefined) return rows;
    if (change !== '') progress?.(change);
    const requests = unlimited ? withoutLimits(capture) : capture;
    const made = failuresOf(changed, replay(changed, requests, null, registry));
    ran.set(change, made);
    return made;
  };
  const rows = run({ change: '', parameter: null, machine });
  const leaks = leaksOf(capture);
  const explanations = byCause(rows).map(([cause, of]) => {
    const tried = triedOf(cause, rows, attemptsFor(cause, machine, registry), run);
    return explainRows(cause, of, tried, capture, machine, leaks.length > 0);
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

/** `capture` as from devices that reach every address. */
function withoutLimits(capture: Capture): Capture {
  const { facts, report, tasks, lists } = capture;
  return {
    facts,
    report,
    tasks,
    lists,
    openStart: () => capture.openStart(),
    *requests() {
      for (const batch of capture.requests()) {
        yield { ...batch, dmaLimit: new Float64Array(batch.dmaLimit.length) };
      }
    },
    close: () => capture.close(),
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

function triedOf(
  cause: Cause,
  rows: readonly FailureRow[],
  attempts: readonly Attempt[],
  run: (change: Change) => FailureRow[],
): Tried[] {
  return attempts.map(({ changes, of, index }) => ({
    of,
    index,
    proof: proofOf(cause, rows, changes, run),
  }));
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

/** What a leak ends in, whatever room there is. */
const FILLS: readonly Cause[] = [
  'pool-full',
  'fragmented',
  'area-full',
  'iova-32bit',
  'iova-space',
  'host-entries',
  'host-pinned',
];

function explainRows(
  cause: Cause,
  rows: readonly FailureRow[],
  tried: readonly Tried[],
  capture: Capture,
  machine: Machine,
  leaking: boolean,
): Explanation {
  const { slots, areas } = poolOf(machine);
  const filling = leaking && FILLS.includes(cause);
  const base = explanationOf(cause, {
    confidence: 'certain',
    device: namesOf(rows, capture),
    count: sum(rows),
    why: reasonOf(cause, rows),
    open: filling ? ['leak'] : [],
    openBecause: filling
      ? 'mappings pile up in this trace, so that more room lasts longer and fills too'
      : '',
    evidence: rows.flatMap(({ lines }) => lines.map((line) => evidence(capture, line))),
    numbers: { slots: machine.bounce.name === 'restricted' ? null : slots, areas },
  });
  return withProofs(base, tried);
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

function leak(finding: Finding): Explanation {
  const { confidence, device, task, count, bytes, address, reason, lines } = finding;
  const many = `${formatCount(count)} mapping${count === 1 ? '' : 's'} of ${formatBytes(bytes)} together`;
  const made = explanationOf('leak', {
    confidence,
    device: `${device}, ${task}`,
    count,
    why: `${many}, the first at ${address}: ${reason.replace(/\.$/, '')}`,
    evidence: lines.map(({ where, role }) => ({ where, text: role })),
  });
  const [, ...helps] = made.helps;
  const missing = {
    text: 'the unmap that is missing: dmalab check lists what was mapped and not unmapped',
    parameter: null,
  };
  return { ...made, helps: [missing, ...helps] };
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
    numbers: { slots, areas },
  });
  const changes = largerPools(fixed.machine).map((change) => ({
    ...change,
    change: `${change.change} at boot, without growth`,
  }));
  const [first] = rows;
  if (first === undefined) return base;
  const grown = { ...base, doesNotHelp: ['growth: the pool grows already, and found no memory'] };
  return withProofs(grown, [
    { of: 'helps', index: 0, proof: proofOf(first.cause, rows, changes, run) },
  ]);
}

function notesOf({ report }: Capture, rows: readonly FailureRow[]): string[] {
  const notes = [
    `${formatCount(report.requests.failed)} maps failed while recording, ${formatCount(sum(rows))} fail in the replay.`,
  ];
  if (report.lost > 0 || report.lostUnknown)
    notes.push('Events were lost: what they mapped or unmapped is not in the replay.');
  return notes;
}
