// dmalab explain: why maps fail, from a kernel log or a trace, and what would help.

import { type ExplainResult, explainCapture, explainLog, explainText } from '@dmalab/analysis';
import { type Capture, openTraceBytes, pairCapture, readCapture, TraceError } from '@dmalab/trace';
import type { Argv, CommandModule } from 'yargs';
import { type FactArguments, factOptions, readOptions } from '../fact-options.ts';
import { InputError } from '../input-error.ts';
import { type LogText, logInput, logOf, standardInput } from '../log-input.ts';
import { type MachineArguments, machineOptions } from '../machine-options.ts';
import { runsOf } from '../machine-runs.ts';
import { print, printJson, progress, progressDone } from '../output.ts';
import { machineOfRun } from '../run-machine.ts';
import { traceFiles } from '../trace-files.ts';
import { UsageError } from '../usage-error.ts';

interface ExplainArguments extends MachineArguments, FactArguments {
  files: string[];
  json: boolean;
}

export const explain: CommandModule<object, ExplainArguments> = {
  command: 'explain <files..>',
  describe: 'Say why maps fail, from a kernel log or a trace, and what would help',
  builder: (y: Argv) =>
    factOptions(machineOptions(traceFiles(y)))
      .positional('files', {
        describe: 'Kernel logs or traces, told by content; a line of a log; - is standard input',
      })
      .option('json', { describe: 'One JSON document', type: 'boolean', default: false })
      .example('dmesg | $0 explain -', 'what the messages mean')
      .example(
        '$0 explain trace.txt.zst',
        'the cause of each failed map, and replays that prove a remedy',
      )
      .epilogue(
        'Options of the machine and of the trace apply to traces alone. Exit code 0 also where failures were found.',
      ) as unknown as Argv<ExplainArguments>,
  handler: runExplain,
};

async function runExplain(options: ExplainArguments): Promise<void> {
  const results: ExplainResult[] = [];
  for (const file of options.files) {
    const result = await explained(file, options);
    progressDone();
    results.push(result);
    if (!options.json) print(explainText(result));
  }
  if (!options.json) return;
  printJson(
    results.length === 1 ? results[0] : { schema: 'dmalab.explanations/1', inputs: results },
  );
}

async function explained(file: string, options: ExplainArguments): Promise<ExplainResult> {
  const bytes = file === '-' ? standardInput() : null;
  const log = bytes === null ? logInput(file) : logOf(file, bytes);
  if (log?.sure) return explainLog(log.text, log.name);
  progress(`${file}: reading`);
  const capture = await captureOr(log, file, bytes, options);
  if (capture === null) return explainLog(log?.text ?? '', file);
  try {
    return await explainTrace(file, capture, options);
  } finally {
    capture.close();
  }
}

/** The trace that the input is; null where it is none, but has lines of a log. */
async function captureOr(
  log: LogText | null,
  file: string,
  bytes: Buffer | null,
  options: ExplainArguments,
): Promise<Capture | null> {
  const read = readOptions(file, options);
  try {
    if (bytes === null) return await readCapture(file, read);
    return await pairCapture(await openTraceBytes(file, bytes, read), null, read);
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    if (log !== null) return null;
    throw neitherOf(file, error);
  }
}

/** For an input that is no trace, and was found to be no log. */
function neitherOf(file: string, error: TraceError): Error {
  const [, problem] = /(?:UNKNOWN_FORMAT|NO_EVENTS): (.*)$/s.exec(error.message) ?? [];
  if (problem === undefined) return error;
  return new InputError(
    file,
    `no kernel log (no line begins as one or tells of DMA), and no trace: ${problem}`,
  );
}

async function explainTrace(
  file: string,
  capture: Capture,
  options: ExplainArguments,
): Promise<ExplainResult> {
  const [run, second] = await runsOf(options);
  if (run === undefined || second !== undefined) {
    throw new UsageError('explain: several machines were given, expected one');
  }
  return explainCapture(capture, machineOfRun(capture, run), {
    registry: run.registry,
    progress: (change) => progress(`${file}: replaying with ${change}`),
  });
}
