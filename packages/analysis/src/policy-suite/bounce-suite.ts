// Rules of bounce memory, checked against a plain list of what is mapped.
//
// No slot is given twice; every buffer lies in its pool, in one slot set, and where the masks of its
// device want it; what is released is free again; the numbers add up; memory goes back as it came; the
// same operations give the same answers.

import type { BouncePolicy, Parameters } from '@dmalab/replay';
import { BounceRun } from './bounce-run.ts';
import { operationText, type Random, runTwice, type Suite } from './suite.ts';

const CPUS = 4;
const KIB = 1024;

/** One call of a pool after `gap` ns; `drain` releases everything. */
export type BounceOperation =
  | {
      readonly op: 'map';
      readonly gap: number;
      readonly id: number;
      readonly orig: number;
      readonly bytes: number;
      readonly alignMask: number;
      /** Index of {@link BOUNCE_DEVICES}. */
      readonly device: number;
      readonly cpu: number;
      readonly maySleep: boolean;
    }
  | {
      readonly op: 'alloc';
      readonly gap: number;
      readonly id: number;
      readonly bytes: number;
      readonly device: number;
      readonly cpu: number;
    }
  | { readonly op: 'release'; readonly gap: number; readonly id: number }
  | { readonly op: 'drain'; readonly gap: number };

/** The suite of bounce memory with these parameters. */
export function bounceSuite(policy: BouncePolicy, parameters: Parameters): Suite<BounceOperation> {
  return {
    operations: (random) => {
      const steps = 30 + random.below(250);
      const made = Array.from({ length: steps }, (_, i) => operation(random, i + 1));
      return [...made, { op: 'drain', gap: 0 }];
    },
    run: (operations) =>
      runTwice(operations, () => new BounceRun(policy, parameters, CPUS).run(operations)),
    text: operationText,
  };
}

function operation(random: Random, id: number): BounceOperation {
  const gap = random.pick([0, 1000, 1e6, random.below(3e7)]);
  const what = random.below(100);
  if (what < 40) return { op: 'release', gap, id: 1 + random.below(id) };
  const device = random.below(4);
  const cpu = random.below(CPUS);
  if (what < 43) return { op: 'alloc', gap, id, bytes: 4096 * (1 + random.below(8)), device, cpu };
  const bytes = random.pick([1, 64, 1500, 2048, 4096, 9000, 64 * KIB, 1 + random.below(256 * KIB)]);
  const orig = 2 ** 33 + random.pick([0, 4096, 2048, random.below(2 ** 20)]);
  const alignMask = random.pick([0, 0, 0, 4095]);
  return {
    op: 'map',
    gap,
    id,
    orig,
    bytes,
    alignMask,
    device,
    cpu,
    maySleep: random.below(4) === 0,
  };
}
