// Places in a trace as findings name them ("folder/trace.txt:12"), apart from the folder that it lies in: a result, or a
// table of the requests, is the same wherever that is.

import type { Diagnostic, ReadReport } from './capture.ts';

/** The place without the folder of the trace `source`: "/a/b/trace.txt:12" is "trace.txt:12". */
export function placeInTrace(place: string, source: string): string {
  const folder = folderOf(source);
  return place.startsWith(folder) ? place.slice(folder.length) : place;
}

/** A report whose source and places are names in the folder of the trace. */
export function withoutFolder(report: ReadReport): ReadReport {
  const { source } = report;
  return placed(report, (place) => placeInTrace(place, source));
}

/** A report as {@link withoutFolder} gives it, for a trace at `path`. */
export function inFolderOf(report: ReadReport, path: string): ReadReport {
  const folder = folderOf(path);
  const place = (name: string): string => (name.startsWith('/') ? name : `${folder}${name}`);
  return { ...placed(report, place), source: path };
}

function placed(report: ReadReport, place: (name: string) => string): ReadReport {
  const diagnostics = report.diagnostics.map(
    (one): Diagnostic => ({ ...one, where: one.where.map(place) }),
  );
  return { ...report, source: place(report.source), diagnostics };
}

/** With its slash; empty for a bare name. */
function folderOf(path: string): string {
  return path.slice(0, path.replace(/\/+$/, '').lastIndexOf('/') + 1);
}
