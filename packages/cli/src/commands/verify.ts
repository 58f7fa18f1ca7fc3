// dmalab verify: a replay against what the kernel really did.

import {
  bounceHolds,
  type VerifyResult,
  verifyText,
  verify as verifyTrace,
} from '@dmalab/analysis';
import type { Argv, CommandModule } from 'yargs';
import { type FactArguments, factOptions, readOptions } from '../fact-options.ts';
import { type KernelArguments, kernelOptions, kernelReadOptions } from '../kernel-options.ts';
import { print, printJson, progress, progressDone } from '../output.ts';
import { traceFiles } from '../trace-files.ts';
import { UsageError } from '../usage-error.ts';

interface VerifyArguments extends FactArguments, KernelArguments {
  files: string[];
  json: boolean;
}

export const verify: CommandModule<object, VerifyArguments> = {
  command: 'verify <files..>',
  describe: 'Compare a replay with the addresses and flushes that were recorded',
  builder: (y: Argv) =>
    factOptions(kernelOptions(traceFiles(y)))
      .option('json', { describe: 'One JSON document', type: 'boolean', default: false })
      .example(
        '$0 verify trace.txt.zst',
        'match rates and the first difference',
      ) as unknown as Argv<VerifyArguments>,
  handler: runVerify,
};

async function runVerify(options: VerifyArguments): Promise<void> {
  const { files, json } = options;
  if (files.includes('-')) {
    throw new UsageError('verify reads a trace twice: save standard input to a file first');
  }
  const results: VerifyResult[] = [];
  for (const file of files) {
    progress(`${file}: verifying`);
    const read = { ...readOptions(file, options), ...kernelReadOptions(options) };
    const result = await verifyTrace(file, { read });
    progressDone();
    results.push(result);
    if (!json) print(verifyText(result));
    const { allocator, bounce } = result;
    if (allocator.matched < allocator.compared || !bounceHolds(bounce)) process.exitCode = 1;
  }
  if (json)
    printJson(
      results.length === 1 ? results[0] : { schema: 'dmalab.verifications/1', traces: results },
    );
}
