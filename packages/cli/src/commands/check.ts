// dmalab check: leaks, double unmaps and other faults of drivers, from a recorded trace.

import { type CheckResult, checkCapture, checkText } from '@dmalab/analysis';
import { readCapture } from '@dmalab/trace';
import type { Argv, CommandModule } from 'yargs';
import { print, printJson, progress, progressDone } from '../output.ts';
import { readingMeter } from '../progress-meter.ts';
import { traceFiles } from '../trace-files.ts';

interface CheckArguments {
  files: string[];
  json: boolean;
}

export const check: CommandModule<object, CheckArguments> = {
  command: 'check <files..>',
  describe: 'Look for faults of drivers: leaks, double maps and unmaps, wrong sizes and directions',
  builder: (y: Argv) =>
    traceFiles(y)
      .option('json', { describe: 'One JSON document', type: 'boolean', default: false })
      .example('$0 check trace.txt.zst', 'exit code 1 if a fault is certain or likely')
      .epilogue(
        'What a lost event or the edge of the trace could explain is only possible, and does not fail the check.',
      ) as Argv<CheckArguments>,
  handler: runCheck,
};

async function runCheck({ files, json }: CheckArguments): Promise<void> {
  const results: CheckResult[] = [];
  for (const file of files) {
    progress(`${file}: checking`);
    const capture = await readCapture(file, { progress: readingMeter(file) });
    const result = checkCapture(capture);
    capture.close();
    progressDone();
    results.push(result);
    if (!json) print(checkText(result));
    if (!result.passed) process.exitCode = 1;
  }
  if (json)
    printJson(results.length === 1 ? results[0] : { schema: 'dmalab.checks/1', traces: results });
}
