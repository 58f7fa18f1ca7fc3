// The list of text formats; loaded with the first text, as binary files need none of them. The first match wins.

import { csv } from './csv.ts';
import { dmaDebug } from './dma-debug.ts';
import type { TraceFormat } from './format.ts';
import { ftraceText } from './ftrace.ts';
import { ftraceBare } from './ftrace-bare.ts';
import { ftraceFields } from './ftrace-fields.ts';
import { ftraceLatency } from './ftrace-latency.ts';
import { functionGraph } from './function-graph.ts';
import { bpftraceJson, jsonLines } from './json-lines.ts';
import { perfScript } from './perf-script.ts';
import { traceCmdReport } from './trace-cmd-report.ts';

/** All of them. */
export const textFormats: readonly TraceFormat[] = [
  ftraceLatency,
  ftraceFields,
  functionGraph,
  traceCmdReport,
  ftraceBare,
  ftraceText,
  perfScript,
  dmaDebug,
  bpftraceJson,
  jsonLines,
  csv,
];
