// A recording as a shell script: what `dmalab record --print` shows.
//
// The script does what the command does: a probe whose function the kernel lacks is left out, and the
// instance and the probes go away however it ends.

import { PROBE_GROUP, probeLine } from './probes.ts';
import { eventSystems, INSTANCE, type Recipe } from './recipe.ts';

/** The script for tracefs. */
export function tracefsScript(recipe: Recipe): string {
  const { clock, bufferKb, sync, systems } = recipe;
  return `${head(recipe)}I=$T/instances/${INSTANCE}
mkdir "$I"
${cleanUp(recipe, REMOVE_INSTANCE)}
${probes(recipe)}

echo 0 > "$I/tracing_on"
echo ${clock} > "$I/trace_clock"
echo ${bufferKb} > "$I/buffer_size_kb"    # per CPU
for s in ${[...systems, PROBE_GROUP].join(' ')}; do
  if [ -d "$I/events/$s" ]; then echo 1 > "$I/events/$s/enable"; fi
done
${sync || !systems.includes('dma') ? '' : WITHOUT_SYNC}
echo 1 > "$I/tracing_on"
${workload(recipe)} || echo "the workload ended with $?" >&2
echo 0 > "$I/tracing_on"

cat "$I/trace" > "$OUT/trace.txt"
cat "$I"/per_cpu/cpu*/stats > "$OUT/stats.txt"
${misses(recipe)}${metaJson(recipe)}if grep -E '^(overrun|commit overrun|dropped events): [1-9]' "$OUT/stats.txt"; then
  echo "events were lost: record for less time, or with a larger buffer" >&2
  exit 1
fi
`;
}

const REMOVE_INSTANCE = `  echo 0 > "$I/tracing_on"
  echo 0 > "$I/events/enable"
  rmdir "$I"
`;

const WITHOUT_SYNC = `for e in "$I"/events/dma/dma_sync_*; do
  if [ -d "$e" ]; then echo 0 > "$e/enable"; fi
done
`;

const WITHOUT_SYNC_WORDS = `if [ -d "$T/events/dma" ]; then EVENTS="$EVENTS -v -e dma:dma_sync_*"; fi
`;

/** The script for trace-cmd, which makes the probes by tracefs too. */
export function traceCmdScript(recipe: Recipe): string {
  const words = traceCmdWords(recipe);
  return `${head(recipe)}${cleanUp(recipe, '')}
${probes(recipe)}

# Systems that this kernel does not have would make trace-cmd give up.
set -f
EVENTS=
for s in ${[...recipe.systems, PROBE_GROUP].join(' ')}; do
  if [ -d "$T/events/$s" ]; then EVENTS="$EVENTS -e $s"; fi
done
${recipe.sync || !recipe.systems.includes('dma') ? '' : WITHOUT_SYNC_WORDS}
${words.slice(0, words.indexOf('-e')).map(quote).join(' ')} $EVENTS ${words.slice(words.indexOf('-o')).map(quote).join(' ')}
set +f
${misses(recipe)}${metaJson(recipe)}`;
}

/** The command line of trace-cmd. */
export function traceCmdWords(recipe: Recipe): string[] {
  const { clock, bufferKb, systems, sync } = recipe;
  const events = eventSystems(recipe).flatMap((system) => ['-e', system]);
  const without = !sync && systems.includes('dma') ? ['-v', '-e', 'dma:dma_sync_*'] : [];
  const run = recipe.command.length > 0 ? recipe.command : ['sleep', String(recipe.seconds)];
  const output = ['-o', `${recipe.output}/trace.dat`];
  return [
    'trace-cmd',
    'record',
    '-C',
    clock,
    '-b',
    String(bufferKb),
    ...events,
    ...without,
    ...output,
    ...run,
  ];
}

function head({ release, output, tracefs }: Recipe): string {
  return `#!/bin/sh
# Records DMA on Linux ${release}; run as root. Then: dmalab info FOLDER/trace.*
set -eu
T=${quote(tracefs)}
OUT=${quote(output)}
mkdir -p "$OUT"
`;
}

function cleanUp({ probes }: Recipe, instance: string): string {
  return `
clean_up() {
  set +e
${instance}  for p in ${[...new Set(probes.map(({ event }) => event))].join(' ')}; do
    echo "-:${PROBE_GROUP}/$p" >> "$T/dynamic_events"
  done 2> /dev/null
}
trap clean_up EXIT
trap 'exit 130' INT TERM

probe() {
  if { grep -q . "$T/available_filter_functions" && ! grep -Eq "^$1( |$)" "$T/available_filter_functions"; } 2> /dev/null ||
     ! echo "$2" 2> /dev/null >> "$T/dynamic_events"; then
    echo "left out, not to be probed here: $1" >&2
  fi
}
`;
}

function probes({ probes: all, style }: Recipe): string {
  return all.map((probe) => `probe ${probe.symbol} ${quote(probeLine(probe, style))}`).join('\n');
}

function workload({ command, seconds }: Recipe): string {
  if (command.length > 0) return command.map(quote).join(' ');
  return seconds > 0
    ? `sleep ${seconds}`
    : "sh -c 'echo Press Enter to end the recording; read -r _'";
}

// Kprobes that are hit while another is handled are not recorded, only counted.
function misses({ style }: Recipe): string {
  return style === 'kprobe' ? 'cat "$T/kprobe_profile" > "$OUT/kprobe_profile.txt"\n' : '';
}

function metaJson({ clock }: Recipe): string {
  return `json() { sed 's/\\\\/\\\\\\\\/g; s/"/\\\\"/g' "$@"; }
cat > "$OUT/meta.json" <<END
{
  "kernel": "$(uname -srvm | json)",
  "cmdline": "$(json /proc/cmdline)",
  "machine": { "cpus": $(getconf _NPROCESSORS_CONF) },
  "trace_clock": "${clock}"
}
END
`;
}

/** A word as the shell takes it. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
