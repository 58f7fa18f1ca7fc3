// A sizing as text for people, at most 72 columns wide where names allow.

import { formatBytes, formatCount, formatShare } from '../quantity.ts';
import { printable } from '../report/escape.ts';
import type { SizePoint, SizeResult } from './size-result.ts';

const BAR = 20;
const LABEL = 15;

/** The answer, what it rests on, and the curve. */
export function sizeText(result: SizeResult): string {
  const { parameter, policy, direction, goals, traces } = result;
  const head = `${printable(traces.join(', '))}\n${direction} ${parameter}${policy === null ? '' : ` (${policy})`} with ${goals.join(' and ')}`;
  const lines = [
    ...answerLines(result),
    ...belowLines(result),
    ...readingLines(result),
    ...defaultLines(result),
  ].map(([label, text]) => `  ${label.padEnd(LABEL)} ${text}\n`);
  const curve = curveText(result);
  const replays = `\n${result.replays} replays of each trace\n`;
  const warnings = result.warnings.map((text) => `warning: ${text}\n`).join('');
  return `${head}\n\n${lines.join('')}\n${curve}${replays}${warnings}`;
}

type Line = readonly [label: string, text: string];

function answerLines(result: SizeResult): Line[] {
  const { answer, bytes, unit, kernelParameter, setting, headroom } = result;
  if (answer === null) return [['answer', 'none']];
  return [
    ['answer', amount(answer, unit, bytes)],
    ...(kernelParameter === null ? [] : [['set it with', kernelParameter] as const]),
    [kernelParameter === null ? 'set it' : '', setting ?? ''],
    ...(headroom === null
      ? []
      : [
          [
            'head-room',
            `${formatShare(headroom.share)}, most in use ${formatCount(headroom.peak)} ${unit}`,
          ] as const,
        ]),
  ];
}

function belowLines({ below, curve, unit, direction, untried }: SizeResult): Line[] {
  if (below === null) return [];
  const label = direction === 'smallest' ? 'one step less' : 'one step more';
  const point = curve.find(({ value }) => value === below.value);
  const gap = untried === 0 ? '' : ` (${formatCount(untried)} between were not tried)`;
  return [
    [label, `${formatCount(below.value)} ${unit}${gap}: not enough`],
    ['', shortfall(point)],
  ];
}

function readingLines({ otherReading, recordedFailures, unit }: SizeResult): Line[] {
  if (otherReading === null) return [];
  const { answer, kernelParameter } = otherReading;
  const set = kernelParameter === null ? '' : `, ${kernelParameter}`;
  const text = answer === null ? 'none' : `${formatCount(answer)} ${unit}${set}`;
  return [
    ['this reading', MEANING[recordedFailures]],
    ['other reading', text],
    ['', MEANING[otherReading.recordedFailures]],
  ];
}

const MEANING = {
  hold: 'maps that failed while recording live as long as others',
  drop: 'maps that failed while recording are left out',
} as const;

function defaultLines({ defaults, answer }: SizeResult): Line[] {
  return defaults.flatMap((point, i) => {
    const { rule, value, passes } = point;
    const times = answer === null ? '' : `, ${ratio(value / answer)} the answer`;
    return [
      [i === 0 ? 'kernel default' : '', rule],
      ['', `${formatCount(value)} slots${times}: ${passes ? 'meets the goals' : shortfall(point)}`],
    ] as const;
  });
}

function curveText({ curve, unit, answer }: SizeResult): string {
  const highest = Math.max(...curve.map(({ failureRate }) => failureRate));
  const rows = curve.map(({ value, bytes, failureRate, failed, passes, figures }) => [
    value === answer ? '>' : '',
    formatCount(value),
    bytes === null ? '' : formatBytes(bytes),
    passes ? 'meets' : 'fails',
    formatCount(failed),
    ...figures.filter(isShown).map(({ goal, value: figure }) => figureText(goal, figure)),
    failureRate === 0 ? '' : `${bar(failureRate / highest)} ${formatShare(failureRate)}`,
  ]);
  const goals = curve[0]!.figures.filter(isShown).map(({ goal }) => goal.split('<')[0] ?? goal);
  const head = ['', unit, '', 'goals', 'failed', ...goals, highest === 0 ? '' : 'failure rate'];
  const all = [head, ...rows];
  const widths = head.map((_, at) => Math.max(...all.map((row) => row[at]!.length)));
  return all.map((row) => curveLine(row, widths)).join('');
}

function curveLine(row: readonly string[], widths: readonly number[]): string {
  const last = row.length - 1;
  const cells = row.map((text, at) => (at === last ? text : text.padStart(widths[at]!)));
  return `${`  ${cells.join('  ')}`.trimEnd()}\n`;
}

function bar(share: number): string {
  return '#'.repeat(Math.max(1, Math.round(share * BAR)));
}

/** The failure rate has its own column. */
function isShown({ goal }: { readonly goal: string }): boolean {
  return !/^(?:no-)?failures/.test(goal);
}

function figureText(goal: string, value: number | null): string {
  if (value === null) return '-';
  if (/^(?:p99|stale)/.test(goal)) return `${Number((value / 1000).toPrecision(3))} us`;
  if (goal.startsWith('invalidations')) return String(Number(value.toPrecision(3)));
  return formatShare(value);
}

function shortfall(point: SizePoint | undefined): string {
  if (point === undefined) return 'the goals are not met';
  const { failed, maps, causes, figures } = point;
  if (failed > 0) {
    const why = causes.map(({ cause, count }) => `${formatCount(count)} ${cause}`).join(', ');
    return `${formatCount(failed)} of ${formatCount(maps)} maps fail (${why})`;
  }
  return figures.map(({ goal, value }) => `${goal} is ${figureText(goal, value)}`).join(', ');
}

function amount(value: number, unit: string, bytes: number | null): string {
  const size = bytes === null ? '' : ` = ${formatBytes(bytes)}`;
  return `${formatCount(value)} ${unit}${size}`;
}

function ratio(times: number): string {
  return times >= 1 ? `${Number(times.toPrecision(3))} times` : `1/${Math.round(1 / times)} of`;
}
