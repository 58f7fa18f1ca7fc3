// Names for runs that are shown together: what tells them apart, and nothing more.

import type { PolicyChoice } from '@dmalab/replay';
import type { LabelledResult } from './charts/chart.ts';
import type { RunResult } from './run-result.ts';
import type { Summary } from './summary.ts';

/** Gives each result a name of its own: trace, kernel, allocator, flush policy and parameters, as far as they differ. */
export function labelResults(results: readonly RunResult[]): LabelledResult[] {
  const parts = results.map(({ summary }) => labelParts(summary));
  const differing = parts[0]?.map((_, at) => new Set(parts.map((part) => part[at])).size > 1) ?? [];
  const labels = parts.map((part) => part.filter((_, at) => differing[at]).join(', '));
  const plain = labels.map((label, i) => label || flushName(results[i]!.summary));
  return results.map((result, i) => {
    const same = plain.slice(0, i).filter((label) => label === plain[i]).length;
    return { label: same > 0 ? `${plain[i]} (${same + 1})` : plain[i]!, result };
  });
}

function labelParts(summary: Summary): string[] {
  const { trace, machine } = summary;
  return [
    trace.source.replace(/\.(txt|dat|zst|gz)/g, ''),
    `Linux ${machine.kernel}`,
    machine.allocator.name,
    parametersOf(machine.allocator, ['kernel']),
    flushName(summary),
    machine.flush ? parametersOf(machine.flush, []) : '',
    `${machine.cpus} CPUs`,
    `failures ${machine.recordedFailures}`,
  ];
}

function flushName({ machine }: Summary): string {
  return machine.flush?.name ?? 'as recorded';
}

function parametersOf({ parameters }: PolicyChoice, leftOut: readonly string[]): string {
  return Object.entries(parameters)
    .filter(([name]) => !leftOut.includes(name))
    .map(([name, value]) => `${name} ${value}`)
    .join(' ');
}
