// dmalab convert: a trace as a table of requests or of events.

import { existsSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import {
  BATCH_ROWS,
  openTrace,
  readCapture,
  readingRoom,
  saveRequests,
  TABLE_FORMATS,
  type TableFormatName,
  writeEvents,
} from '@dmalab/trace';
import type { Argv, CommandModule } from 'yargs';
import { type FactArguments, factOptions, readOptions } from '../fact-options.ts';
import { formatNumber, print, printJson, progress, progressDone } from '../output.ts';
import { traceFile } from '../trace-files.ts';
import { UsageError } from '../usage-error.ts';

interface ConvertArguments extends FactArguments {
  in: string;
  out: string;
  what: 'requests' | 'events';
  to: TableFormatName | undefined;
  json: boolean;
}

/** Formats by the end of a file's name. */
const ENDINGS: Readonly<Record<string, TableFormatName>> = {
  '.parquet': 'parquet',
  '.arrow': 'arrow',
  '.csv': 'csv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
};

export const convert: CommandModule<object, ConvertArguments> = {
  command: 'convert <in> <out>',
  describe: 'Write a trace as a table: Parquet, Arrow, CSV or JSON lines',
  builder: (y: Argv) =>
    factOptions(y)
      .positional('in', {
        describe: 'Trace; - is standard input',
        type: 'string',
        demandOption: true,
        coerce: traceFile,
      })
      .positional('out', {
        describe: `File to write; its ending tells the format: ${Object.keys(ENDINGS).join(' ')}`,
        type: 'string',
        demandOption: true,
      })
      .option('what', {
        describe: 'Requests, which every command reads back, or events as recorded',
        choices: ['requests', 'events'] as const,
        default: 'requests' as const,
        requiresArg: true,
      })
      .option('to', {
        describe: 'Format, whatever the ending says',
        choices: TABLE_FORMATS,
        requiresArg: true,
      })
      .option('json', { describe: 'One JSON document', type: 'boolean', default: false })
      .example('$0 convert trace.txt.zst trace.parquet', 'loads many times faster afterwards')
      .example(
        '$0 convert trace.dat events.csv --what events',
        'the events for another tool',
      ) as unknown as Argv<ConvertArguments>,
  handler: runConvert,
};

async function runConvert(options: ConvertArguments): Promise<void> {
  const { in: from, out, what, json } = options;
  const format = options.to ?? ENDINGS[extname(out).toLowerCase()];
  if (format === undefined) {
    const endings = Object.keys(ENDINGS).join(', ');
    throw new UsageError(`${out}: expected a name that ends in one of ${endings}, or --to`);
  }
  if (existsSync(out) && resolve(from) === resolve(out)) {
    throw new UsageError(`${out}: expected another file than the trace itself`);
  }
  const rows = await (what === 'events' ? events : requests)(options, format);
  progressDone();
  if (json) printJson({ schema: 'dmalab.convert/1', in: from, out, what, format, rows });
  else print(`${formatNumber(rows)} ${what} are in ${out}`);
}

async function requests(options: ConvertArguments, format: TableFormatName): Promise<number> {
  const { in: from, out } = options;
  const capture = await readCapture(from, readOptions(from, options));
  try {
    return await saveRequests(capture, out, format, (rows) =>
      progress(`${from}: ${formatNumber(rows)} requests written`),
    );
  } finally {
    capture.close();
  }
}

async function events(options: ConvertArguments, format: TableFormatName): Promise<number> {
  const { in: from, out } = options;
  // Each batch becomes a row group: larger ones than pairing likes make smaller files.
  const room = readingRoom(BATCH_ROWS);
  const reader = await openTrace(from, { ...readOptions(from, options), room });
  return writeEvents(reader, out, format, (rows) => progress(`${from}: ${rows} events`));
}
