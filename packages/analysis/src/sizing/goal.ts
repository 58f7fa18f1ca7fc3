// What a parameter is sized for: goals as typed, and how far a replay meets them.

import type { FailureCause } from '../figures/requests.ts';
import type { Summary } from '../summary.ts';

/** A bound on one figure of a replay; it is met at or below the bound. */
export interface Goal {
  /** As typed, without blanks. */
  readonly text: string;
  readonly figure: GoalFigure;
  /** In the unit of the figure: a share, ns, or a number. */
  readonly bound: number;
}

/** Figures that can be bounded. */
export type GoalFigure = 'failures' | 'hiwater' | 'p99' | 'stale' | 'invalidations' | 'transients';

interface FigureRule {
  readonly summary: string;
  readonly example: string;
  /** Factors of the units that its bound may have. */
  readonly units: Readonly<Record<string, number>>;
}

const SHARE = { '%': 0.01, ppm: 1e-6 };
const TIME = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };
const FIGURES: Readonly<Record<GoalFigure, FigureRule>> = {
  failures: {
    summary: 'failed maps / maps',
    example: 'failures<=50ppm',
    units: SHARE,
  },
  hiwater: {
    summary: 'most in use / size, and no map fails for want of more',
    example: 'hiwater<=80%',
    units: SHARE,
  },
  p99: { summary: 'p99 of the modelled time of a map', example: 'p99<=20us', units: TIME },
  stale: { summary: 'p99 of the stale window', example: 'stale<=10ms', units: TIME },
  invalidations: {
    summary: 'IOTLB invalidations per 1000 unmaps',
    example: 'invalidations<=5',
    units: { '': 1 },
  },
  transients: {
    summary: 'buffers served from transient pools / bounced buffers',
    example: 'transients<=1%',
    units: SHARE,
  },
};

/** No map fails: `failures<=0`. */
export const NO_FAILURES: Goal = { text: 'no-failures', figure: 'failures', bound: 0 };

/** The goals that {@link parseGoal} takes, with examples, for help and errors. */
export const GOAL_HELP: string = `no-failures, ${Object.values(FIGURES)
  .map(({ example, summary }) => `${example} (${summary})`)
  .join(', ')}`;

/** Reads FIGURE<=NUMBER[UNIT]; a RangeError says what can be asked for. */
export function parseGoal(typed: string): Goal {
  const text = typed.replaceAll(/\s/g, '');
  if (text === NO_FAILURES.text) return NO_FAILURES;
  const [, name = '', number = '', unit = ''] =
    /^([\w-]+)<=?([\d.]+(?:e-?\d+)?)(.*)$/.exec(text) ?? [];
  if (!isFigure(name)) throw new RangeError(`got "${typed}", expected one of: ${GOAL_HELP}`);
  const rule = FIGURES[name];
  const factor = Object.hasOwn(rule.units, unit) ? rule.units[unit] : undefined;
  const value = Number(number);
  if (factor === undefined || !Number.isFinite(value)) {
    const units = Object.keys(rule.units).filter((word) => word !== '');
    const how = units.length === 0 ? 'a number' : `a number in ${units.join(', ')}`;
    throw new RangeError(`got "${typed}", expected ${name}<= and ${how}, as in ${rule.example}`);
  }
  return { text, figure: name, bound: Number((value * factor).toPrecision(12)) };
}

/** Failed maps / maps of a summary; 0 without maps. */
export function failureRate(summary: Summary): number {
  const maps = mapsOf(summary);
  return maps === 0 ? 0 : summary.failures.total / maps;
}

/** Maps that were asked for, served or not. */
export function mapsOf({ requests, failures }: Summary): number {
  return requests.mapped + requests.directMaps + failures.total;
}

/** Failures that no size cures. */
const INCURABLE: readonly string[] = ['tooLarge', 'unreachable', 'bounceOff', 'noPool'];

/** The value of a figure; Infinity where a goal of it cannot be met. `hiwater` is most in use / size of what is sized. */
export function figureOf(figure: GoalFigure, summary: Summary, hiwater: number | null): number {
  switch (figure) {
    case 'failures':
      return failureRate(summary);
    case 'hiwater':
      return hasCurableFailures(summary) ? Number.POSITIVE_INFINITY : (hiwater ?? 0);
    case 'p99':
      return summary.modelledLatency.map.p99 ?? 0;
    case 'stale':
      return summary.exposure.staleWindow.p99 ?? 0;
    case 'invalidations':
      return summary.flushes.invalidationsPerThousandUnmaps ?? 0;
    case 'transients': {
      const { buffers, transientBuffers } = summary.bounce ?? { buffers: 0, transientBuffers: 0 };
      return buffers === 0 ? 0 : transientBuffers / buffers;
    }
  }
}

function hasCurableFailures({ failures }: Summary): boolean {
  return curableFailures(failures.causes) > 0;
}

/** Failures that a larger size may cure. */
export function curableFailures(causes: readonly Pick<FailureCause, 'cause' | 'count'>[]): number {
  const curable = causes.filter(({ cause }) => !INCURABLE.includes(cause));
  return curable.reduce((sum, { count }) => sum + count, 0);
}

function isFigure(name: string): name is GoalFigure {
  return Object.hasOwn(FIGURES, name);
}
