// The buffers that one reading fills; making them costs more than a small input takes to read.

import type { EventBatch } from './batch.ts';
import { eventBatch } from './batch-builder.ts';
import { lineWindow } from './lines.ts';
import type { TextWindow } from './text-window.ts';

/** Rows of a batch of events: 0.75 MB, which stay in the second cache between those who write and those who read them. */
const EVENT_ROWS = 8192;

/** Buffers for any number of readings, one after the other. */
export interface ReadingRoom {
  readonly window: TextWindow;
  readonly batch: EventBatch;
  /** For formats whose lines and names have a window each; made when it is first asked for. */
  readonly lines: TextWindow;
}

/** Buffers with room for `rows` rows at a time. */
export function readingRoom(rows: number = EVENT_ROWS): ReadingRoom {
  let lines: TextWindow | null = null;
  return {
    window: lineWindow(),
    batch: eventBatch(rows),
    get lines() {
      lines ??= lineWindow();
      return lines;
    },
  };
}
