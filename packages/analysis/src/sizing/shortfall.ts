// What is wrong with a value that does not meet the goals, in words.

import {
  formatCount,
  formatDuration,
  formatModelled,
  formatShare,
  threeDigits,
} from '../quantity.ts';
import type { SizePoint } from './size-result.ts';

/** e.g. "64 of 3,890 maps fail (64 poolFull), stale is 15.8 ms": goals that are met are left out. */
export function shortfall({ figures, failed, maps, causes }: SizePoint): string {
  const isFailing = figures.some(
    ({ goal, value, isMet }) => !isMet && (value === null || isOfFailures(goal)),
  );
  const why = causes.map(({ cause, count }) => `${formatCount(count)} ${cause}`).join(', ');
  return [
    ...(isFailing ? [`${formatCount(failed)} of ${formatCount(maps)} maps fail (${why})`] : []),
    ...figures
      .filter(({ goal, value, isMet }) => !isMet && value !== null && !isOfFailures(goal))
      .map(({ goal, value }) => sentence(nameOf(goal), figureText(goal, value))),
  ].join(', ');
}

function sentence(name: string, text: string): string {
  if (name === 'invalidations') return `1000 unmaps take ${text} invalidations`;
  if (name === 'transients') return `${text} of the buffers are in transient pools`;
  return `${name} is ${text}`;
}

const SINGULAR: Readonly<Record<string, string>> = {
  slots: 'slot',
  areas: 'area',
  entries: 'entry',
  pages: 'page',
};

/** e.g. "1 entry", "4,096 slots". */
export function counted(value: number, unit: string): string {
  return `${formatCount(value)} ${value === 1 ? (SINGULAR[unit] ?? unit) : unit}`;
}

/** A figure in its unit; times of maps are modelled. */
export function figureText(goal: string, value: number | null): string {
  if (value === null) return '-';
  if (goal.startsWith('p99')) return formatModelled(value);
  if (goal.startsWith('stale')) return formatDuration(value);
  return goal.startsWith('invalidations') ? threeDigits(value) : formatShare(value);
}

/** The figure of a goal as typed: "stale" of "stale<=15ms". */
export function nameOf(goal: string): string {
  return /^[\w-]+/.exec(goal)?.[0] ?? goal;
}

/** True for goals of the failure rate. */
export function isOfFailures(goal: string): boolean {
  return /^(?:no-)?failures/.test(goal);
}
