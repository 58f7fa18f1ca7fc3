// dmalab completion: the script that teaches a shell to complete commands, options and values.

import type { Argv, CommandModule } from 'yargs';
import { completionScript } from '../completion.ts';
import { print, printJson } from '../output.ts';

interface CompletionArguments {
  shell: 'bash' | 'zsh';
  json: boolean;
}

export const completion: CommandModule<object, CompletionArguments> = {
  command: 'completion <shell>',
  describe: 'Print a script that completes commands, options and policies in a shell',
  builder: (y: Argv) =>
    y
      .positional('shell', {
        describe: 'Shell',
        choices: ['bash', 'zsh'] as const,
        demandOption: true,
      })
      .option('json', { describe: 'One JSON document', type: 'boolean', default: false })
      .example('source <($0 completion bash)', 'for this shell')
      .example(
        '$0 completion zsh > ~/.zfunc/_dmalab',
        'for every zsh that has ~/.zfunc in its fpath',
      ) as unknown as Argv<CompletionArguments>,
  handler: ({ shell, json }) => {
    const script = completionScript(shell);
    if (json) printJson({ schema: 'dmalab.completion/1', shell, script });
    else print(script);
  },
};
