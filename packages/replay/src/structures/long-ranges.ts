// A few ranges in the order of their addresses, for those that bitmaps alone do not tell.

/** Disjoint ranges by their first page, in two sorted columns. */
export class LongRanges {
  size = 0;
  private los: Float64Array = new Float64Array(4);
  private his: Float64Array = new Float64Array(4);

  lo(i: number): number {
    return this.los[i]!;
  }

  hi(i: number): number {
    return this.his[i]!;
  }

  /** Index of the highest one that starts at or below `pfn`, -1 if there is none. */
  atOrBelow(pfn: number): number {
    let low = -1;
    let high = this.size;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.los[middle]! <= pfn) low = middle;
      else high = middle;
    }
    return low;
  }

  /** Index of the one that starts at `pfn`, -1 if there is none. */
  startingAt(pfn: number): number {
    const i = this.atOrBelow(pfn);
    return i >= 0 && this.los[i] === pfn ? i : -1;
  }

  /** Index of the one that contains `pfn`, -1 if there is none. */
  containing(pfn: number): number {
    const i = this.atOrBelow(pfn);
    return i >= 0 && this.his[i]! >= pfn ? i : -1;
  }

  add(lo: number, hi: number): void {
    if (this.size === this.los.length) this.resize(2 * this.size);
    const i = this.atOrBelow(lo) + 1;
    this.los.copyWithin(i + 1, i, this.size);
    this.his.copyWithin(i + 1, i, this.size);
    this.los[i] = lo;
    this.his[i] = hi;
    this.size++;
  }

  removeAt(i: number): void {
    this.los.copyWithin(i, i + 1, this.size);
    this.his.copyWithin(i, i + 1, this.size);
    this.size--;
  }

  /** Becomes a copy of `from`. */
  assign(from: LongRanges): void {
    if (this.los.length < from.size) this.resize(from.los.length);
    this.los.set(from.los.subarray(0, from.size));
    this.his.set(from.his.subarray(0, from.size));
    this.size = from.size;
  }

  private resize(length: number): void {
    const { los, his } = this;
    this.los = new Float64Array(length);
    this.los.set(los.subarray(0, length));
    this.his = new Float64Array(length);
    this.his.set(his.subarray(0, length));
  }
}
