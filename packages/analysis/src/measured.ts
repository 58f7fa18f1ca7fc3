// What is measured in a trace, without all that replays need: `@dmalab/analysis/measured`.
//
// To load the whole package takes longer than to read a small trace.

export { formatDuration } from './quantity.ts';
export { measuredLatencies } from './stats/measured.ts';
