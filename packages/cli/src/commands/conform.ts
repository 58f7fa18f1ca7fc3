// dmalab conform: the models against the answers of the kernel's own code.

import { existsSync, statSync } from 'node:fs';
import type { Argv, CommandModule } from 'yargs';
import { timeStreams } from '../conform/bench-streams.ts';
import { checkStreams } from '../conform/golden-streams.ts';
import { checkPolicyFiles } from '../conform/policy-rules.ts';
import { InputError } from '../input-error.ts';
import { type PolicyArguments, policyOption } from '../policy-file.ts';
import { UsageError } from '../usage-error.ts';

interface ConformArguments extends PolicyArguments {
  dirs: string[];
  bench: boolean;
  profile?: string;
  json: boolean;
}

export const conform: CommandModule<object, ConformArguments> = {
  command: 'conform [dirs..]',
  describe:
    "Check the models against golden streams of the kernel's own code, or a policy against the rules of its kind",
  builder: (y: Argv) =>
    policyOption(y)
      .positional('dirs', {
        describe: 'Folders with scenario files (layout: test/golden/README.md)',
        type: 'string',
        array: true,
        default: [],
      })
      .option('bench', {
        describe: 'Measure the speed of the streams in a folder laid out like test/golden/bench',
        type: 'boolean',
        default: false,
      })
      .option('profile', {
        describe: 'With --bench: one stream and kernel alone, in this process (NAME/KERNEL)',
        type: 'string',
        requiresArg: true,
        implies: 'bench',
      })
      .option('json', { describe: 'One JSON document', type: 'boolean', default: false })
      .example(
        '$0 conform --policy ./mine.ts',
        'runs your policies against the rules of their kind',
      )
      .example('$0 conform test/golden', 'checks every stream, exit code 1 at any mismatch')
      .example(
        '$0 conform test/golden/bench --bench',
        'ns per operation beside the C code',
      ) as unknown as Argv<ConformArguments>,
  handler: async ({ dirs, policy = [], bench, profile, json }) => {
    if ((dirs.length === 0) === (policy.length === 0)) {
      throw new UsageError('expected folders with golden streams, or --policy FILE instead');
    }
    for (const dir of dirs) {
      if (!existsSync(dir)) throw new InputError(dir, 'no such folder');
      if (bench && !statSync(dir).isDirectory()) {
        throw new InputError(
          dir,
          'not a folder; --profile NAME/KERNEL measures one stream of a folder',
        );
      }
    }
    if (policy.length > 0) await checkPolicyFiles(policy, json);
    else if (bench) timeStreams(dirs, profile ?? null, json);
    else checkStreams(dirs, json);
  },
};
