// What a report is about: its title, the traces and the warnings of its runs without repetitions.

import type { LabelledResult } from '../charts/chart.ts';
import type { TraceFacts, Warning } from '../summary.ts';

/** Names the trace, or how many there are. */
export function reportTitle(results: readonly LabelledResult[]): string {
  const traces = distinctTraces(results);
  const runs = results.length > 1 ? `${results.length} replays of ` : 'Replay of ';
  return `${runs}${traces.length > 1 ? `${traces.length} traces` : traces[0]!.source}`;
}

/** The traces, told apart by hash and name. */
export function distinctTraces(results: readonly LabelledResult[]): TraceFacts[] {
  const traces = new Map<string, TraceFacts>();
  for (const { trace } of results.map(({ result }) => result.summary)) {
    traces.set(`${trace.sha256} ${trace.source}`, trace);
  }
  return [...traces.values()];
}

/** Each warning once, with the runs that have it. */
export function distinctWarnings(
  results: readonly LabelledResult[],
): { warning: Warning; runs: string }[] {
  const found = new Map<string, { warning: Warning; labels: string[] }>();
  for (const { label, result } of results) {
    for (const warning of result.summary.warnings) {
      const key = `${warning.code} ${warning.text}`;
      const known = found.get(key);
      if (known) known.labels.push(label);
      else found.set(key, { warning, labels: [label] });
    }
  }
  return [...found.values()].map(({ warning, labels }) => ({
    warning,
    runs: labels.length === results.length ? 'all runs' : labels.join(', '),
  }));
}
