// A recording with the running kernel: probes, instance, workload, files, and the way back.
//
// Whatever happens, the instance and the probes are removed: on an error, on an interrupt (what was recorded
// is kept), and on a second interrupt while the trace is being saved.

import { createReadStream, createWriteStream, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createZstdCompress } from 'node:zlib';
import { beginFile } from '@dmalab/trace';
import { InputError } from '../input-error.ts';
import { writeOutput } from '../output-file.ts';
import { deviceFacts, machineFacts } from './machine-facts.ts';
import { PROBE_GROUP, type Probe, probeLine } from './probes.ts';
import { eventSystems, INSTANCE, type Recipe } from './recipe.ts';
import { traceCmdWords } from './recording-script.ts';
import { type CpuStats, readStats, totalOf } from './ring-buffer-stats.ts';
import { define, makeInstance, read, removeInstance, type Tracefs, write } from './tracefs.ts';
import { runWorkload, type WorkloadEnd } from './workload.ts';

/** What a recording left. */
export interface Recording {
  /** The file that dmalab reads. */
  readonly trace: string;
  readonly stats: CpuStats;
  /** Functions that could not be probed. */
  readonly missing: readonly string[];
  readonly workload: WorkloadEnd;
}

/** Records into `recipe.output`, which must not hold a recording yet. */
export async function record(
  tracefs: Tracefs,
  recipe: Recipe,
  missing: readonly string[],
  tool: 'tracefs' | 'trace-cmd',
): Promise<Recording> {
  prepareOutput(recipe.output);
  // Until all is undone a signal may only be heard where one waits: at the workload and while saving.
  const hear = (): void => {};
  process.on('SIGINT', hear);
  process.on('SIGTERM', hear);
  try {
    if (tool === 'trace-cmd') return await recordProbed(tracefs, recipe, missing, tool);
    makeInstance(tracefs, INSTANCE);
    return await recordProbed(tracefs, recipe, missing, tool);
  } finally {
    process.off('SIGINT', hear);
    process.off('SIGTERM', hear);
  }
}

async function recordProbed(
  tracefs: Tracefs,
  recipe: Recipe,
  missing: readonly string[],
  tool: 'tracefs' | 'trace-cmd',
): Promise<Recording> {
  const defined: Probe[] = [];
  const refused: string[] = [...missing];
  try {
    for (const probe of recipe.probes) {
      if (define(tracefs, probeLine(probe, recipe.style))) defined.push(probe);
      else refused.push(probe.symbol);
    }
    const before = deviceFacts(sysfsOf(tracefs));
    const taken: Recipe = { ...recipe, probes: defined };
    const done =
      tool === 'tracefs' ? await recordInstance(tracefs, taken) : await recordTraceCmd(taken);
    saveMeta(tracefs, recipe, { defined, refused, before, ...done });
    return { ...done, stats: totalOf(done.stats), missing: refused };
  } finally {
    // The probes can only go once no instance has them enabled.
    if (tool === 'tracefs') endInstance(tracefs);
    for (const { event } of defined) define(tracefs, `-:${PROBE_GROUP}/${event}`);
  }
}

function endInstance(tracefs: Tracefs): void {
  const steps = [
    () => write(tracefs, join('instances', INSTANCE, 'tracing_on'), '0'),
    () => write(tracefs, join('instances', INSTANCE, 'events/enable'), '0'),
    () => removeInstance(tracefs, INSTANCE),
  ];
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      // The next steps are still worth a try, and the first error is what the user must see.
      process.emitWarning(`clean-up: ${(error as Error).message}`);
    }
  }
}

function prepareOutput(output: string): void {
  for (const name of ['trace.txt.zst', 'trace.dat', 'meta.json']) {
    if (existsSync(join(output, name))) {
      throw new InputError(output, `holds a recording already (${name}): name another folder`);
    }
  }
  mkdirSync(output, { recursive: true });
}

interface Done {
  readonly trace: string;
  readonly stats: Record<string, CpuStats>;
  readonly workload: WorkloadEnd;
}

async function recordInstance(tracefs: Tracefs, recipe: Recipe): Promise<Done> {
  const instance = join(tracefs.root, 'instances', INSTANCE);
  const set = (name: string, value: string): void =>
    write(tracefs, join('instances', INSTANCE, name), value);
  set('tracing_on', '0');
  set('trace_clock', recipe.clock);
  set('buffer_size_kb', String(recipe.bufferKb));
  enableEvents(tracefs, recipe, set);
  set('tracing_on', '1');
  const workload = await runWorkload(recipe.command, recipe.seconds);
  set('tracing_on', '0');
  const trace = join(recipe.output, 'trace.txt.zst');
  await saveTrace(join(instance, 'trace'), trace);
  return { trace, stats: readStats(instance), workload };
}

function enableEvents(
  tracefs: Tracefs,
  { systems, probes, sync }: Recipe,
  set: (name: string, value: string) => void,
): void {
  for (const system of systems) set(`events/${system}/enable`, '1');
  if (probes.length > 0) set(`events/${PROBE_GROUP}/enable`, '1');
  if (sync || !systems.includes('dma')) return;
  for (const list of ['single', 'sg']) {
    for (const side of ['cpu', 'device']) {
      const event = `events/dma/dma_sync_${list}_for_${side}`;
      if (existsSync(join(tracefs.root, event))) set(`${event}/enable`, '0');
    }
  }
}

// An interrupt while the trace is being saved ends the saving; the way back is gone all the same.
async function saveTrace(from: string, to: string): Promise<void> {
  const begun = beginFile(to);
  const abort = new AbortController();
  const onSignal = (): void => abort.abort();
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    const { signal } = abort;
    const output = createWriteStream(begun.path);
    await pipeline(createReadStream(from), createZstdCompress(), output, { signal });
    begun.commit();
  } catch (error) {
    begun.discard();
    if (abort.signal.aborted) throw new InputError(to, 'was not saved to its end: interrupted');
    throw new InputError(to, `cannot be saved: ${(error as Error).message}`);
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

async function recordTraceCmd(recipe: Recipe): Promise<Done> {
  const workload = await runWorkload(traceCmdWords(recipe), 0);
  const trace = join(recipe.output, 'trace.dat');
  if (!existsSync(trace)) throw new InputError(trace, 'trace-cmd made no file');
  return { trace, stats: {}, workload };
}

interface MetaParts extends Done {
  readonly defined: readonly Probe[];
  readonly refused: readonly string[];
  readonly before: object;
}

function saveMeta(tracefs: Tracefs, recipe: Recipe, parts: MetaParts): void {
  const meta = {
    workload: recipe.command.join(' ') || null,
    ...machineFacts(),
    trace_clock: recipe.clock,
    buffer_size_kb_per_cpu: String(recipe.bufferKb),
    enabled_events: eventSystems({ ...recipe, probes: parts.defined }).map((name) => `${name}:*`),
    probes: parts.defined.map((probe) => probeLine(probe, recipe.style)),
    probes_not_available: parts.refused,
    kprobe_profile: recipe.style === 'kprobe' ? read(join(tracefs.root, 'kprobe_profile')) : null,
    ring_buffer: { stats: { total: totalOf(parts.stats), per_cpu: parts.stats } },
    before: parts.before,
    after: deviceFacts(sysfsOf(tracefs)),
  };
  writeOutput(join(recipe.output, 'meta.json'), `${JSON.stringify(meta, null, 1)}\n`);
}

/** A stand-in has its own below it, so that nothing of this machine is taken for its facts. */
function sysfsOf({ root, isStandIn }: Tracefs): string {
  return isStandIn ? join(root, 'sys') : '/sys';
}
