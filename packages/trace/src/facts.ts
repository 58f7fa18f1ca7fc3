// What a capture tells about the machine it was recorded on, each fact with its source.
//
// In falling order: what the caller states, what meta.json says, what probes show, what the other
// events show, what follows from them, the default. A probe beats meta.json for domains, because
// meta.json describes one moment and the probes the domain itself.

import { bounceFacts, minAlignMask } from './bounce-facts.ts';
import type { CaptureFacts, DeviceFacts, DomainFacts, Fact } from './capture.ts';
import type { EventReader } from './event-reader.ts';
import type { Meta, MetaDevice } from './meta.ts';
import type { DomainState } from './pairing/attribution.ts';
import type { DeviceEvidence, Pairing } from './pairing/state.ts';

/** What the caller knows better than the capture. */
export interface FactOptions {
  /** Kernel release, e.g. "6.12.107". */
  readonly kernel?: string;
  readonly cpus?: number;
  readonly hz?: number;
  /** Bytes: IOVA page size of domains whose creation was not recorded. */
  readonly granule?: number;
  readonly forcedac?: boolean;
  /** Width of all DMA masks in bits. */
  readonly maskBits?: number;
}

const DEFAULT_HZ = 250;
const DEFAULT_GRANULE = 4096;
const DEFAULT_MASK_BITS = 64;
const PCI_NAME = /^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/** Facts of a capture whose events have all been paired. */
export function collectFacts(
  reader: EventReader,
  p: Pairing,
  meta: Meta | null,
  options: FactOptions,
): CaptureFacts {
  const devices = reader.devices.map((name, device) => deviceFacts(name, device, p, meta, options));
  const domains = p.attribution.domains.map((state, i) =>
    domainFacts(state, i, reader.devices, p, meta, options),
  );
  const cpus =
    pick(
      flag(options.cpus),
      said(meta?.cpus),
      reader.counts.headerCpus > 0 ? fact(reader.counts.headerCpus, 'trace') : null,
    ) ?? fact(Math.max(1, reader.counts.maxCpu + 1), 'inferred');
  return {
    kernel: pick(flag(options.kernel), said(meta?.kernel), recorded(reader.counts.kernel)),
    cpus,
    hz: flag(options.hz) ?? fact(DEFAULT_HZ, 'default'),
    forcedac: forcedac(p, devices, meta, options),
    clock: pick(recorded(reader.counts.clock), said(meta?.clock)),
    devices,
    domains,
    bounce: bounceFacts(p.bounce, meta, cpus.value),
  };
}

/** Whether requests of a device went through an IOMMU, as far as its events tell. */
export function isTranslated(known: DeviceEvidence | undefined, tableEvents: boolean): boolean {
  if (known === undefined) return tableEvents;
  return known.translated > 0 || (!tableEvents && known.differing > 0);
}

function deviceFacts(
  name: string,
  device: number,
  p: Pairing,
  meta: Meta | null,
  options: FactOptions,
): DeviceFacts {
  const listed = meta?.devices.get(name);
  const known = p.devices[device];
  const isPci = PCI_NAME.test(name);
  return {
    name,
    maskBits: name === '' ? null : maskBits(listed, known, options),
    pci: listed === undefined ? fact(isPci, 'inferred') : fact(isPci, 'meta.json'),
    translated: translation(known, device, p),
    minAlignMask: minAlignMask(p.bounce, device, listed?.pciClass ?? null),
  };
}

function maskBits(
  listed: MetaDevice | undefined,
  known: DeviceEvidence | undefined,
  options: FactOptions,
): Fact<number> {
  return (
    flag(options.maskBits) ??
    said(listed?.maskBits) ??
    (known !== undefined && known.limit > 0 ? fact(bits(known.limit), 'probe') : null) ??
    (known !== undefined && known.mask > 0 ? fact(bits(known.mask), 'trace') : null) ??
    fact(DEFAULT_MASK_BITS, 'default')
  );
}

function bits(mask: number): number {
  return Math.max(1, Math.min(64, Math.round(Math.log2(mask + 1))));
}

function translation(known: DeviceEvidence | undefined, device: number, p: Pairing): Fact<boolean> {
  if (known !== undefined && known.translated > 0) return fact(true, 'trace');
  if (known !== undefined && known.untranslated > 0) {
    return fact(isTranslated(known, p.tableEvents), 'inferred');
  }
  if (p.attribution.firstDomain[device] !== undefined) return fact(true, 'trace');
  return fact(p.tableEvents, 'default');
}

