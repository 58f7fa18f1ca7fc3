// Explains "swiotlb buffer is full": by its numbers, or by how they go on.

import type { KernelLogLine, SwiotlbFull } from '@dmalab/trace';
import type { Cause } from './causes.ts';
import type { Explanation } from './explanation.ts';
import type { LogContext } from './log-context.ts';
import { deviceName, explanationOf } from './make-explanation.ts';
import { fits, poolState, slotsFor } from './slot-arithmetic.ts';

/** Slots that only become more, over so long and in so many messages, are no load that comes and goes. */
const LEAK_SECONDS = 60;
const LEAK_MESSAGES = 4;
/** A leak is possible, and cannot be told from load, where more than this share is in use. */
const MAY_LEAK = 0.75;
/** With less in use it is not load that the pool cannot bear. */
const IDLE = 0.01;

interface Group {
  readonly cause: Cause;
  readonly certain: boolean;
  readonly why: string;
  readonly lines: SwiotlbFull[];
  readonly follow: KernelLogLine[];
}

/** One explanation for each device and cause. */
export function explainPools(context: LogContext): Explanation[] {
  const messages = context.lines.filter((line) => line.kind === 'swiotlb-full');
  context.explained(messages);
  const leaking = leakOf(messages);
  const groups = new Map<string, Group>();
  for (const line of messages) {
    const state = stateOf(line, context);
    const key = `${state.cause} ${line.device}`;
    const group = groups.get(key) ?? { ...state, lines: [], follow: [] };
    groups.set(key, group);
    group.lines.push(line);
    group.follow.push(...context.consequences(line.device, line.size, line));
  }
  if (messages.some(({ total }) => total === 0) && context.missing !== null) {
    context.explained([context.missing]);
  }
  return [...groups.values()].map((group) => explain(group, context, leaking));
}

function stateOf(line: SwiotlbFull, context: LogContext): Pick<Group, 'cause' | 'certain' | 'why'> {
  const { size, total, used } = line;
  if (total === 0) return { cause: 'pool-missing', certain: true, why: noSlots(context) };
  if (total !== null && used !== null) return poolState(size, total, used, context.areas(total));
  if (!fits(size)) return poolState(size, 0, 0, null);
  const slots = context.bootSlots;
  const known = slots === null ? '' : ` (only that it has ${slots} slots)`;
  return {
    cause: 'not-enough-information',
    certain: true,
    why: `${size} bytes fit into a set of slots, and the line does not say how full the pool was${known}; kernels from 5.1 on do`,
  };
}

function noSlots({ missing }: LogContext): string {
  return missing === null
    ? 'the pool has no slots: the kernel made none, or gave it up at boot'
    : 'the pool has no slots: there was no memory for it at boot';
}

function explain(group: Group, context: LogContext, leaking: string | null): Explanation {
  const { lines, follow, certain } = group;
  const first = lines[0]!;
  const leak = leaking !== null && (group.cause === 'pool-full' || group.cause === 'fragmented');
  const cause = leak ? 'leak' : group.cause;
  const areas = context.areas(first.total);
  const open = leak ? [] : openCauses(group.cause, lines, areas);
  const boot = cause === 'pool-missing' && context.missing !== null ? [context.missing] : [];
  return explanationOf(cause, {
    confidence: leak || !certain ? 'likely' : 'certain',
    device: deviceName(first),
    count: lines.length,
    why: leak ? `${leaking}; ${group.why}` : group.why,
    open,
    openBecause: open.length === 0 ? '' : because(group.cause, open),
    evidence: [...lines.slice(0, 2), ...follow, ...boot, ...lines.slice(2)].map((line) =>
      context.evidence(line),
    ),
    numbers: {
      slots: first.total ?? context.bootSlots,
      areas,
      idle: (first.used ?? 0) < IDLE * (first.total ?? 0),
      givenUp: cause === 'pool-missing' && context.missing === null,
    },
  });
}

/**
 * How the numbers of all messages show a leak, or null where they do not. A pool that is always full shows none: it is
 * full whenever the kernel prints this.
 */
function leakOf(messages: readonly SwiotlbFull[]): string | null {
  const known = messages.filter(({ used, total }) => used !== null && total !== null && total > 0);
  const first = known[0];
  const last = known.at(-1);
  if (first === undefined || last === undefined || known.length < LEAK_MESSAGES) return null;
  const falls = known.some(({ used }, i) => i > 0 && used! < known[i - 1]!.used!);
  if (falls || last.used! < MAY_LEAK * last.total!) return null;
  const asked = known.reduce((most, { size }) => (fits(size) ? Math.max(most, size) : most), 0);
  if (last.used! - first.used! < slotsFor(asked)) return null;
  if (first.time === null || last.time === null) return null;
  const seconds = last.time - first.time;
  if (!(seconds >= LEAK_SECONDS)) return null;
  return `the slots in use only became more in ${Math.round(seconds)} s and ${known.length} messages (${first.used} to ${last.used})`;
}

function openCauses(cause: Cause, lines: readonly SwiotlbFull[], areas: number | null): Cause[] {
  if (cause === 'not-enough-information') return ['pool-full', 'fragmented', 'alignment', 'leak'];
  if (cause === 'too-large' || cause === 'alignment' || cause === 'pool-missing') return [];
  const open: Cause[] = [];
  if (cause === 'fragmented' && areas === null) open.push('area-full');
  if (cause === 'area-full') open.push('fragmented');
  const leaks = lines.some(({ used, total }) => (used ?? 0) >= MAY_LEAK * (total ?? 1));
  if (leaks) open.push('leak');
  return open;
}

function because(cause: Cause, open: readonly Cause[]): string {
  if (cause === 'not-enough-information') return 'any of them ends in this message';
  const reasons: string[] = [];
  if (open.includes('area-full')) reasons.push('the log does not tell the number of areas');
  if (open.includes('fragmented')) reasons.push('it does not tell how the free slots are spread');
  if (open.includes('leak')) {
    reasons.push(
      'the messages do not tell load from a leak (a leak stays after the load, and a larger pool only delays it)',
    );
  }
  return reasons.join('; ');
}
