// What the readers of messages share.

import type { KernelLogLine, LogLine } from '../kernel-log.ts';

/** What a message says as a record, or null where it is another message. */
export type Reader = (message: string, at: LogLine) => KernelLogLine | null;

/** "driver device: " where it stands before `at`, as dev_warn() prints it; empty where it does not. */
export function ownerBefore(
  message: string,
  at: number,
): { readonly driver: string; readonly device: string } {
  const before = message.slice(0, at).trimEnd();
  if (!before.endsWith(':')) return { driver: '', device: '' };
  const names = before.slice(0, -1);
  const space = names.lastIndexOf(' ');
  return { driver: names.slice(0, Math.max(0, space)).trim(), device: names.slice(space + 1) };
}

/** The last word before the first ": ", which is the device in what dev_warn() prints. */
export function deviceOf(message: string): string {
  const colon = `${message} `.indexOf(': ');
  return colon === -1 ? '' : ownerBefore(message, colon + 1).device;
}

/** A number of a match; null where that part is not there. */
export function numberOf(digits: string | undefined): number | null {
  return digits === undefined ? null : Number(digits);
}
