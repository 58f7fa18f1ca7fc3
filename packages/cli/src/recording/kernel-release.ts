// Versions of kernels, as `uname -r` tells them: "6.12.107+deb13-amd64".

import { UsageError } from '../usage-error.ts';

/** Major and minor version. */
export type KernelVersion = readonly [major: number, minor: number];

/** The version of a release; null where it begins with none. */
export function versionOf(release: string): KernelVersion | null {
  const [, major, minor] = release.match(/^(\d+)\.(\d+)/) ?? [];
  return major === undefined || minor === undefined ? null : [Number(major), Number(minor)];
}

/** The version of a release that the user named; one that has none is wrong usage. */
export function kernelVersion(release: string): KernelVersion {
  const version = versionOf(release);
  if (version !== null) return version;
  throw new UsageError(`--kernel "${release}" is no kernel release, expected one like 6.12`);
}

/** Whether `version` is `least` or newer. */
export function isAtLeast(version: KernelVersion, least: KernelVersion): boolean {
  return version[0] > least[0] || (version[0] === least[0] && version[1] >= least[1]);
}
