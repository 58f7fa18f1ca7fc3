// The header of a ring buffer page, from the text of events/header_page (kernel/trace/ring_buffer.c).

import { parseFields } from './format-description.ts';

/** Where the parts of a page's header lie, and how its numbers are stored. */
export interface PageLayout {
  readonly little: boolean;
  /** Bytes of the kernel's long. */
  readonly longSize: number;
  readonly commitAt: number;
  readonly dataAt: number;
  /** Bytes of a page with its header. */
  readonly pageSize: number;
}

const TIMESTAMP = 8;

/** The layout that a header_page text describes; null where it is none. */
export function pageLayout(text: string, little: boolean, pageSize: number): PageLayout | null {
  const fields = parseFields(text, 8);
  const commit = fields?.find(({ name }) => name === 'commit');
  const data = fields?.find(({ name }) => name === 'data');
  if (commit === undefined || (commit.size !== 4 && commit.size !== 8)) return null;
  const commitAt = commit.offset;
  const dataAt = data?.offset ?? commitAt + commit.size;
  if (commitAt < TIMESTAMP || dataAt < commitAt + commit.size || dataAt > pageSize - 4) return null;
  return { little, longSize: commit.size, commitAt, dataAt, pageSize };
}
