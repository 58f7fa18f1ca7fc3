// Verification of a capture: what the models say against what the kernel really did, on three levels.

import { type MachineOverrides, machineFromFacts } from '@dmalab/replay';
import { type ReadOptions, readCapture } from '@dmalab/trace';
import { checkAllocator } from './allocator-level.ts';
import { BounceCheck } from './bounce/bounce-level.ts';
import { flushesByDomain } from './flush-domains.ts';
import { checkStack } from './stack-level.ts';
import type { VerifyResult } from './verify-result.ts';

/** What is known of the recorded machine beyond the capture. */
export interface VerifyOptions {
  /** How the capture is read; facts stated here win over its own. */
  readonly read?: ReadOptions;
  /** Changes of the machine of the whole-stack level. */
  readonly machine?: MachineOverrides;
}

/** Verifies the trace at `path`, which is read twice. Throws a TraceError for what is no trace. */
export async function verify(path: string, options: VerifyOptions = {}): Promise<VerifyResult> {
  const capture = await readCapture(path, options.read);
  try {
    const { facts, report } = capture;
    const { kernel, cpus, unverified } = machineFromFacts(facts, options.machine);
    const bounces = new BounceCheck({ file: path, facts, kernel });
    const check = await checkAllocator(path, { kernel, cpus }, (batch) => bounces.add(batch));
    const flushes = flushesByDomain(check.flushes, facts.domains);
    const recorded = { moved: check.moved, flushes, why: check.loss };
    return {
      schema: 'dmalab.verify/1',
      file: path,
      kernel,
      unverified,
      cpus,
      lost: report.lost,
      allocator: check.result,
      bounce: bounces.finish(check.devices, check.loss),
      stack: checkStack(capture, recorded, options.machine ?? {}),
    };
  } finally {
    capture.close();
  }
}
