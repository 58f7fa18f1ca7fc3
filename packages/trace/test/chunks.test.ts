import { readFileSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { eventLine, readText } from './support/read-text.ts';

const capture = new URL(
  '../../../traces/lossy-small-buffer/trace.pipe-lost.txt.zst',
  import.meta.url,
);

/** A piece with losses in it, and one of each oddity. */
function sample(): Buffer {
  const lines = zstdDecompressSync(readFileSync(capture)).toString().split('\n').slice(950, 1150);
  return Buffer.concat([
    Buffer.from(`# tracer: nop\n${lines.join('\n')}\n`),
    Buffer.from(
      eventLine('unmap: IOMMU: iova=0x1 size=1 unmapped_size=1').replace('nvme0', 'nvme\xff'),
      'latin1',
    ),
    Buffer.from(eventLine('dma_map_phys: cut').replace('\n', '\r\n')),
    Buffer.from('not a \0 line\n\n'),
    Buffer.from(eventLine('a: 1').trimEnd()),
  ]);
}

describe('the size of the chunks', () => {
  test.each([1, 2, 3, 7, 64, 65_536])('%i changes nothing', async (chunkSize) => {
    const whole = await readText(sample());
    const pieces = await readText(sample(), chunkSize);
    expect(pieces.rows).toEqual(whole.rows);
    expect(pieces.codes).toEqual(whole.codes);
    expect(pieces.counts.lines).toBe(whole.counts.lines);
    expect(pieces.counts.sha256).toBe(whole.counts.sha256);
    expect(whole.rows.length).toBeGreaterThan(200);
    expect(Object.keys(whole.codes).sort()).toEqual([
      'CRLF',
      'MALFORMED_EVENT',
      'NON_UTF8',
      'NUL_IN_LINE',
      'TRUNC_TAIL',
    ]);
  });
});
