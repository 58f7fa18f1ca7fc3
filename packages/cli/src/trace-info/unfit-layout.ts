// Texts whose layout lacks the times, the fields or the values of the events, and how to print them anew.

import type { ReadReport } from '@dmalab/trace';

const UNFIT = /^(?:NO_TIME|NO_FIELDS|REPORT_SUMMARY|RAW_TEXT_UNSUPPORTED)$/;

/** Why no request could be made of the events of a layout; null for other layouts. */
export function unfitLayout({
  requests,
  diagnostics,
}: ReadReport): ReadReport['diagnostics'][0] | null {
  if (requests.map + requests.alloc + requests.openStart > 0) return null;
  return diagnostics.find(({ code }) => UNFIT.test(code)) ?? null;
}

/** Commands that print what was recorded in a layout that has all. */
export function printAgain(format: string): string[] {
  if (format === 'perf script') return ['perf script --show-lost-events --ns > trace.txt'];
  if (format === 'trace-cmd report') return ['trace-cmd report > trace.txt'];
  if (!/^(?:ftrace|function)/.test(format)) return [];
  return [
    'cd /sys/kernel/tracing',
    'for o in raw hex bin; do echo no$o > trace_options; done',
    'echo context-info > trace_options',
    'cat trace > trace.txt',
  ];
}
