// Makes the machine of a replay from the facts of a capture, with stated defaults.
//
// Where the facts are silent: kernel 6.12, mask of 64 bits, no bus limit, granule 4096. Trace facts
// carry their own source; what is chosen here is a default or an override.

import type { CaptureFacts, DeviceFacts, DomainFacts } from '@dmalab/trace';
import { bounceOf, swiotlbOf } from './bounce-from-facts.ts';
import { DEFAULT_COST } from './cost.ts';
import { checkRingSize } from './flush/ring-size.ts';
import { advertised } from './host/aperture.ts';
import { KERNEL_PRESETS, kernelPreset, sacOfKernel } from './kernel-preset.ts';
import { RECORDED_LOAD } from './load/load.ts';
import type {
  DeviceOverride,
  KernelPreset,
  Machine,
  MachineDevice,
  MachineDomain,
  MachineOverrides,
  PolicyChoice,
} from './machine.ts';
import { PLAIN_DEVICE, PLAIN_MACHINE } from './machine-defaults.ts';
import { parseMachine } from './parse-machine.ts';
import { BUILT_IN, completeChoice, iovaPolicy, type PolicyRegistry } from './policies.ts';

const DEFAULT_KERNEL = '6.12';

/** The machine that a capture was recorded on, changed by `changes`; a RangeError names a wrong one. */
export function machineFromFacts(
  facts: CaptureFacts,
  changes: MachineOverrides = {},
  registry: PolicyRegistry = BUILT_IN,
): Machine {
  const overrides = parseMachine(changes, registry);
  const recorded = kernelPreset(overrides.kernel ?? facts.kernel?.value ?? DEFAULT_KERNEL);
  const kernel = recorded.preset;
  const cpus = overrides.cpus ?? facts.cpus.value;
  const stated = overrides.domains?.length ?? 0;
  if (stated > facts.domains.length) {
    throw new RangeError(`domains: got ${stated}, the capture has ${facts.domains.length}`);
  }
  const host = completeChoice('host', overrides.host ?? PLAIN_MACHINE.host, registry);
  return {
    kernel,
    unverified: recorded.unverified,
    cpus,
    hz: overrides.hz ?? facts.hz.value,
    timerMode: overrides.timerMode ?? 'wheel',
    tickPhase: overrides.tickPhase ?? 0,
    sac: overrides.sac ?? (facts.forcedac.value ? 'off' : sacOfKernel(kernel)),
    devices: machineDevices(facts.devices, overrides.devices ?? []),
    domains: facts.domains.map((domain, index) => {
      const stated = { ...overrides.domain, ...overrides.domains?.[index] };
      return advertised({ ...machineDomain(domain), ...stated }, host);
    }),
    allocator: allocatorOf(kernel, registry, overrides.allocator),
    flush: overrides.flush ? flushOf(overrides.flush, cpus, kernel, registry) : null,
    ...(overrides.typeSwitches ? { typeSwitches: overrides.typeSwitches } : {}),
    ...(overrides.fqInitReads ? { fqInitReads: overrides.fqInitReads } : {}),
    recordedFailures: overrides.recordedFailures ?? 'hold',
    load: overrides.load ? { ...RECORDED_LOAD, ...overrides.load } : null,
    loop: overrides.loop ?? 'open',
    failedRequests: { ...PLAIN_MACHINE.failedRequests, ...overrides.failedRequests },
    bounce: bounceOf(facts, overrides, kernel, registry),
    swiotlb: swiotlbOf(facts, overrides),
    encrypted: overrides.encrypted ?? false,
    memory: overrides.memory ?? 0,
    host,
    tlbRefresh: overrides.tlbRefresh ?? true,
    cost: { ...DEFAULT_COST, ...overrides.cost },
  };
}

/** The allocator as chosen, of the machine's kernel unless the choice names one. */
function allocatorOf(
  kernel: KernelPreset,
  registry: PolicyRegistry,
  choice?: PolicyChoice,
): PolicyChoice {
  const { name, parameters } = choice ?? { name: 'linux', parameters: {} };
  const takesKernel = iovaPolicy(name, registry).parameters.some(
    (parameter) => parameter.name === 'kernel',
  );
  const known = KERNEL_PRESETS.includes(kernel) && takesKernel ? { kernel } : {};
  return completeChoice('iova', { name, parameters: { ...known, ...parameters } }, registry);
}

function flushOf(
  choice: PolicyChoice,
  cpus: number,
  kernel: KernelPreset,
  registry: PolicyRegistry,
): PolicyChoice {
  const complete = completeChoice('flush', choice, registry);
  checkRingSize(complete, kernel);
  const { timerCpu } = complete.parameters;
  if (typeof timerCpu === 'number' && timerCpu >= cpus) {
    throw new RangeError(`${choice.name}.timerCpu: got ${timerCpu}, expected a CPU below ${cpus}`);
  }
  return complete;
}

function machineDevices(
  devices: readonly DeviceFacts[],
  overrides: readonly DeviceOverride[],
): MachineDevice[] {
  const names = new Set(devices.map((device) => device.name));
  for (const { name } of overrides) {
    if (name === '*' || names.has(name)) continue;
    const known = [...names].filter((known) => known !== '').join(', ') || 'none';
    throw new RangeError(`Unknown device "${name}", the capture has: ${known}`);
  }
  return devices.map((device) => {
    let made = machineDevice(device);
    for (const override of overrides) {
      if (override.name === '*' || override.name === device.name) {
        made = { ...made, ...override, name: device.name };
      }
    }
    return made;
  });
}

function machineDevice(device: DeviceFacts): MachineDevice {
  return {
    ...PLAIN_DEVICE,
    name: device.name,
    maskBits: device.maskBits?.value ?? PLAIN_DEVICE.maskBits,
    pci: device.pci.value,
    translated: device.translated.value,
    minAlignMask: device.minAlignMask.value,
  };
}

function machineDomain(domain: DomainFacts): MachineDomain {
  return {
    granule: domain.granule.value,
    startPfn: domain.startPfn.value,
    reserved: domain.reserved.value,
    apertureEnd: domain.apertureEnd?.value ?? 0,
    type: domain.type.value,
    ...(domain.devices.length > 1 ? { groupDevices: domain.devices.length } : {}),
  };
}
