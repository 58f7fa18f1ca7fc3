// Merges the events of several CPUs by time; events of one time by CPU, then by stream.
//
// A binary heap of the streams by their current event. The stream on top goes on while its next event
// is still the first, which saves the heap the long runs of one CPU: one comparison tells.

/** What is merged: a stream that stands at an event. */
export interface CpuStream {
  readonly cpu: number;
  readonly time: number;
}

/** Walks the events of all streams. Each stream is at its first event. */
export class CpuMerge<Stream extends CpuStream> {
  private readonly heap: Stream[];
  private readonly order: Map<Stream, number>;
  /** The stream on top stays there before this time. */
  private bound = -Infinity;

  constructor(streams: readonly Stream[]) {
    this.order = new Map(streams.map((stream, i) => [stream, i]));
    this.heap = [...streams].sort((a, b) => (this.isBefore(a, b) ? -1 : 1));
  }

  /** The stream with the first event; null where there is none. */
  first(): Stream | null {
    return this.heap[0] ?? null;
  }

  /** The first stream went on, or is at its end; the stream with the next event, or null. */
  next(wentOn: boolean): Stream | null {
    const { heap } = this;
    const top = heap[0]!;
    if (wentOn && top.time < this.bound) return top;
    if (!wentOn) {
      const last = heap.pop()!;
      if (heap.length === 0) return null;
      heap[0] = last;
      this.sink();
      this.bound = this.nextTime();
      return heap[0]!;
    }
    const { length } = heap;
    if (length > 1 && this.isBefore(heap[1]!, top)) this.sink();
    else if (length > 2 && this.isBefore(heap[2]!, top)) this.sink();
    this.bound = this.nextTime();
    return heap[0]!;
  }

  /** The time of the first event below the top. */
  private nextTime(): number {
    const { heap } = this;
    if (heap.length < 2) return Infinity;
    const left = heap[1]!.time;
    return heap.length > 2 ? Math.min(left, heap[2]!.time) : left;
  }

  /** Moves the stream on top down to its place. */
  private sink(): void {
    const { heap } = this;
    const moving = heap[0]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!this.isBefore(heap[child]!, moving)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = moving;
  }

  private isBefore(a: Stream, b: Stream): boolean {
    if (a.time !== b.time) return a.time < b.time;
    if (a.cpu !== b.cpu) return a.cpu < b.cpu;
    return this.order.get(a)! < this.order.get(b)!;
  }
}
