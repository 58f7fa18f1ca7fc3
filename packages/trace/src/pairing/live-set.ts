// The mappings that are live: one entry for each, found by page or by scatter list.
//
// Entries lie in typed arrays and are reused, so memory follows the number of live mappings. Two
// chained hash tables index them: by first page (several may share one: other domains, or the same
// page mapped directly twice) and, for scatter lists, by the hash of their physical addresses.
// A chain starts with the newest entry.
//
// Pages are 4 KiB frames whatever the granule. An entry is in the page index exactly while it is live.

import { LongRanges, NONE, SHORT } from './long-ranges.ts';

export { NONE } from './long-ranges.ts';

/** Bits of `state`. */
export const State = {
  /** A DMA API event (or a bounce probe) told device and size. */
  claimed: 1,
  /** Its row is complete. */
  filled: 2,
  /** An iommu event or an allocation probe belongs to it. */
  translated: 4,
  /** It is in the list index. */
  listed: 8,
  alloc: 16,
  bounced: 32,
  /** The exact size is known from a probe. */
  exact: 64,
  /** Its domain is a guess. */
  guessed: 128,
} as const;

// Constants of this module are compiled in; what is imported is loaded at each use (docs/architecture.md).
const NO_ENTRY = NONE;
const LISTED = State.listed;
const LONGEST_SHORT = SHORT;

const INITIAL = 1024;
/** Entries that are there but not in use are most of the memory of a trace with millions of live mappings. */
const GROWTH = 1.25;
const HASH_LOW = 0x9e3779b1;
const HASH_HIGH = 0x85ebca6b;

export class LiveSet {
  page: Float64Array = new Float64Array(INITIAL);
  /** Pages mapped from `page` on (of the first range, where a list has several). */
  pages: Float64Array = new Float64Array(INITIAL);
  time: Float64Array = new Float64Array(INITIAL);
  size: Float64Array = new Float64Array(INITIAL);
  /** DMA limit of the call, from its probe. */
  limit: Float64Array = new Float64Array(INITIAL);
  addressLow: Uint32Array = new Uint32Array(INITIAL);
  addressHigh: Uint32Array = new Uint32Array(INITIAL);
  physLow: Uint32Array = new Uint32Array(INITIAL);
  physHigh: Uint32Array = new Uint32Array(INITIAL);
  row: Uint32Array = new Uint32Array(INITIAL);
  /** Flags of its row. */
  flags: Uint32Array = new Uint32Array(INITIAL);
  /** Request id, 0 until the row is complete. */
  id: Uint32Array = new Uint32Array(INITIAL);
  listHash: Uint32Array = new Uint32Array(INITIAL);
  listLength: Uint32Array = new Uint32Array(INITIAL);
  /** Count of losses when it was mapped. */
  epoch: Uint32Array = new Uint32Array(INITIAL);
  /** One more than the row of the piece that it continues (iommu events alone), 0 = none. */
  continues: Float64Array = new Float64Array(INITIAL);
  device: Uint16Array = new Uint16Array(INITIAL);
  domain: Uint16Array = new Uint16Array(INITIAL);
  cpu: Uint16Array = new Uint16Array(INITIAL);
  /** Separate ranges in the page table, and bounce slots, that its unmap has to close. */
  ranges: Uint32Array = new Uint32Array(INITIAL);
  bounces: Uint32Array = new Uint32Array(INITIAL);
  direction: Uint8Array = new Uint8Array(INITIAL);
  /** A DomainClass. */
  domainClass: Uint8Array = new Uint8Array(INITIAL);
  /** How often the entry was given back: tells whether a number still means the same mapping. */
  serial: Uint32Array = new Uint32Array(INITIAL);
  /** Bits of {@link State}; 0 and `used` 0 where the entry is free. */
  state: Uint8Array = new Uint8Array(INITIAL);
  used: Uint8Array = new Uint8Array(INITIAL);

  readonly #long = new LongRanges();

  #nextPage = new Int32Array(INITIAL);
  #nextList = new Int32Array(INITIAL);
  #pageHeads = new Int32Array(INITIAL).fill(NO_ENTRY);
  #listHeads = new Int32Array(INITIAL).fill(NO_ENTRY);
  #mask = INITIAL - 1;
  #free = NO_ENTRY;
  #top = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** One more than the highest entry number in use. */
  get top(): number {
    return this.#top;
  }

