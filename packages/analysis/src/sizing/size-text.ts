// A sizing as text for people, at most 72 columns wide where names allow.

import { bootPoolSize, coCoSlots, DEFAULT_SLOTS, SLOT_BYTES } from '@dmalab/replay';
import { mailLines } from '../mail-lines.ts';
import { formatBytes, formatCount, formatShare } from '../quantity.ts';
import { printable } from '../report/escape.ts';
import { counted, figureText, isOfFailures, nameOf, shortfall } from './shortfall.ts';
import type { SizeResult } from './size-result.ts';

const BAR = 20;
const LABEL = 15;

/** The answer, what it rests on, and the curve. */
export function sizeText(result: SizeResult): string {
  const { parameter, policy, direction, goals, traces } = result;
  const question = `${direction} ${parameter}${policy === null ? '' : ` (${policy})`} with ${goals.join(' and ')}`;
  const head = [printable(traces.join(', ')), question]
    .flatMap((text) => mailLines(text))
    .join('\n');
  const lines = [
    ...answerLines(result),
    ...belowLines(result),
    ...readingLines(result),
    ...defaultLines(result),
    ...confidentialLines(result),
  ].flatMap(([label, text]) => labelled(label, text));
  const curve = curveText(result);
  const replays = `\n${result.replays} replays of each trace\n`;
  const warnings = result.warnings
    .flatMap((text) => mailLines(printable(`warning: ${text}`)))
    .map((line) => `${line}\n`)
    .join('');
  return `${head}\n\n${lines.join('')}\n${curve}${replays}${warnings}`;
}

/** "  label  text", the text in as many lines as it takes. */
function labelled(label: string, text: string): string[] {
  const indent = ' '.repeat(LABEL + 3);
  return mailLines(`${indent}${text}`).map((line, i) => {
    const rest = `${indent}${line.trimStart()}`;
    return `${i === 0 ? `  ${label.padEnd(LABEL)} ${rest.trimStart()}`.trimEnd() : rest}\n`;
  });
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
            `${formatShare(headroom.share)}, most in use ${counted(headroom.peak, unit)}`,
          ] as const,
        ]),
  ];
}

function belowLines({ answer, below, curve, unit, direction, untried }: SizeResult): Line[] {
  if (answer === null || below === null) return [];
  const label = direction === 'smallest' ? 'one step less' : 'one step more';
  const point = curve.find(({ value }) => value === below.value);
  const gap = untried === 0 ? '' : ` (${formatCount(untried)} between were not tried)`;
  return [
    [
      label,
      `${counted(below.value, unit)}${gap}: ${direction === 'smallest' ? 'not enough' : 'too much'}`,
    ],
    ['', point === undefined ? 'the goals are not met' : shortfall(point)],
  ];
}

function readingLines({ otherReading, recordedFailures, unit }: SizeResult): Line[] {
  if (otherReading === null) return [];
  const { answer, kernelParameter } = otherReading;
  const set = kernelParameter === null ? '' : `, ${kernelParameter}`;
  const text = answer === null ? 'none' : `${counted(answer, unit)}${set}`;
  return [
    ['this reading', MEANING[recordedFailures]],
    ['other reading', text],
    ['', MEANING[otherReading.recordedFailures]],
  ];
}

const MEANING = {
  hold: 'what failed while recording lives as long as others',
  drop: 'what failed while recording is left out',
} as const;

function defaultLines({ defaults, answer, unit }: SizeResult): Line[] {
  return defaults.flatMap((point, i) => {
    const { rule, value, passes } = point;
    const times = answer === null ? '' : `, ${ratio(value / answer)}`;
    return [
      [i === 0 ? 'kernel default' : '', rule],
      ['', `${counted(value, unit)}${times}: ${passes ? 'meets the goals' : shortfall(point)}`],
    ] as const;
  });
}

/** Where the memory of the guest is not stated: from what memory on its 6 % are the answer. */
function confidentialLines({ parameter, policy, answer, defaults }: SizeResult): Line[] {
  if (parameter !== 'bounce.slots' || policy === 'restricted' || answer === null) return [];
  if (defaults.some(({ rule }) => rule.includes('6 %'))) return [];
  return [
    ['', '6 % of memory (SEV, TDX), from 64 MiB to 1 GiB'],
    ['', `as much as the answer ${guestsWith(answer)}; see --memory`],
  ];
}

/** Half the slots and a little more are rounded up to the answer. */
function guestsWith(slots: number): string {
  if (slots <= DEFAULT_SLOTS) return 'in guests of any size';
  if (slots > bootPoolSize(coCoSlots(Number.MAX_SAFE_INTEGER / 8), 1, 1).slots)
    return 'in no guest';
  return `in guests of more than ${formatBytes((slots * SLOT_BYTES * 100) / 6 / 2)}`;
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
  const goals = curve[0]!.figures.filter(isShown).map(({ goal }) => nameOf(goal));
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
  return !isOfFailures(goal);
}

function amount(value: number, unit: string, bytes: number | null): string {
  const size = bytes === null ? '' : ` = ${formatBytes(bytes)}`;
  return `${counted(value, unit)}${size}`;
}

function ratio(times: number): string {
  return times === 1 ? 'the answer itself' : `${multiple(times)} the answer`;
}

function multiple(times: number): string {
  return times > 0.5 ? `${Number(times.toPrecision(3))} times` : `1/${formatCount(1 / times)} of`;
}
