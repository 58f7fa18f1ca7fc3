// A comparison for people: as plain text of at most 72 columns for a mail, and as Markdown for a pull request.

import { FIGURES } from '../comparison.ts';
import { costSensitivityText } from '../cost-sensitivity.ts';
import { mailLines } from '../mail-lines.ts';
import { mailTable } from '../mail-table.ts';
import { formatBytes, formatCount, formatDuration, threeDigits } from '../quantity.ts';
import { escapeMarkdown, printable } from '../report/escape.ts';
import {
  type ComparedFigure,
  type CompareResult,
  ENOUGH_TRACES,
  type FigureChange,
} from './compare.ts';
import type { Divergence, FirstDivergence, OutcomeState } from './divergence.ts';

/** Plain text; names longer than the lines are broken. */
export function compareText(result: CompareResult): string {
  const lines = (texts: readonly string[]): string[] =>
    texts.flatMap((text) => (text === '' ? [''] : mailLines(printable(text), true)));
  const parted = partings(result);
  const parts = [
    ...lines(heading(result)),
    '',
    ...result.runs.slice(1).flatMap((_, i) => plainTable(result, i)),
    ...lines(parted.length === 0 ? footnotes(result) : [...parted, '', ...footnotes(result)]),
  ];
  return `${parts.join('\n')}\n`;
}

/** The same as Markdown. */
export function compareMarkdown(result: CompareResult): string {
  const tables = result.runs.slice(1).flatMap((_, i) => {
    const [head, ...rows] = tableRows(result, i);
    const rule = head!.map((_, at) => (at === 0 ? '---' : '---:'));
    return [
      ...[head!, rule, ...rows].map((row) => `| ${row.map(escapeMarkdown).join(' | ')} |`),
      '',
    ];
  });
  const notes = [...partings(result), ...footnotes(result)].filter((line) => line !== '');
  const list = notes.map((line) => `* ${escapeMarkdown(line.trim())}`);
  return `${[...heading(result).map(escapeMarkdown), '', ...tables, ...list].join('\n')}\n`;
}

function heading({ traces, runs, warnings }: CompareResult): string[] {
  const [only] = traces;
  const what = traces.length === 1 ? only!.name : `${traces.length} traces`;
  return [
    `${what}: ${runs.join(' against ')}`,
    ...warnings.flatMap((text) => ['', `warning: ${text}`]),
  ];
}

function plainTable(result: CompareResult, at: number): string[] {
  const rows = tableRows(result, at).map((row) => row.map(printable));
  return rows.length === 1 ? [] : [...mailTable(rows), ''];
}

/** A head, and a row for each figure that changes. */
function tableRows(result: CompareResult, at: number): string[][] {
  const { runs, traces } = result;
  const changed = result.figures.filter(({ changes }) => changes[at]!.verdict !== 'equal');
  const names = [runs[0]!, runs[at + 1]!];
  if (traces.length === 1) {
    const rows = changed.map((figure) => {
      const cells = [0, at + 1].map((run) => written(figure, figure.values[0]![run] ?? null));
      return [figure.figure, ...cells, changeText(figure.changes[at]!)];
    });
    return [['', ...names, 'change'], ...rows];
  }
  const rows = changed.map((figure) => {
    const change = figure.changes[at]!;
    const { low, high } = change.difference ?? {};
    const interval =
      low === undefined || high === undefined
        ? '-'
        : `${signed(figure, low)} .. ${signed(figure, high)}`;
    return [figure.figure, changeText(change), interval, VERDICTS[change.verdict]];
  });
  return [['', `${names[1]} / ${names[0]}`, '95 % of the difference', ''], ...rows];
}

const VERDICTS: Readonly<Record<FigureChange['verdict'], string>> = {
  equal: 'equal',
  differs: 'differs',
  tooFew: 'few',
  higher: 'higher',
  lower: 'lower',
  noSignificantDifference: 'n.s.',
  missing: 'only one',
};

function changeText({ ratio }: FigureChange): string {
  if (ratio === null) return '-';
  const percent = 100 * (ratio - 1);
  if (ratio >= 10 || (ratio > 0 && ratio <= 0.1)) {
    return ratio >= 10 ? `x ${threeDigits(ratio)}` : `/ ${threeDigits(1 / ratio)}`;
  }
  return `${percent > 0 ? '+' : ''}${threeDigits(percent)} %`.replace(/^-?0 %$/, '<0.1 %');
}