  /** A new entry in the page index; its other columns are zero. */
  add(page: number, pages: number, row: number): number {
    let entry = this.#free;
    if (entry !== NO_ENTRY) this.#free = this.#nextPage[entry]!;
    else {
      if (this.#top === this.page.length) this.#grow();
      entry = this.#top++;
    }
    this.#clear(entry);
    this.page[entry] = page;
    this.pages[entry] = pages;
    this.row[entry] = row;
    this.used[entry] = 1;
    this.#count++;
    this.index(entry);
    if (pages > LONGEST_SHORT) this.#long.enter(entry, page, pages);
    return entry;
  }

  /** Makes a mapping longer, or shorter at its end. */
  resize(entry: number, pages: number): void {
    this.pages[entry] = pages;
    this.#long.enter(entry, this.page[entry]!, pages);
  }

  /** Mappings that hold `page` and began before it: the newest for which `isWanted`, or NONE. */
  around(page: number, isWanted: (entry: number) => boolean): number {
    const covers = (entry: number): boolean =>
      this.page[entry]! < page && page < this.page[entry]! + this.pages[entry]! && isWanted(entry);
    for (let at = page - 1; at >= Math.max(0, page - SHORT); at--) {
      for (let entry = this.first(at); entry !== NO_ENTRY; entry = this.next(entry)) {
        if (covers(entry)) return entry;
      }
    }
    return this.#long.find(page, covers);
  }

  /** Puts an entry (back) into the page index. */
  index(entry: number): void {
    const slot = this.#pageSlot(this.page[entry]!);
    this.#nextPage[entry] = this.#pageHeads[slot]!;
    this.#pageHeads[slot] = entry;
  }

  /** Takes an entry out of the page index; it stays allocated. */
  unindex(entry: number): void {
    unlink(this.#pageHeads, this.#nextPage, this.#pageSlot(this.page[entry]!), entry);
  }

  /** Releases an entry that is in no index but, perhaps, the list index. */
  release(entry: number): void {
    if ((this.state[entry]! & LISTED) !== 0) this.unlist(entry);
    if (this.pages[entry]! > LONGEST_SHORT) this.#long.leave(entry);
    this.used[entry] = 0;
    this.state[entry] = 0;
    this.serial[entry] = this.serial[entry]! + 1;
    this.#nextPage[entry] = this.#free;
    this.#free = entry;
    this.#count--;
  }

  /** The newest entry that starts at `page`. */
  first(page: number): number {
    return this.#match(this.#pageHeads[this.#pageSlot(page)]!, page);
  }

  /** The next older entry with the same first page. */
  next(entry: number): number {
    return this.#match(this.#nextPage[entry]!, this.page[entry]!);
  }

  /** Enters a scatter list by the hash of its physical addresses. */
  list(entry: number, hash: number, length: number): void {
    this.listHash[entry] = hash;
    this.listLength[entry] = length;
    this.state[entry] = this.state[entry]! | LISTED;
    const slot = this.#listSlot(hash);
    this.#nextList[entry] = this.#listHeads[slot]!;
    this.#listHeads[slot] = entry;
  }

  unlist(entry: number): void {
    unlink(this.#listHeads, this.#nextList, this.#listSlot(this.listHash[entry]!), entry);
    this.state[entry] = this.state[entry]! & ~LISTED;
  }

  /** The newest entry of `device` with this list. */
  findList(
    device: number,
    hash: number,
    length: number,
    physLow: number,
    physHigh: number,
  ): number {
    let entry = this.#listHeads[this.#listSlot(hash)]!;
    while (entry !== NO_ENTRY) {
      if (
        this.listHash[entry] === hash &&
        this.listLength[entry] === length &&
        this.device[entry] === device &&
        this.physLow[entry] === physLow &&
        this.physHigh[entry] === physHigh
      ) {
        return entry;
      }
      entry = this.#nextList[entry]!;
    }
    return NO_ENTRY;
  }

  #match(from: number, page: number): number {
    let entry = from;
    while (entry !== NO_ENTRY && this.page[entry] !== page) entry = this.#nextPage[entry]!;
    return entry;
  }

  #pageSlot(page: number): number {
    const high = Math.imul((page / 0x100000000) | 0, HASH_HIGH);
    const mixed = Math.imul((page >>> 0) ^ high, HASH_LOW);
    return (mixed ^ (mixed >>> 15)) & this.#mask;
  }

  #listSlot(hash: number): number {
    return (hash ^ (hash >>> 15)) & this.#mask;
  }

