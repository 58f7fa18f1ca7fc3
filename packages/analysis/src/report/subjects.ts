// What a report is about: its title, the traces and the warnings of its runs without repetitions.

import type { LabelledResult } from '../charts/chart.ts';
import type { TraceFacts, Warning } from '../summary.ts';

/** More runs than these are counted, not named. */
const MOST_LABELS = 6;

/** Names the trace, or how many there are. */
export function reportTitle(results: readonly LabelledResult[]): string {
  const traces = distinctTraces(results);
  const runs = results.length > 1 ? `${results.length} replays of ` : 'Replay of ';
  return `${runs}${traces.length > 1 ? `${traces.length} traces` : traces[0]!.name}`;
}

/** Results of one trace. */
export interface TraceGroup {
  readonly name: string;
  readonly results: readonly LabelledResult[];
}

/** The results by trace, in the order in which the traces come. */
export function groupByTrace(results: readonly LabelledResult[]): TraceGroup[] {
  const groups = new Map<string, { name: string; results: LabelledResult[] }>();
  for (const labelled of results) {
    const { sha256, name } = labelled.result.summary.trace;
    const key = `${sha256} ${name}`;
    const known = groups.get(key);
    if (known) known.results.push(labelled);
    else groups.set(key, { name, results: [labelled] });
  }
  return [...groups.values()];
}

/** The traces, told apart by hash and name. */
export function distinctTraces(results: readonly LabelledResult[]): TraceFacts[] {
  const traces = new Map<string, TraceFacts>();
  for (const { trace } of results.map(({ result }) => result.summary)) {
    traces.set(`${trace.sha256} ${trace.name}`, trace);
  }
  return [...traces.values()];
}

/** Each warning once, with the runs that have it. */
export function distinctWarnings(
  results: readonly LabelledResult[],
): { warning: Warning; runs: string }[] {
  const found = new Map<string, { warning: Warning; labels: string[] }>();
  const several = distinctTraces(results).length > 1;
  for (const { label, result } of results) {
    for (const warning of result.summary.warnings) {
      const key = `${warning.code} ${warning.text}`;
      const known = found.get(key);
      const name = several ? `${result.summary.trace.name} ${label}` : label;
      if (known) known.labels.push(name);
      else found.set(key, { warning, labels: [name] });
    }
  }
  return [...found.values()].map(({ warning, labels }) => ({
    warning,
    runs: runsText(labels, results.length),
  }));
}

function runsText(labels: readonly string[], all: number): string {
  if (labels.length === all) return 'all runs';
  return labels.length > MOST_LABELS ? `${labels.length} of ${all} runs` : labels.join(', ');
}
