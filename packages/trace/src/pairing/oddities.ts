// Counts of what pairing found odd, by code of the semantic checks.

/** Codes of pairing oddities; all are counted, none is an error. */
export const ODDITY_CODES = [
  /** A live address was mapped again and never unmapped in between. */
  'DOUBLE_MAP',
  /** As DOUBLE_MAP or an orphan, with lost events in between: no claim is made. */
  'LOSS_WINDOW',
  /** An unmap without a map, in a domain whose whole history was recorded. */
  'ORPHAN_UNMAP',
  'SIZE_MISMATCH',
  'DIR_MISMATCH',
  /** Another CPU reused the address before the unmap was printed. */
  'REORDERED',
  'AMBIGUOUS_PAIR',
  /** iommu:unmap closed less, or more, than it was asked. */
  'UNMAP_SHORT',
  'UNMAP_LONG',
  /** Part of a mapping was unmapped; the rest stays live. */
  'PARTIAL_UNMAP',
  /** The unmap of a map that failed. */
  'ROLLBACK',
  /** A scatter list of which a segment failed to bounce: it leaves no DMA API event. */
  'FAILED_LIST',
  'LIST_CAPPED',
  /** A map of no bytes: kept, and covers nothing. */
  'ZERO_SIZE',
  /** dma_free of a null pointer: ignored. */
  'NULL_FREE',
  /** The page size of a domain is no power of two: its creation line is damaged. */
  'BAD_GRANULE',
  /** A mapping was still live when its domain was destroyed. */
  'LIVE_AT_DESTROY',
  /** Mappings overlap in a domain that is unknown: virtual domains were made. */
  'OVERLAP_UNKNOWN_DOMAIN',
] as const;
export type OddityCode = (typeof ODDITY_CODES)[number];

export class Oddities {
  readonly #counts = new Map<OddityCode, number>();

  count(code: OddityCode): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
  }

  /** Code -> count, codes that never happened left out, in the order of {@link ODDITY_CODES}. */
  toRecord(): Record<string, number> {
    const record: Record<string, number> = {};
    for (const code of ODDITY_CODES) {
      const count = this.#counts.get(code);
      if (count !== undefined) record[code] = count;
    }
    return record;
  }
}