function written({ figure }: ComparedFigure, value: number | null): string {
  const format = FIGURES.find(({ name }) => name === figure)?.format;
  return value === null || format === undefined ? '-' : format(value);
}

/** How differences are written by unit; those of shares in points of a hundred. */
const DIFFERENCES: Readonly<Record<string, (size: number) => string>> = {
  ns: formatDuration,
  bytes: formatBytes,
  'byte seconds': (size) => `${formatBytes(size)} s`,
  share: (size) => `${threeDigits(100 * size)} pp`,
};

function signed(figure: ComparedFigure, value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  const text = DIFFERENCES[figure.unit]?.(size) ?? threeDigits(size);
  return `${value < 0 ? '-' : '+'}${text}`;
}

/** Where the runs part, trace by trace. */
function partings({ traces, runs }: CompareResult): string[] {
  return traces.flatMap(({ name, requests, divergences }) => {
    if (divergences === null) return [];
    return divergences.flatMap((divergence) => {
      const who = traces.length === 1 ? divergence.run : `${name}, ${divergence.run}`;
      if (divergence.first === null) {
        return [`${who}: all ${formatCount(requests ?? 0)} requests end as with ${runs[0]}`];
      }
      if (traces.length > 1) return [partedText(who, requests ?? 0, divergence)];
      return [
        partedText(who, requests ?? 0, divergence),
        ...firstLines(runs[0]!, divergence.run, divergence.first),
      ];
    });
  });
}

function partedText(who: string, requests: number, divergence: Divergence): string {
  const { byOutcome, byAddress, byFailure, byBounce, differing, first } = divergence;
  const kinds = [
    [byOutcome, 'served or failed'],
    [byAddress, 'address'],
    [byFailure, 'cause of failure'],
    [byBounce, 'bounce slots'],
  ] as const;
  const by = kinds
    .filter(([count]) => count > 0)
    .map(([count, name]) => `${formatCount(count)} ${name}`);
  return `${who}: ${formatCount(differing)} of ${formatCount(requests)} requests end differently (${by.join(', ')}), the first in line ${first!.line}`;
}

function firstLines(base: string, other: string, first: FirstDivergence): string[] {
  const { request, line, time, device, cpu, bytes } = first;
  return [
    `first difference: request ${formatCount(request)}, line ${line}, at ${formatDuration(time)}, ${device || 'unknown device'}, CPU ${cpu}, ${formatBytes(bytes)}`,
    `  ${base}: ${stateText(first.base)}`,
    `  ${other}: ${stateText(first.other)}`,
  ];
}

function stateText(state: OutcomeState): string {
  const { outcome, address, stage, cause, bouncePage, bounceSlots } = state;
  const what = [
    `${outcome}${address === null ? '' : ` at ${address}`}${stage === null ? '' : ` (${stage}: ${cause})`}`,
    ...(bouncePage === null
      ? []
      : [`${outcome === 'failed' ? 'gave back ' : ''}${bounceSlots} slots from ${bouncePage}`]),
    `${formatCount(state.liveMappings)} live`,
    `${formatCount(state.queuedEntries)} queued`,
    `${formatCount(state.cachedPages)} pages cached`,
    ...(state.bounceTotal === 0
      ? []
      : [`${formatCount(state.bounceUsed)} of ${formatCount(state.bounceTotal)} slots in use`]),
    ...(state.hostEntries === 0 ? [] : [`${formatCount(state.hostEntries)} host entries`]),
  ];
  return what.join(', ');
}

function footnotes({ figures, traces, ranking, waitingRanking }: CompareResult): string[] {
  const equal = figures.filter(({ changes }) =>
    changes.every(({ verdict }) => verdict === 'equal'),
  );
  const verdicts = figures.flatMap(({ changes }) => changes.map(({ verdict }) => verdict));
  const count = traces.length;
  return [
    equal.length === figures.length
      ? 'no difference in any figure'
      : `${equal.length} of ${figures.length} figures are equal`,
    ...(count > 1
      ? [
          `ratio of means, and difference for each trace; 95 % bootstrap interval over ${count} traces`,
        ]
      : []),
    ...(verdicts.includes('noSignificantDifference') ? ['n.s.: no significant difference'] : []),
    ...(verdicts.includes('tooFew')
      ? [`few: fewer than ${ENOUGH_TRACES} traces, too few for a verdict`]
      : []),
    ...(equal.length < figures.length ? [costSensitivityText(ranking)] : []),
    ...(waitingRanking === null
      ? []
      : [costSensitivityText(waitingRanking, 'modelled time with waiting')]),
  ];
}
