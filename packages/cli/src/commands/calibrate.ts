// dmalab calibrate: fits the costs of the model to durations that a capture states.

import { calibrationText, calibrationYaml, calibrate as fit } from '@dmalab/analysis';
import { readCapture } from '@dmalab/trace';
import type { Argv, CommandModule } from 'yargs';
import { InputError } from '../input-error.ts';
import { print, printJson, progress, progressDone } from '../output.ts';
import { writeOutput } from '../output-file.ts';
import { traceNames } from '../run-name.ts';
import { traceFile } from '../trace-files.ts';
import { UsageError } from '../usage-error.ts';

interface CalibrateArguments {
  file: string;
  out: string | undefined;
  seed: number;
  json: boolean;
}

export const calibrate: CommandModule<object, CalibrateArguments> = {
  command: 'calibrate <file>',
  describe: 'Fit the cost model to durations in a trace, and say how well it predicts others',
  builder: (y: Argv) =>
    y
      .positional('file', {
        describe: 'Trace with function_graph durations or return probes; - is standard input',
        type: 'string',
        demandOption: true,
        coerce: traceFile,
      })
      .option('out', {
        alias: 'o',
        describe: 'Machine file with the fitted costs',
        type: 'string',
        requiresArg: true,
      })
      .option('seed', {
        describe: 'Seed of the choice of calls that are left out of the fit',
        type: 'number',
        default: 1,
        requiresArg: true,
      })
      .option('json', { describe: 'One JSON document', type: 'boolean', default: false })
      .example(
        '$0 calibrate graph.txt -o cost.yaml',
        'costs for: dmalab replay trace.txt -m cost.yaml',
      ) as Argv<CalibrateArguments>,
  handler: runCalibrate,
};

async function runCalibrate({ file, out, seed, json }: CalibrateArguments): Promise<void> {
  if (!Number.isInteger(seed)) throw new UsageError(`--seed: got ${seed}, expected a whole number`);
  progress(`${file}: reading`);
  const { report, close } = await readCapture(file);
  close();
  progressDone();
  const result = fit(report.calls, seed);
  if (result.calls === 0) {
    throw new InputError(
      file,
      'no duration of a function that the cost model knows; record with the function_graph tracer, or probes on alloc_iova_fast and its return (dmalab record)',
    );
  }
  const [name = file] = traceNames([file]);
  if (out !== undefined) writeOutput(out, calibrationYaml(result, name));
  if (json) printJson({ ...result, source: report.source, sha256: report.sha256 });
  else {
    print(`${name}\n${calibrationText(result)}\n`);
    if (out !== undefined) print(`costs are in ${out}; next: dmalab replay TRACE -m ${out}`);
  }
}
