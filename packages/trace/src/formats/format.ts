// What a format is to the reader: a way to recognise it, and a way to turn its bytes into batches.

import type { EventBatch } from '../batch.ts';
import type { EventSink } from '../event-sink.ts';
import type { TextWindow } from '../text-window.ts';

/** One format: a record in its own file, and a line in the list of read-trace.ts. */
export interface TraceFormat {
  /** As shown by `info`. */
  readonly name: string;
  /** True for an input that begins with these bytes; `text` is the same, one character a byte. */
  matches(head: Uint8Array, text: string): boolean;
  /** Reads all events; names are interned from `window`. */
  read(
    chunks: AsyncIterable<Uint8Array>,
    window: TextWindow,
    sink: EventSink,
  ): AsyncGenerator<EventBatch, void, undefined>;
}
