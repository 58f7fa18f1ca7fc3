// The options that state what a capture does not tell, shared by all commands that read traces.

import type { ReadOptions } from '@dmalab/trace';
import type { Argv } from 'yargs';
import { progress } from './output.ts';
import { UsageError } from './usage-error.ts';

/** What the options of {@link factOptions} give. */
export interface FactArguments {
  granule: number | undefined;
  maskBits: number | undefined;
  forcedac: boolean | undefined;
}

/** Adds the options to a command. */
export function factOptions(y: Argv): Argv<FactArguments> {
  return y
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
    }) as unknown as Argv<FactArguments>;
}

/** The options as the reader takes them, with progress shown under `name`. */
export function readOptions(
  name: string,
  { granule, maskBits, forcedac }: FactArguments,
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
    progress: (lines, bytes) =>
      progress(`${name}: ${(bytes / 1e6).toFixed(0)} MB, ${lines} lines read`),
  };
}