function domainFacts(
  state: DomainState,
  index: number,
  names: readonly string[],
  p: Pairing,
  meta: Meta | null,
  options: FactOptions,
): DomainFacts {
  const members = [...state.devices].sort((a, b) => a - b);
  const group = groupOf(members, names, meta);
  const granule = granuleOf(state, meta, options);
  return {
    token: state.token,
    granule,
    startPfn: fact(state.startPfn, state.created ? 'probe' : 'default'),
    reserved: reservedOf(state, group, granule.value, meta),
    apertureEnd: state.apertureEnd > 0 ? fact(state.apertureEnd - 1, 'probe') : null,
    type: index === 0 ? fact('DMA', 'default') : typeOf(state, group, p, meta),
    devices: members,
    createdAt: state.createdAt,
    destroyedAt: state.destroyedAt,
  };
}

function groupOf(
  members: readonly number[],
  names: readonly string[],
  meta: Meta | null,
): string | null {
  for (const device of members) {
    const group = meta?.devices.get(names[device] ?? '')?.group;
    if (group !== undefined && group !== null) return group;
  }
  return null;
}

function granuleOf(state: DomainState, meta: Meta | null, options: FactOptions): Fact<number> {
  if (state.granule > 0) return fact(state.granule, 'probe');
  return flag(options.granule) ?? said(meta?.granule) ?? fact(DEFAULT_GRANULE, 'default');
}

function reservedOf(
  state: DomainState,
  group: string | null,
  granule: number,
  meta: Meta | null,
): DomainFacts['reserved'] {
  if (state.created || state.reserved.length > 0) return fact(state.reserved, 'probe');
  const listed = group === null ? undefined : meta?.groups.get(group);
  if (listed === undefined || listed.reserved.length === 0) return fact([], 'default');
  const ranges = listed.reserved.map(
    ([start, end]) => [Math.floor(start / granule), Math.floor(end / granule)] as const,
  );
  return fact(ranges, 'meta.json');
}

// The type at creation. A strict domain gives each range back inside its unmap; a flush queue that was
// set up later was a change of type.
function typeOf(
  state: DomainState,
  group: string | null,
  p: Pairing,
  meta: Meta | null,
): Fact<'DMA' | 'DMA-FQ'> {
  if (state.lazyAtCreation) return fact('DMA-FQ', 'probe');
  if (state.switched) return fact('DMA', 'probe');
  if (state.freedInCall > 0) return fact('DMA', 'inferred');
  if (state.allocations > 0 && p.queueEvents > 0) return fact('DMA-FQ', 'inferred');
  const listed = group === null ? null : (meta?.groups.get(group)?.type ?? null);
  if (listed === 'DMA' || listed === 'DMA-FQ') return fact(listed, 'meta.json');
  if (meta !== null && meta.strict !== null)
    return fact(meta.strict ? 'DMA' : 'DMA-FQ', 'meta.json');
  return fact('DMA-FQ', 'default');
}

// A PCI device whose first tries are all above 4 GiB does not try low addresses at all.
function forcedac(
  p: Pairing,
  devices: readonly DeviceFacts[],
  meta: Meta | null,
  options: FactOptions,
): Fact<boolean> {
  const stated = flag(options.forcedac) ?? said(meta?.forcedac);
  if (stated !== null) return stated;
  const pci = p.devices.filter((_, device) => devices[device]?.pci.value === true);
  if (pci.some((known) => known.lowFirst > 0)) return fact(false, 'probe');
  if (pci.some((known) => known.highFirst > 0)) return fact(true, 'probe');
  return fact(false, 'default');
}

function fact<T>(value: T, source: Fact<T>['source']): Fact<T> {
  return { value, source };
}

function flag<T>(value: T | undefined): Fact<T> | null {
  return value === undefined ? null : fact(value, 'flag');
}

function said<T>(value: T | null | undefined): Fact<T> | null {
  return value === undefined || value === null ? null : fact(value, 'meta.json');
}

function recorded(value: string): Fact<string> | null {
  return value === '' ? null : fact(value, 'trace');
}

function pick<T>(...facts: (Fact<T> | null)[]): Fact<T> | null {
  return facts.find((candidate) => candidate !== null) ?? null;
}
