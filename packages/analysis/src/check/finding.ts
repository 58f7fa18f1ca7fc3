// What dmalab check can find: the codes with what each means, and the record of one finding.
//
// The codes follow the checks of kernel/dma/debug.c (Linux 6.12) and the semantic checks of pairing.

/** How sure a finding is. Only the first two fail a check. */
export type Confidence = 'certain' | 'likely' | 'possible';

/** What a code means, and what to do about it. */
export interface FindingKind {
  readonly code: string;
  readonly title: string;
  readonly meaning: string;
  readonly advice: string;
}

/** All codes, in the order in which they are shown. */
export const findingKinds = [
  {
    code: 'LEAK',
    title: 'mapping leaked',
    meaning: 'it was never unmapped, and nobody is left who would',
    advice: 'unmap it on the error and removal paths of the driver, after the device is stopped',
  },
  {
    code: 'GROWING',
    title: 'mappings pile up',
    meaning:
      'mappings of this kind stay live in ever greater number while others like them come and go',
    advice: 'look for a completion or error path of the driver that skips the unmap',
  },
  {
    code: 'DOUBLE_MAP',
    title: 'address mapped twice',
    meaning: 'the address was handed out again while its mapping was live',
    advice: 'its unmap is missing, or the driver passed a live buffer again: compare the two maps',
  },
  {
    code: 'DOUBLE_UNMAP',
    title: 'unmapped twice',
    meaning: 'the mapping was gone already; the second unmap may hit whoever has the address next',
    advice: 'clear the address in the driver after the first unmap',
  },
  {
    code: 'UNMATCHED_UNMAP',
    title: 'unmap without a map',
    meaning: 'nothing was mapped at this address',
    advice: 'check that the driver unmaps with the address that dma_map_* returned',
  },
  {
    code: 'OTHER_DEVICE',
    title: "unmap of another device's mapping",
    meaning: 'the mapping belongs to another device',
    advice: 'map and unmap with the same struct device',
  },
  {
    code: 'UNMAP_OF_ERROR',
    title: 'unmap of a failed map',
    meaning: 'the driver unmaps the error value, so it did not test the result of the map',
    advice: 'call dma_mapping_error() after every dma_map_page() and dma_map_single()',
  },
  {
    code: 'SIZE_MISMATCH',
    title: 'unmapped with another size',
    meaning: 'map and unmap disagree on the size: part stays mapped, or a neighbour is hit',
    advice: 'keep the size beside the address and unmap with it',
  },
  {
    code: 'DIRECTION_MISMATCH',
    title: 'unmapped with another direction',
    meaning: 'caches and bounce buffers are synchronised the wrong way',
    advice: 'unmap with the direction of the map',
  },
  {
    code: 'WRONG_CALL',
    title: 'ended by the wrong call',
    meaning: 'dma_alloc_* ends with dma_free_*, dma_map_* with dma_unmap_*',
    advice: 'use the counterpart of the call that made the mapping',
  },
  {
    code: 'SYNC_AFTER_UNMAP',
    title: 'sync after unmap',
    meaning: 'the mapping was gone when it was synchronised',
    advice: 'sync before the unmap; after it, map anew',
  },
  {
    code: 'SYNC_UNMAPPED',
    title: 'sync of an address that is not mapped',
    meaning: 'no mapping of the device covers the address',
    advice: 'sync with the address that dma_map_* returned',
  },
  {
    code: 'SYNC_OUTSIDE',
    title: 'sync beyond the mapping',
    meaning: 'the synchronised range is longer than what was mapped',
    advice: 'sync at most offset and size of the mapping',
  },
  {
    code: 'SYNC_DIRECTION',
    title: 'sync in another direction',
    meaning: 'the mapping was not made for this direction',
    advice: 'sync with the direction of the map, or map bidirectional',
  },
  {
    code: 'FREE_OF_NULL',
    title: 'free of null',
    meaning: 'the driver frees memory that it never allocated; the kernel ignores it',
    advice: 'nothing breaks; test the pointer to keep the code honest',
  },
  {
    code: 'STILL_MAPPED',
    title: 'still mapped at the end',
    meaning: 'the trace ends before these end; rings and queues of a working device look like this',
    advice: 'to test for leaks, record until the driver is unbound',
  },
] as const;

/** One of the codes. */
export type FindingCode = (typeof findingKinds)[number]['code'];

/** A place in the trace, "file:line", and what stands there. */
export interface FindingLine {
  readonly role: 'map' | 'unmap' | 'first unmap' | 'other map' | 'sync' | 'removal';
  readonly where: string;
}

/** One finding, or (LEAK, GROWING, STILL_MAPPED) all mappings of one device and task. */
export interface Finding {
  readonly code: FindingCode;
  readonly confidence: Confidence;
  /** Why not more, or what makes it sure. */
  readonly reason: string;
  readonly device: string;
  readonly task: string;
  /** Hexadecimal, of the first mapping. */
  readonly address: string;
  /** Mappings it stands for, and their bytes. */
  readonly count: number;
  readonly bytes: number;
  /** ns since the first event. */
  readonly time: number;
  readonly lines: readonly FindingLine[];
  readonly message: string;
}

/** What a code means; every code has an entry. */
export function kindOf(code: FindingCode): FindingKind {
  return findingKinds.find((kind) => kind.code === code)!;
}

/** Two words as "0xfffff200". */
export function hexAddress(low: number, high: number): string {
  return high === 0
    ? `0x${low.toString(16)}`
    : `0x${high.toString(16)}${low.toString(16).padStart(8, '0')}`;
}
