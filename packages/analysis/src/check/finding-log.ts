// Collects findings: all are counted, the first of each code and confidence are kept.

import type { Capture, RequestBatch } from '@dmalab/trace';
import {
  type Confidence,
  type Finding,
  type FindingCode,
  type FindingLine,
  findingKinds,
  hexAddress,
} from './finding.ts';
import type { Mappings } from './mappings.ts';

/** Findings of one code by confidence. */
export interface FindingCount {
  readonly code: FindingCode;
  readonly certain: number;
  readonly likely: number;
  readonly possible: number;
}

const CONFIDENCES: readonly Confidence[] = ['certain', 'likely', 'possible'];

/** How sure something is, and why. */
export interface Judgement {
  readonly confidence: Confidence;
  readonly reason: string;
}

/** Keeps `limit` findings of each code and confidence. */
export class FindingLog {
  readonly #capture: Capture;
  readonly #limit: number;
  readonly #kept: Finding[] = [];
  readonly #counts = new Map<string, number>();

  constructor(capture: Capture, limit: number) {
    this.#capture = capture;
    this.#limit = limit;
  }

  add(finding: Finding): void {
    const key = `${finding.code} ${finding.confidence}`;
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    if (count <= this.#limit) this.#kept.push(finding);
  }

  /** A finding about the call of row `i`. */
  addRow(
    code: FindingCode,
    judged: Judgement,
    b: RequestBatch,
    i: number,
    lines: readonly FindingLine[],
    message: string,
  ): void {
    this.add({
      code,
      ...judged,
      device: this.device(b.device[i]!),
      task: this.task(b.task[i]!),
      address: hexAddress(b.addressLow[i]!, b.addressHigh[i]!),
      count: 1,
      bytes: b.size[i]!,
      time: b.time[i]!,
      lines,
      message,
    });
  }

  device(index: number): string {
    return this.#capture.facts.devices[index]?.name || 'unknown device';
  }

  task(index: number): string {
    return this.#capture.tasks[index] || 'unknown task';
  }

  at(role: FindingLine['role'], line: number): FindingLine {
    return { role, where: `${this.#capture.report.source}:${line}` };
  }

  hex(mappings: Mappings, m: number): string {
    return hexAddress(mappings.addressLow[m]!, mappings.addressHigh[m]!);
  }

  /** Where slot `m` was mapped. */
  mapOf(mappings: Mappings, m: number, role: FindingLine['role'] = 'map'): FindingLine {
    return this.at(role, mappings.line[m]!);
  }

  /** The surest first, then in the order of the codes, then of time. */
  findings(): Finding[] {
    const codes = findingKinds.map(({ code }): string => code);
    return this.#kept.sort(
      (a, b) =>
        CONFIDENCES.indexOf(a.confidence) - CONFIDENCES.indexOf(b.confidence) ||
        codes.indexOf(a.code) - codes.indexOf(b.code) ||
        a.time - b.time,
    );
  }

  counts(): FindingCount[] {
    const of = (code: FindingCode, confidence: Confidence): number =>
      this.#counts.get(`${code} ${confidence}`) ?? 0;
    return findingKinds
      .map(({ code }) => ({
        code,
        certain: of(code, 'certain'),
        likely: of(code, 'likely'),
        possible: of(code, 'possible'),
      }))
      .filter(({ certain, likely, possible }) => certain + likely + possible > 0);
  }
}
