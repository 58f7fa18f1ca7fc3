// Speed of the models on benchmark streams, beside the speed of the kernel's own C code.
//
// Layout: test/golden/bench/README.md. The clock belongs to the caller.

import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { KERNEL_PRESETS } from '@dmalab/replay';
import type { BenchFamily, BenchRound, BenchStream } from './bench-family.ts';
import { benchFq } from './bench-fq.ts';
import { benchIova } from './bench-iova.ts';
import { benchSwiotlb } from './bench-swiotlb.ts';
import { filesBelow, readGolden } from './golden-file.ts';
import { Fields } from './scenario.ts';

const benchFamilies: readonly BenchFamily[] = [benchIova, benchFq, benchSwiotlb];
/** Rounds before the first that counts: until the code has settled, or enough of them. */
const WARM_UPS = [3, 16] as const;
const WARM_UP_MS = 250;
const NATIVE = 'native.json';
/** Kernels of streams that no native.json lists. */
const UNLISTED_KERNELS = ['6.1', '6.12'] as const;
const STREAM_ENDING = '.bin.zst';

/** Speed of one stream with one kernel. */
export interface BenchProfile {
  readonly name: string;
  readonly kernel: string;
  readonly ops: number;
  /** Median of the rounds. */
  readonly nsPerOp: number;
  readonly minNsPerOp: number;
  /** (sum * 31 + pfn) mod 2^64 over all allocations, as 16 hexadecimal digits. */
  readonly checksum: string;
  /** What native.json says of it: ns per operation of the C code and its checksum. */
  readonly native: { readonly nsPerOp: number; readonly checksum: string | null } | null;
  /** nsPerOp / native.nsPerOp. */
  readonly ratio: number | null;
  /** Whether checksum and counts are those of native.json; null where it has none to compare. */
  readonly agrees: boolean | null;
}

/** A stream and a kernel, as `name/kernel`: the profiles of `dir` and the directories below it. */
export function benchProfiles(dir: string): string[] {
  return benchFiles(dir).flatMap(({ name, kernels }) =>
    kernels.map(([kernel]) => `${name}/${kernel}`),
  );
}

/**
 * Replays every stream in `dir` and the directories below it; `nowMs` is a clock in ms, `rounds` are
 * timed after some that warm up. `only`: one of {@link benchProfiles}, alone. Each profile is a little
 * slower after others in the same process, whose types the compiled code must then serve too.
 */
export function benchStreams(
  dir: string,
  nowMs: () => number,
  rounds: number = 5,
  progress: (profile: BenchProfile) => void = () => {},
  only: string | null = null,
): BenchProfile[] {
  const profiles: BenchProfile[] = [];
  for (const { name, file, family, domain, kernels } of benchFiles(dir)) {
    const chosen = kernels.filter(([kernel]) => only === null || only === `${name}/${kernel}`);
    if (chosen.length === 0) continue;
    const stream = family.read(file, readGolden(file), domain);
    for (const [kernel, native] of chosen) {
      const { counts, ...measured } = measure(stream, kernel, nowMs, rounds);
      const profile = { name, kernel, ...measured, ...versus(native) };
      const ratio = native === null ? null : profile.nsPerOp / native.number('ns_per_op');
      const agrees = native === null ? null : agreesWith(native, profile.checksum, counts);
      profiles.push({ ...profile, ratio, agrees });
      progress(profiles.at(-1)!);
    }
  }
  return profiles;
}

/** Checksum of allocations in order: (sum * 31 + pfn) mod 2^64. */
export function pfnChecksum(pfns: Float64Array): string {
  let sum = 0n;
  for (const pfn of pfns) sum = BigInt.asUintN(64, sum * 31n + BigInt(pfn));
  return sum.toString(16).padStart(16, '0');
}

type Counts = Readonly<Record<string, number>>;

interface BenchFile {
  readonly name: string;
  readonly file: string;
  readonly family: BenchFamily;
  readonly domain: Fields | null;
  /** Kernel -> its entry of native.json. */
  readonly kernels: readonly (readonly [string, Fields | null])[];
}

function benchFiles(dir: string): BenchFile[] {
  const natives = filesBelow(dir, NATIVE);
  const listed = natives.flatMap(nativeProfiles);
  const known = new Set(listed.map(({ file }) => file));
  const others = filesBelow(dir, STREAM_ENDING).filter((file) => !known.has(file));
  return [...listed, ...others.map(unlisted)];
}

function nativeProfiles(file: string): BenchFile[] {
  const json: unknown = JSON.parse(new TextDecoder().decode(readGolden(file)));
  const profiles = new Fields(file, '', json).object('profiles');
  return Object.keys(profiles.values()).flatMap((name) => {
    const profile = profiles.object(name);
    const family = benchFamilies.find((candidate) => candidate.name === profile.string('family'));
    const stream = join(dirname(file), profile.string('file'));
    if (!family || !existsSync(stream)) return [];
    const domain = profile.has('domain') ? profile.object('domain') : null;
    const kernels = profile.object('kernels');
    const known = KERNEL_PRESETS.filter((kernel) => kernels.has(kernel));
    const entries = known.map((kernel) => [kernel, kernels.object(kernel)] as const);
    return [{ name, file: stream, family, domain, kernels: entries }];
  });
}

function unlisted(file: string): BenchFile {
  const kernels = UNLISTED_KERNELS.map((kernel) => [kernel, null] as const);
  const name = basename(file, STREAM_ENDING);
  return { name, file, family: benchIova, domain: null, kernels };
}

function measure(
  stream: BenchStream,
  kernel: string,
  nowMs: () => number,
  rounds: number,
): Pick<BenchProfile, 'ops' | 'nsPerOp' | 'minNsPerOp' | 'checksum'> & { counts: Counts } {
  const times: number[] = [];
  let round: BenchRound = stream.prepare(kernel);
  const timed = (): number => {
    round = stream.prepare(kernel);
    const start = nowMs();
    round.run();
    return nowMs() - start;
  };
  const [least, most] = WARM_UPS;
  let warm = 0;
  for (let i = 0; i < most && (i < least || warm < WARM_UP_MS); i++) warm += timed();
  for (let i = 0; i < rounds; i++) times.push((timed() * 1e6) / stream.ops);
  times.sort((a, b) => a - b);
  return {
    ops: stream.ops,
    nsPerOp: times[Math.floor(times.length / 2)]!,
    minNsPerOp: times[0]!,
    checksum: pfnChecksum(round.pfns()),
    counts: round.counts?.() ?? {},
  };
}

function agreesWith(native: Fields, checksum: string, counts: Counts): boolean | null {
  const stated = native.optionalString('checksum');
  const names = Object.keys(counts).filter((name) => native.has(name));
  if (stated === null && names.length === 0) return null;
  const counted = names.every((name) => native.number(name) === counts[name]);
  return counted && (stated === null || stated === checksum);
}

function versus(native: Fields | null): Pick<BenchProfile, 'native'> {
  if (native === null) return { native: null };
  const nsPerOp = native.number('ns_per_op');
  return { native: { nsPerOp, checksum: native.optionalString('checksum') } };
}
