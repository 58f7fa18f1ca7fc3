// Sizes of memory as typed: 4G, 512M, 1.5GiB, or bytes.

import { UsageError } from './usage-error.ts';

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
};

/** Bytes of a size as the kernel's command line takes it; a suffix may be followed by iB or B. */
export function parseBytes(option: string, text: string): number {
  const [, number = '', unit = ''] = /^([\d.]+)\s*([KMGT]?)(?:i?B)?$/i.exec(text.trim()) ?? [];
  const bytes = Number(number) * (FACTORS[unit.toUpperCase()] ?? Number.NaN);
  if (number !== '' && bytes >= 1 && bytes <= 2 ** 52) return Math.round(bytes);
  throw new UsageError(`--${option}: got "${text}", expected a size as in 8G or 512M`);
}
