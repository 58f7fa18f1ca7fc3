export * from './batch.ts';
export * from './capture.ts';
export { isTraceDirectory } from './directory/cpu-files.ts';
export * from './durations/duration-log.ts';
export * from './event-reader.ts';
export { TABLE_FIELDS } from './formats/table-header.ts';
export * from './kernel-log.ts';
export { inFolderOf, placeInTrace } from './places.ts';
export { pairCapture, type ReadOptions, readCapture } from './read-capture.ts';
export {
  type OpenOptions,
  openTrace,
  openTraceBytes,
} from './read-trace.ts';
export { type ReadingRoom, readingRoom } from './reading-room.ts';
export { hasUnmapEvents } from './recorded-unmaps.ts';
export { copyRequest, createRequestBatch } from './request-batch.ts';
export type {
  ColumnType,
  ColumnValues,
  TableChunk,
  TableColumn,
  TableWriter,
} from './tables/table.ts';
export * from './trace-error.ts';
export {
  beginFile,
  discardUnfinishedFiles,
  type UnfinishedFile,
  watchUnfinishedFiles,
} from './unfinished-file.ts';
export {
  createTable,
  saveRequests,
  TABLE_FORMATS,
  type TableFile,
  type TableFormatName,
  writeEvents,
  writeRequests,
} from './write-tables.ts';
