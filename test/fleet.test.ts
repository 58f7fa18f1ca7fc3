// The examples of docs/fleet: scripts are correct shell, files are what their readers parse.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const SLURM = fileURLToPath(new URL('../docs/fleet/slurm-array.sh', import.meta.url));

function example(name: string): string {
  return readFileSync(new URL(`../docs/fleet/${name}`, import.meta.url), 'utf8');
}

/** What the script would run in a task of an array up to `last`. */
function slurmTask(id: number, last: number, more: Record<string, string> = {}): string {
  const { stdout, stderr, status } = spawnSync('bash', [SLURM, 'traces', 'out', '-m', 'a b.yaml'], {
    encoding: 'utf8',
    env: {
      ...process.env,
      DMALAB: 'printf %s|',
      SLURM_ARRAY_TASK_ID: String(id),
      SLURM_ARRAY_TASK_MAX: String(last),
      SLURM_CPUS_PER_TASK: '4',
      ...more,
    },
  });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  return stdout;
}

test('a task of a Slurm array runs its shard on its CPUs, also when some are started again', () => {
  const words = (shard: string): string =>
    `batch|traces|-o|out|--shard|${shard}|--jobs|4|--progress|none|-m|a b.yaml|`;
  expect(slurmTask(1, 16)).toBe(words('1/16'));
  expect(slurmTask(16, 16)).toBe(words('16/16'));
  expect(slurmTask(3, 7, { SHARDS: '16' })).toBe(words('3/16'));
});

test('the Slurm script says how it is used', () => {
  const { stderr, status } = spawnSync('bash', [SLURM, 'traces'], { encoding: 'utf8' });
  expect(status).toBe(2);
  expect(stderr).toMatch(/^usage: sbatch --array=1-N/);
});

test('the indexed job of Kubernetes counts its shards as often as it is completed', () => {
  const { spec } = parse(example('kubernetes-job.yaml'));
  const [{ args }] = spec.template.spec.containers;
  const { stdout } = spawnSync('sh', ['-c', args[0].replace('exec npx dmalab', 'echo')], {
    encoding: 'utf8',
    env: { ...process.env, JOB_COMPLETION_INDEX: String(spec.completions - 1) },
  });
  expect(spec.completionMode).toBe('Indexed');
  expect(stdout).toContain(`--shard ${spec.completions}/${spec.completions} `);
});

test('the matrix of the CI has as many shards as its command says', () => {
  const { shard } = parse(example('ci-matrix.yml')).jobs;
  const count = shard.strategy.matrix.shard.length;
  const commands = shard.steps.map(({ run }: { run?: string }) => run ?? '').join('\n');
  expect(shard.strategy.matrix.shard).toEqual(Array.from({ length: count }, (_, i) => i + 1));
  expect(commands).toContain(`--shard \${{ matrix.shard }}/${count}`);
});
