// Names for runs that are shown together: what tells them apart, and nothing more.

import type { PolicyChoice } from '@dmalab/replay';
import type { LabelledResult } from './charts/chart.ts';
import type { RunResult } from './run-result.ts';

/** Gives each result a name of its own: trace, kernel, policies and parameters, as far as they differ. */
export function labelResults(results: readonly RunResult[]): LabelledResult[] {
  const summaries = results.map(({ summary }) => summary);
  const allocators = policyNames(summaries.map(({ machine }) => machine.allocator));
  const flushes = policyNames(summaries.map(({ machine }) => machine.flush));
  const parts = summaries.map(({ trace, machine }, i) => [
    trace.name.replace(/\.(txt|dat|zst|gz)\b/g, ''),
    `Linux ${machine.kernel}`,
    allocators[i]!,
    flushes[i]!,
    `${machine.cpus} CPUs`,
    `HZ ${machine.hz}`,
    `recorded failures: ${machine.recordedFailures}`,
  ]);
  const differs = parts[0]?.map((_, at) => new Set(parts.map((part) => part[at])).size > 1) ?? [];
  const labels = parts.map(
    (part, i) => part.filter((_, at) => differs[at]).join(', ') || flushes[i]!,
  );
  return results.map((result, i) => {
    const before = labels.slice(0, i).filter((label) => label === labels[i]).length;
    return { label: before > 0 ? `${labels[i]} (${before + 1})` : labels[i]!, result };
  });
}

/** The policy of each run, with the parameters in which runs of the same policy differ. */
function policyNames(choices: readonly (PolicyChoice | null)[]): string[] {
  return choices.map((choice) => {
    if (choice === null) return 'as recorded';
    const others = choices.flatMap((other) => (other?.name === choice.name ? [other] : []));
    const told = Object.entries(choice.parameters)
      .filter(([name, value]) => others.some(({ parameters }) => parameters[name] !== value))
      .map(([name, value]) => `${name} ${value}`);
    return [choice.name, ...told].join(' ');
  });
}
