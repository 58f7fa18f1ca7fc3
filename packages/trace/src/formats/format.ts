// What a format is to the reader: a way to recognise it, and a way to turn its bytes into batches.

import type { EventBatch } from '../batch.ts';
import type { EventSink } from '../event-sink.ts';
import type { RandomAccess } from '../random-access.ts';
import type { ReadingRoom } from '../reading-room.ts';
import type { TextWindow } from '../text-window.ts';

/** What the caller says about an input. */
export interface FormatOptions {
  /** Columns of a table by the field they hold: `{ op: 'action', iova: 'where' }`. */
  readonly columns?: Readonly<Record<string, string>>;
  /** Buffers to read with, once an earlier reading with them is over; else each reading makes its own. */
  readonly room?: ReadingRoom;
}

/** One format: a record in its own file, and a line in the list of read-trace.ts. */
export interface TraceFormat {
  /** As shown by `info`. */
  readonly name: string;
  /** True for an input that begins with these bytes; `text` is the same, one character a byte. */
  matches(head: Uint8Array, text: string, options: FormatOptions): boolean;
  /** Reads all events; names are interned from `window`. */
  read(
    chunks: AsyncIterable<Uint8Array>,
    window: TextWindow,
    sink: EventSink,
    options: FormatOptions,
  ): AsyncGenerator<EventBatch, void, undefined>;
}

/** A format that is read at positions of its choice: the same, without text. */
export interface BinaryFormat {
  /** As shown by `info`. */
  readonly name: string;
  /** True for an input that begins with these bytes. */
  matches(head: Uint8Array): boolean;
  /** Reads all events; `window` is room for names that are to be interned. */
  read(
    file: RandomAccess,
    window: TextWindow,
    sink: EventSink,
  ): AsyncIterable<EventBatch> | Iterable<EventBatch>;
}
