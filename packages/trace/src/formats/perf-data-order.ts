// A stable order by time: merges the ascending stretches that the records come in.
//
// perf writes the buffer of one CPU after the other, each in order, so there are few stretches.

const FEW = 64;

/** Sorts again and again; its arrays grow with the longest input. */
export class TimeOrder {
  private order: Uint32Array<ArrayBuffer> = new Uint32Array(FEW);
  private spare: Uint32Array<ArrayBuffer> = new Uint32Array(FEW);
  /** Starts of the stretches, and the end of the last one. */
  private starts: Uint32Array<ArrayBuffer> = new Uint32Array(FEW + 1);

  /** Indices of the first `length` times in ascending order, equal ones as they came; valid until the next call. */
  sort(time: Float64Array, length: number): Uint32Array {
    if (length > this.order.length) this.grow(length);
    let stretches = this.stretches(time, length);
    while (stretches > 1) {
      for (let i = 0; i + 1 < stretches; i += 2) {
        this.merge(time, this.starts[i]!, this.starts[i + 1]!, this.starts[i + 2]!);
      }
      const left = stretches % 2 === 1 ? this.starts[stretches - 1]! : length;
      this.spare.set(this.order.subarray(left, length), left);
      [this.order, this.spare] = [this.spare, this.order];
      const halved = (stretches + 1) >> 1;
      for (let i = 0; i < halved; i++) this.starts[i] = this.starts[2 * i]!;
      this.starts[halved] = length;
      stretches = halved;
    }
    return this.order;
  }

  private stretches(time: Float64Array, length: number): number {
    const { order, starts } = this;
    if (length === 0) return 0;
    starts[0] = 0;
    let count = 1;
    let last = time[0]!;
    for (let i = 0; i < length; i++) {
      order[i] = i;
      const next = time[i]!;
      if (next < last) starts[count++] = i;
      last = next;
    }
    starts[count] = length;
    return count;
  }

  private merge(time: Float64Array, from: number, middle: number, to: number): void {
    const { order, spare } = this;
    if (middle === to || !(time[order[middle]!]! < time[order[middle - 1]!]!)) {
      spare.set(order.subarray(from, to), from);
      return;
    }
    let left = from;
    let right = middle;
    let at = from;
    while (left < middle && right < to) {
      const first = order[left]!;
      const second = order[right]!;
      if (time[second]! < time[first]!) {
        spare[at++] = second;
        right++;
      } else {
        spare[at++] = first;
        left++;
      }
    }
    while (left < middle) spare[at++] = order[left++]!;
    while (right < to) spare[at++] = order[right++]!;
  }

  private grow(length: number): void {
    const room = Math.max(length, 2 * this.order.length);
    this.order = new Uint32Array(room);
    this.spare = new Uint32Array(room);
    this.starts = new Uint32Array(room + 1);
  }
}