  #clear(entry: number): void {
    this.time[entry] = 0;
    this.size[entry] = 0;
    this.limit[entry] = 0;
    this.addressLow[entry] = 0;
    this.addressHigh[entry] = 0;
    this.physLow[entry] = 0;
    this.physHigh[entry] = 0;
    this.flags[entry] = 0;
    this.id[entry] = 0;
    this.listHash[entry] = 0;
    this.listLength[entry] = 0;
    this.epoch[entry] = 0;
    this.continues[entry] = 0;
    this.device[entry] = 0;
    this.domain[entry] = 0;
    this.cpu[entry] = 0;
    this.ranges[entry] = 0;
    this.bounces[entry] = 0;
    this.direction[entry] = 0;
    this.domainClass[entry] = 0;
    this.state[entry] = 0;
  }

  #grow(): void {
    const length = Math.ceil(this.page.length * GROWTH);
    this.page = longer(this.page, new Float64Array(length));
    this.pages = longer(this.pages, new Float64Array(length));
    this.time = longer(this.time, new Float64Array(length));
    this.size = longer(this.size, new Float64Array(length));
    this.limit = longer(this.limit, new Float64Array(length));
    this.continues = longer(this.continues, new Float64Array(length));
    this.addressLow = longer(this.addressLow, new Uint32Array(length));
    this.addressHigh = longer(this.addressHigh, new Uint32Array(length));
    this.physLow = longer(this.physLow, new Uint32Array(length));
    this.physHigh = longer(this.physHigh, new Uint32Array(length));
    this.row = longer(this.row, new Uint32Array(length));
    this.flags = longer(this.flags, new Uint32Array(length));
    this.id = longer(this.id, new Uint32Array(length));
    this.listHash = longer(this.listHash, new Uint32Array(length));
    this.listLength = longer(this.listLength, new Uint32Array(length));
    this.epoch = longer(this.epoch, new Uint32Array(length));
    this.serial = longer(this.serial, new Uint32Array(length));
    this.ranges = longer(this.ranges, new Uint32Array(length));
    this.bounces = longer(this.bounces, new Uint32Array(length));
    this.device = longer(this.device, new Uint16Array(length));
    this.domain = longer(this.domain, new Uint16Array(length));
    this.cpu = longer(this.cpu, new Uint16Array(length));
    this.direction = longer(this.direction, new Uint8Array(length));
    this.domainClass = longer(this.domainClass, new Uint8Array(length));
    this.state = longer(this.state, new Uint8Array(length));
    this.used = longer(this.used, new Uint8Array(length));
    this.#nextPage = longer(this.#nextPage, new Int32Array(length));
    this.#nextList = longer(this.#nextList, new Int32Array(length));
    if (length > this.#mask) this.#rehash(2 * (this.#mask + 1));
  }

  // Chains are rebuilt from the tail on, so that they keep their order.
  #rehash(length: number): void {
    const pages = this.#pageHeads;
    const lists = this.#listHeads;
    this.#mask = length - 1;
    this.#pageHeads = new Int32Array(length).fill(NO_ENTRY);
    this.#listHeads = new Int32Array(length).fill(NO_ENTRY);
    const chain: number[] = [];
    for (const head of pages) {
      for (let e = head; e !== NO_ENTRY; e = this.#nextPage[e]!) chain.push(e);
      while (chain.length > 0) this.index(chain.pop()!);
    }
    for (const head of lists) {
      for (let e = head; e !== NO_ENTRY; e = this.#nextList[e]!) chain.push(e);
      while (chain.length > 0) {
        const entry = chain.pop()!;
        this.list(entry, this.listHash[entry]!, this.listLength[entry]!);
      }
    }
  }
}

function longer<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}

function unlink(heads: Int32Array, next: Int32Array, slot: number, entry: number): void {
  let at = heads[slot]!;
  if (at === entry) {
    heads[slot] = next[entry]!;
    return;
  }
  while (at !== NO_ENTRY && next[at] !== entry) at = next[at]!;
  if (at !== NO_ENTRY) next[at] = next[entry]!;
}
