// The options that state what a capture does not tell, shared by all commands that read traces.

import { type ReadOptions, TABLE_FIELDS } from '@dmalab/trace';
import type { Argv } from 'yargs';
import { sharedGroup } from './option-groups.ts';
import { readingMeter } from './progress-meter.ts';
import { UsageError } from './usage-error.ts';

/** What the options of {@link factOptions} give. */
export interface FactArguments {
  granule: number | undefined;
  maskBits: number | undefined;
  forcedac: boolean | undefined;
  columns: string | undefined;
  initialState: string | undefined;
}

const READING = ['granule', 'mask-bits', 'forcedac', 'columns', 'initial-state'];

/** Adds the options to a command. */
export function factOptions(y: Argv): Argv<FactArguments> {
  return sharedGroup(y, 'Reading', READING)
    .option('granule', {
      describe: 'Page size of the IOVA domains in bytes, where the capture does not say',
      type: 'number',
      requiresArg: true,
    })
    .option('mask-bits', {
      describe: 'Width of the DMA masks, where the capture does not say',
      type: 'number',
      requiresArg: true,
    })
    .option('forcedac', {
      describe: 'The recorded kernel ran with iommu.forcedac=1 (--no-forcedac: it did not)',
      type: 'boolean',
    })
    .option('columns', {
      describe: 'Columns of a table with names of its own, as in op=action,iova=where',
      type: 'string',
      requiresArg: true,
    })
    .option('initial-state', {
      describe: 'Dump of dma-debug (dma-api/dump) that was taken when the trace began',
      type: 'string',
      requiresArg: true,
    }) as unknown as Argv<FactArguments>;
}

/** The options as the reader takes them, with progress shown under `name`. */
export function readOptions(
  name: string,
  { granule, maskBits, forcedac, columns, initialState }: FactArguments,
): ReadOptions {
  if (granule !== undefined && !(granule >= 512 && Number.isInteger(Math.log2(granule)))) {
    throw new UsageError(
      `--granule: got ${granule}, expected a power of two of at least 512 bytes`,
    );
  }
  if (maskBits !== undefined && !(Number.isInteger(maskBits) && maskBits >= 12 && maskBits <= 64)) {
    throw new UsageError(`--mask-bits: got ${maskBits}, expected a whole number from 12 to 64`);
  }
  return {
    ...(granule === undefined ? {} : { granule }),
    ...(maskBits === undefined ? {} : { maskBits }),
    ...(forcedac === undefined ? {} : { forcedac }),
    ...(columns === undefined ? {} : { columns: columnMapping(columns) }),
    ...(initialState === undefined ? {} : { initialState }),
    progress: readingMeter(name),
  };
}

function columnMapping(text: string): Record<string, string> {
  const mapping: Record<string, string> = {};
  const fields: readonly string[] = TABLE_FIELDS;
  for (const pair of text.split(',')) {
    const [, field, column] = /^\s*(\w+)\s*=\s*(.+?)\s*$/.exec(pair) ?? [];
    if (field === undefined || column === undefined) {
      throw new UsageError(
        `--columns: got "${pair}", expected FIELD=COLUMN pairs joined by commas`,
      );
    }
    if (!fields.includes(field)) {
      throw new UsageError(
        `--columns: unknown field "${field}", expected one of: ${fields.join(', ')}`,
      );
    }
    mapping[field] = column;
  }
  return mapping;
}
