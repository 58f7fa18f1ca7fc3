// The bounce memory of a machine: as chosen, else the recorded one, else none.
//
// What a choice leaves open comes from the machine: kernel (one area before 6.0), start of the recorded pool, and for a growing
// pool whether memory is encrypted and how much there is; of a confidential guest the 6 % of its memory. See docs/models/swiotlb.md.

import type { CaptureFacts } from '@dmalab/trace';
import { coCoSlots } from './bounce/sizing.ts';
import type { KernelPreset, MachineOverrides, PolicyChoice, SwiotlbMode } from './machine.ts';
import { PLAIN_MACHINE } from './machine-defaults.ts';
import { bouncePolicy, completeChoice, type PolicyRegistry } from './policies.ts';
import type { Parameters } from './policy.ts';

const GIB = 2 ** 30;

/** The choice with all parameters. */
export function bounceOf(
  facts: CaptureFacts,
  overrides: MachineOverrides,
  kernel: KernelPreset,
  registry: PolicyRegistry,
): PolicyChoice {
  const { name, parameters } = overrides.bounce ?? recordedBounce(facts);
  const start = facts.bounce?.start?.value;
  const known: Parameters = {
    kernel: searchOf(kernel),
    ...(hasAreas(kernel) ? {} : { areas: 1 }),
    ...(start === undefined ? {} : { start }),
    ...(overrides.encrypted === true ? { encrypted: true } : {}),
    ...(overrides.memory ? { memory: overrides.memory / GIB } : {}),
    ...(overrides.encrypted && overrides.memory ? { slots: coCoSlots(overrides.memory) } : {}),
  };
  const policy = bouncePolicy(name, registry);
  const taken: Record<string, number | boolean | string> = {};
  for (const { name: parameter, choices } of policy.parameters) {
    const value = known[parameter];
    if (value === undefined || (choices && !choices.includes(String(value)))) continue;
    taken[parameter] = value;
  }
  return completeChoice('bounce', { name, parameters: { ...taken, ...parameters } }, registry);
}

/** Which maps bounce, where nothing is chosen: all of a confidential guest, and as recorded. */
export function swiotlbOf(facts: CaptureFacts, overrides: MachineOverrides): SwiotlbMode {
  if (overrides.swiotlb !== undefined) return overrides.swiotlb;
  return overrides.encrypted === true || facts.bounce?.force.value === true ? 'force' : 'auto';
}

function recordedBounce({ bounce }: CaptureFacts): PolicyChoice {
  if (bounce === null) return PLAIN_MACHINE.bounce;
  const { slots, areas, dynamic } = bounce;
  return {
    name: dynamic.value ? 'dynamic' : 'static',
    parameters: { slots: slots.value, areas: areas.value },
  };
}

/** Since 6.0; before, the pool has one lock. */
function hasAreas(kernel: KernelPreset): boolean {
  return kernel !== '4.9' && kernel !== '4.15';
}

function searchOf(kernel: KernelPreset): string {
  if (kernel === '6.12' || kernel === '6.6') return kernel;
  return '6.1';
}
