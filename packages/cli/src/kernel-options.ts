// The options that state the recorded kernel and machine: --kernel, --cpus, --hz.

import { KERNEL_PRESETS, type KernelPreset } from '@dmalab/replay';
import type { Argv } from 'yargs';
import { UsageError } from './usage-error.ts';

/** What the options of {@link kernelOptions} give. */
export interface KernelArguments {
  kernel: KernelPreset | undefined;
  cpus: number | undefined;
  hz: number | undefined;
}

/** Adds the options to a command. */
export function kernelOptions(y: Argv): Argv<KernelArguments> {
  return y
    .option('kernel', {
      describe: 'Kernel preset',
      // Without a type 6.1 would be read as a number.
      type: 'string',
      choices: KERNEL_PRESETS,
      requiresArg: true,
    })
    .option('cpus', { describe: 'CPUs of the machine', type: 'number', requiresArg: true })
    .option('hz', {
      describe: 'Timer ticks per second',
      type: 'number',
      requiresArg: true,
    }) as unknown as Argv<KernelArguments>;
}

/** The options that were given, checked; readers and machines take them under the same names. */
export function kernelReadOptions({ kernel, cpus, hz }: KernelArguments): Partial<{
  kernel: KernelPreset;
  cpus: number;
  hz: number;
}> {
  return {
    ...(kernel === undefined ? {} : { kernel }),
    ...(cpus === undefined ? {} : { cpus: wholeNumber('cpus', cpus, 1, 65_535) }),
    ...(hz === undefined ? {} : { hz: wholeNumber('hz', hz, 1, 1000) }),
  };
}

function wholeNumber(option: string, value: number, low: number, high: number): number {
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new UsageError(`--${option}: got ${value}, expected a whole number from ${low} to ${high}`);
}
