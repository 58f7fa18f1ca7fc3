// Policies of the user against the rules of their kind, and what broke.

import { checkPolicyRules, type PolicyReport } from '@dmalab/analysis';
import { formatNumber, print, printJson, progress, progressDone } from '../output.ts';
import { loadPolicies } from '../policy-file.ts';

/** Checks every policy of `files` and prints the reports; exit code 1 if a rule was broken. */
export async function checkPolicyFiles(files: readonly string[], json: boolean): Promise<void> {
  const reports: PolicyReport[] = [];
  for (const file of files) {
    for (const policy of await loadPolicies(file)) {
      progress(`${policy.kind} ${policy.name}`);
      reports.push(checkPolicyRules(policy));
    }
  }
  progressDone();
  if (json) printJson({ schema: 'dmalab.policy-rules/1', policies: reports });
  else print(reports.map(policyLines).join('\n'));
  if (reports.some(({ failure }) => failure !== null)) process.exitCode = 1;
}

function policyLines({ kind, name, runs, operations, failure }: PolicyReport): string {
  const what = `${kind} ${name}: ${formatNumber(runs)} streams, ${formatNumber(operations)} operations`;
  if (failure === null) return `ok    ${what}, every rule held`;
  const { rule, message, seed, parameters } = failure;
  const given = Object.entries(parameters).map(([key, value]) => `${key}=${value}`);
  return [
    `WRONG ${what}`,
    `      rule "${rule}": ${message}`,
    `      seed ${seed}${given.length === 0 ? '' : `, ${given.join(', ')}`}; the shortest operations that show it:`,
    ...failure.operations.map((operation) => `        ${operation}`),
  ].join('\n');
}
