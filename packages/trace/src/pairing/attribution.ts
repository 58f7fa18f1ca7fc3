// Which device is in which domain, as it changes while the trace goes on.
//
// Evidence, strongest first: iommu_dma_alloc_iova followed by alloc_iova_fast in one call (device and
// iovad); alloc_iova_fast in the call of a DMA API event; attach_device_to_domain followed by
// init_iova_domain on the same CPU and thread; the IOMMU group, whose devices share a domain. Without
// any, each group (or device) gets a domain of its own with the token "virtual:N".
//
// Domain 0 stands for no translation, or unknown. Rare events only come here with strings and maps;
// the lookups of the hot path are plain arrays.

/** What is known of one domain while reading. */
export interface DomainState {
  token: string;
  granule: number;
  startPfn: number;
  /** init_iova_domain was recorded. */
  created: boolean;
  createdAt: number | null;
  destroyedAt: number | null;
  readonly reserved: [number, number][];
  readonly devices: Set<number>;
  /** Highest limit of a try above 4 GiB that was lower than the device's own; 0 = none seen. */
  apertureEnd: number;
  /** The first allocation was seen: iommu_dma_init_fq from now on is a change of type. */
  inUse: boolean;
  /** iommu_dma_init_fq at its creation; or later. */
  lazyAtCreation: boolean;
  switched: boolean;
  /** alloc_iova_fast with its token was seen. */
  allocations: number;
  /** Ranges that went back inside their unmap call, and ranges that were queued. */
  freedInCall: number;
  unmaps: number;
}

export class Attribution {
  readonly domains: DomainState[] = [newDomain('', 0)];
  /** By device: its current domain, 0 = not known yet. */
  readonly #domainOfDevice: number[] = [];
  /** By device: the first domain it was seen in. */
  readonly firstDomain: number[] = [];
  /** By token index of an iovad: its live domain, 0 = none. */
  #domainOfToken = new Uint16Array(64);
  /** By token index of a domain pointer (iommu_dma_alloc_iova): its live domain. */
  #domainOfPointer = new Uint16Array(64);
  readonly #groupOfDevice: number[] = [];
  readonly #domainOfGroup: number[] = [];
  /** Devices that were attached since the last init_iova_domain, by thread. */
  readonly #attached = new Map<number, number[]>();
  #virtuals = 0;

  /** The domain of an iovad token; a token never seen before opens one whose creation was not recorded. */
  ofToken(token: number, name: string): number {
    const known = this.#domainOfToken[token] ?? 0;
    if (known !== 0) return known;
    const domain = this.domains.push(newDomain(name, 0)) - 1;
    this.#domainOfToken = withRoom(this.#domainOfToken, token);
    this.#domainOfToken[token] = domain;
    return domain;
  }

  /** The domain that a domain pointer was seen with, 0 = none. */
  ofPointer(pointer: number): number {
    return this.#domainOfPointer[pointer] ?? 0;
  }

  /** The current domain of a device, 0 = not known. */
  ofDevice(device: number): number {
    return this.#domainOfDevice[device] ?? 0;
  }

  /** The current domain of a translated device; opens a virtual one where nothing is known. */
  ofTranslated(device: number): number {
    const known = this.#domainOfDevice[device] ?? 0;
    if (known !== 0) return known;
    const group = this.#groupOfDevice[device];
    const shared = group === undefined ? 0 : (this.#domainOfGroup[group] ?? 0);
    const domain = shared === 0 ? this.addVirtual() : shared;
    this.link(device, domain);
    return domain;
  }

  /** The domain of what nothing attributes: the first that there is. */
  guess(): number {
    for (let domain = 1; domain < this.domains.length; domain++) {
      if (this.domains[domain]!.destroyedAt === null) return domain;
    }
    return this.addVirtual();
  }

  /** Domains that were inferred. */
  get virtuals(): number {
    return this.#virtuals;
  }

  /** A domain that is inferred. */
  addVirtual(): number {
    return this.domains.push(newDomain(`virtual:${++this.#virtuals}`, 0)) - 1;
  }

  link(device: number, domain: number): void {
    if (this.#domainOfDevice[device] === domain) return;
    this.#domainOfDevice[device] = domain;
    this.firstDomain[device] ??= domain;
    this.domains[domain]!.devices.add(device);
    const group = this.#groupOfDevice[device];
    if (group !== undefined) this.#domainOfGroup[group] = domain;
  }

  linkPointer(pointer: number, domain: number): void {
    this.#domainOfPointer = withRoom(this.#domainOfPointer, pointer);
    this.#domainOfPointer[pointer] = domain;
  }

  group(device: number, group: number): void {
    this.#groupOfDevice[device] = group;
  }

  /** The device left its group: what comes next is a new epoch. */
  forget(device: number): void {
    const group = this.#groupOfDevice[device];
    if (group !== undefined) this.#domainOfGroup[group] = 0;
    this.#domainOfDevice[device] = 0;
  }

  attach(device: number, tid: number): void {
    const waiting = this.#attached.get(tid);
    if (waiting === undefined) this.#attached.set(tid, [device]);
    else if (!waiting.includes(device)) waiting.push(device);
  }

  /** init_iova_domain: the devices that this thread attached since its last one are in it. */
  create(
    token: number,
    name: string,
    granule: number,
    startPfn: number,
    time: number,
    tid: number,
  ): number {
    const domain = this.domains.push(newDomain(name, granule)) - 1;
    const state = this.domains[domain]!;
    state.startPfn = startPfn;
    state.created = true;
    state.createdAt = time;
    this.#domainOfToken = withRoom(this.#domainOfToken, token);
    this.#domainOfToken[token] = domain;
    for (const device of this.#attached.get(tid) ?? []) this.link(device, domain);
    this.#attached.delete(tid);
    return domain;
  }

  destroy(token: number, time: number): number {
    const domain = this.#domainOfToken[token] ?? 0;
    if (domain === 0) return 0;
    this.domains[domain]!.destroyedAt = time;
    this.#domainOfToken[token] = 0;
    clear(this.#domainOfDevice, domain);
    clear(this.#domainOfGroup, domain);
    clear(this.#domainOfPointer, domain);
    return domain;
  }

  /** A new boot: tokens and attachments mean nothing any more. */
  reset(): void {
    this.#domainOfDevice.length = 0;
    this.#domainOfToken.fill(0);
    this.#domainOfPointer.fill(0);
    this.#domainOfGroup.length = 0;
    this.#attached.clear();
  }
}

function withRoom(table: Uint16Array, index: number): Uint16Array<ArrayBuffer> {
  if (index < table.length) return table as Uint16Array<ArrayBuffer>;
  const longer = new Uint16Array(2 ** Math.ceil(Math.log2(index + 1)));
  longer.set(table);
  return longer;
}

function clear(table: number[] | Uint16Array, domain: number): void {
  for (let i = 0; i < table.length; i++) if (table[i] === domain) table[i] = 0;
}

function newDomain(token: string, granule: number): DomainState {
  return {
    token,
    granule,
    startPfn: 1,
    created: false,
    createdAt: null,
    destroyedAt: null,
    reserved: [],
    devices: new Set(),
    apertureEnd: 0,
    inUse: false,
    lazyAtCreation: false,
    switched: false,
    allocations: 0,
    freedInCall: 0,
    unmaps: 0,
  };
}
