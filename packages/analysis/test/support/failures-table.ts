// Tables of a batch for tests, by their numbers of failed maps.

import { type BatchTable, batchTable, figureColumns, rowOfFailure } from '@dmalab/analysis';

const FAILED = figureColumns.indexOf('failed_maps');
/** A name that would be markup. */
export const HOSTILE = '</script><b>"';

/** A table whose only figure is that of failed maps: machine `a` has `values`, `b` twice as many. */
export function tableOf(values: readonly number[]): BatchTable {
  const rows = values.flatMap((value, i) =>
    ['a', 'b'].map((machine, m) => ({
      trace: `${HOSTILE}${i}`,
      machine,
      folder: `t${i}/${machine}`,
      error: null,
      facts: null,
      figures: figureColumns.map((_, at) => (at === FAILED ? value * (m + 1) : null)),
    })),
  );
  const machines = ['a', 'b'].map((name) => ({ name, sha256: '' }));
  return batchTable('1', machines, [...rows, rowOfFailure('broken', null, 'no trace')]);
}
