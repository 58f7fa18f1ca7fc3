// Versions of kernels, as `uname -r` tells them: "6.12.107+deb13-amd64".

import { UsageError } from '../usage-error.ts';

/** Major and minor version. */
export type KernelVersion = readonly [major: number, minor: number];

/** The version of a release; a release that has none is wrong usage. */
export function kernelVersion(release: string): KernelVersion {
  const [, major, minor] = release.match(/^(\d+)\.(\d+)/) ?? [];
  if (major === undefined || minor === undefined) {
    throw new UsageError(`--kernel "${release}" is no kernel release, expected one like 6.12`);
  }
  return [Number(major), Number(minor)];
}

export function isAtLeast(version: KernelVersion, least: KernelVersion): boolean {
  return version[0] > least[0] || (version[0] === least[0] && version[1] >= least[1]);
}
