export * from './batch.ts';
export * from './capture.ts';
export * from './event-reader.ts';
export * from './trace-error.ts';
export { type OpenOptions, openTrace } from './read-trace.ts';
