// A capture and a machine as a replay would have them, without reading a trace.

import { type Machine, PLAIN_DEVICE, PLAIN_MACHINE } from '@dmalab/replay';
import type { CaptureFacts, DeviceFacts, DomainFacts, ReadReport } from '@dmalab/trace';
import type { RunContext } from '../../src/index.ts';

/** What a test changes. */
export interface ContextOptions {
  readonly devices?: readonly string[];
  readonly flush?: 'strict' | 'percpu' | 'single';
  readonly maskBits?: number;
  readonly report?: Partial<ReadReport>;
}

/** One domain with all `devices` in it (device and domain 1 and up; 0 is the unknown one). */
export function runContext(options: ContextOptions = {}): RunContext {
  const { devices = ['0000:00:04.0'], flush = 'percpu', maskBits = 64 } = options;
  return {
    report: { ...quietReport(), ...options.report },
    facts: captureFacts(devices),
    machine: machine(devices, flush, maskBits),
    version: '0.1.0',
  };
}

function quietReport(): ReadReport {
  return {
    source: '/captures/nvme.txt.zst',
    format: 'ftrace text',
    compression: 'zstd',
    bytes: 100_000,
    lines: 1000,
    sha256: '00ff'.repeat(16),
    events: { map: 500, unmap: 500 },
    lost: 0,
    lostUnknown: false,
    lostByCpu: {},
    unparsed: 0,
    diagnostics: [],
    firstTime: 0,
    duration: 0,
    resolution: 1000,
    requests: {
      map: 500,
      unmap: 500,
      alloc: 0,
      free: 0,
      sync: 0,
      failed: 0,
      openStart: 0,
      openEnd: 0,
    },
    pairing: {},
    calls: [],
    table: null,
  };
}

function captureFacts(devices: readonly string[]): CaptureFacts {
  const all = ['', ...devices];
  return {
    kernel: { value: '6.12.107', source: 'meta.json' },
    cpus: { value: 4, source: 'meta.json' },
    hz: { value: 250, source: 'default' },
    forcedac: { value: false, source: 'default' },
    clock: null,
    devices: all.map(
      (name): DeviceFacts => ({
        name,
        maskBits: { value: 64, source: 'default' },
        pci: { value: true, source: 'inferred' },
        translated: { value: true, source: 'probe' },
        minAlignMask: { value: 0, source: 'default' },
      }),
    ),
    bounce: null,
    domains: [
      domainFacts('', []),
      domainFacts(
        '00000000c0ffee00',
        devices.map((_, i) => i + 1),
      ),
    ],
  };
}

function domainFacts(token: string, devices: readonly number[]): DomainFacts {
  return {
    token,
    granule: { value: 4096, source: 'probe' },
    startPfn: { value: 1, source: 'probe' },
    reserved: { value: [[0xfee00, 0xfeeff]], source: 'probe' },
    apertureEnd: null,
    type: { value: 'DMA-FQ', source: 'probe' },
    devices,
    createdAt: 0,
    destroyedAt: null,
  };
}

function machine(devices: readonly string[], flush: string, maskBits: number): Machine {
  const domain: Machine['domains'][number] = {
    granule: 4096,
    startPfn: 1,
    reserved: [[0xfee00, 0xfeeff]],
    apertureEnd: 0,
    type: 'DMA-FQ',
  };
  return {
    ...PLAIN_MACHINE,
    cpus: 4,
    timerMode: 'ideal',
    devices: ['', ...devices].map((name) => ({ ...PLAIN_DEVICE, name, maskBits })),
    domains: [domain, domain],
    allocator: { name: 'linux', parameters: { kernel: '6.12' } },
    flush: { name: flush, parameters: {} },
  };
}
