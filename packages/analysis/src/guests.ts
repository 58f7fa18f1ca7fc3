// The result of guests that were replayed together on one host.

import type { GuestOutcomes, SharedPinBudget } from '@dmalab/replay';
import type { LabelledResult } from './charts/chart.ts';
import { comparisonText } from './comparison.ts';
import { formatCount } from './quantity.ts';
import { printable } from './report/escape.ts';
import { hasHost } from './stats/hosts.ts';
import { OutcomeStats, type RunContext } from './stats/outcome-stats.ts';
import type { Summary } from './summary.ts';

/** One guest of a host: its name, where its trace began, and what it ran on. */
export interface GuestContext {
  readonly name: string;
  /** ns of virtual time. */
  readonly offset: number;
  readonly context: RunContext;
}

/** What becomes of guests that share a host; `summary.time` and times of a guest are virtual times of the host. */
export interface GuestsSummary {
  readonly schema: 'dmalab.guests/1';
  readonly host: {
    /** Pages that all guests together may pin; null without a limit. */
    readonly pageLimit: number | null;
    /** Most pages pinned by all guests at once. */
    readonly peakPinnedPages: number;
  };
  readonly guests: readonly {
    readonly name: string;
    /** ns at which its trace began. */
    readonly offset: number;
    readonly summary: Summary;
  }[];
  /** Tries to map that failed in `guest` while `by` held pages that it had unmapped already. */
  readonly blocked: readonly {
    readonly guest: string;
    readonly by: string;
    readonly maps: number;
  }[];
}

/** The results of all guests, each under its name, and the document of the whole. */
export function summariseGuests(
  guests: readonly GuestContext[],
  budget: SharedPinBudget,
  outcomes: Iterable<GuestOutcomes>,
): { results: LabelledResult[]; summary: GuestsSummary } {
  const stats = guests.map(({ context }) => new OutcomeStats(context));
  for (const { guest, batch } of outcomes) stats[guest]?.accumulate(batch);
  const results = guests.map(({ name }, i) => ({ label: name, result: stats[i]!.result() }));
  const summary: GuestsSummary = {
    schema: 'dmalab.guests/1',
    host: {
      pageLimit: Number.isFinite(budget.limit) ? budget.limit : null,
      peakPinnedPages: budget.peak,
    },
    guests: guests.map(({ name, offset }, i) => ({
      name,
      offset,
      summary: results[i]!.result.summary,
    })),
    blocked: blockings(guests, budget),
  };
  return { results, summary };
}

/** Plain text: the guests side by side, then the host, then who blocked whom. */
export function guestsText(results: readonly LabelledResult[], summary: GuestsSummary): string {
  const { pageLimit, peakPinnedPages } = summary.host;
  const limit = pageLimit === null ? 'no limit' : `of ${formatCount(pageLimit)}`;
  const lines = summary.blocked.map(
    ({ guest, by, maps }) =>
      `${printable(guest)}: ${formatCount(maps)} maps failed while ${printable(by)} held pages that it had unmapped`,
  );
  const host = `pinned pages of all guests, peak: ${formatCount(peakPinnedPages)} (${limit})`;
  return `${comparisonText(results)}\n${[host, ...lines].join('\n')}\n`;
}

// Guests without a host of their own do not draw on the budget, and have no number in it.
function blockings(
  guests: readonly GuestContext[],
  budget: SharedPinBudget,
): GuestsSummary['blocked'] {
  const drawing = guests.filter(({ context }) => hasHost(context.machine));
  return drawing.flatMap(({ name: guest }, g) =>
    drawing.flatMap(({ name: by }, h) => {
      const maps = budget.blockedBy(g, h);
      return maps > 0 ? [{ guest, by, maps }] : [];
    }),
  );
}
