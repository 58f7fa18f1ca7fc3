// What may follow on a command line: commands, options and the values that they take.
//
// Nothing: the shell offers files.

import {
  bouncePolicies,
  flushPolicies,
  hostPolicies,
  iovaPolicies,
  type Policy,
} from '@dmalab/replay';
import { optionsOf } from './command-options.ts';
import { COMMAND_NAMES } from './commands.ts';

const SHELLS = ['bash', 'zsh'] as const;

/** Words that may stand in place of the last of `typed`, which may be empty or begun; `typed` is without "dmalab". */
export async function completionsOf(typed: readonly string[]): Promise<string[]> {
  const current = typed.at(-1) ?? '';
  const words = await candidates(typed, current);
  return words.filter((word) => word.startsWith(current));
}

async function candidates(typed: readonly string[], current: string): Promise<readonly string[]> {
  const [command = ''] = typed;
  if (typed.length <= 1) return [...COMMAND_NAMES, '--help', '--version'];
  const options = await optionsOf(command);
  const before = precedingWord(typed);
  const option = options.find(
    ({ name, aliases }) =>
      before === `--${name}` || aliases.some((alias) => before === `-${alias}`),
  );
  if (option !== undefined && option.type !== 'boolean') {
    return option.choices.length > 0 ? option.choices : policyNames(option.name);
  }
  if (current.startsWith('-'))
    return ['--help', '--config', ...options.map(({ name }) => `--${name}`)];
  return await positionals(command);
}

// bash makes a word of "=".
function precedingWord(typed: readonly string[]): string {
  const before = typed.at(-2) ?? '';
  return before === '=' ? (typed.at(-3) ?? '') : before;
}

function policyNames(option: string): string[] {
  const names = (policies: readonly Policy[]): string[] => policies.map(({ name }) => name);
  switch (option) {
    case 'flush':
      return [...names(flushPolicies), 'recorded'];
    case 'bounce':
      return names(bouncePolicies);
    case 'host':
      return names(hostPolicies);
    case 'allocator':
      return names(iovaPolicies);
    default:
      return [];
  }
}

async function positionals(command: string): Promise<readonly string[]> {
  switch (command) {
    case 'chart':
      return (await import('@dmalab/analysis')).charts.map(({ name }) => name);
    case 'policies':
      return [iovaPolicies, flushPolicies, bouncePolicies, hostPolicies]
        .flat()
        .map(({ name }) => name);
    case 'completion':
      return SHELLS;
    default:
      return [];
  }
}

/** The script that teaches a shell to complete; it asks dmalab for each word. */
export function completionScript(shell: (typeof SHELLS)[number]): string {
  return shell === 'bash' ? BASH : ZSH;
}

const BASH = `# bash completion of dmalab. Now: source <(dmalab completion bash)
_dmalab() {
  local word
  COMPREPLY=()
  while IFS= read -r word; do
    COMPREPLY+=("$word")
  done < <("$1" --get-completions "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _dmalab dmalab
`;

const ZSH = `#compdef dmalab
# zsh completion of dmalab. Now: source <(dmalab completion zsh)
_dmalab() {
  local -a found
  found=("\${(@f)$("\${words[1]}" --get-completions "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[1]}" ]]; then
    compadd -- "\${found[@]}"
  else
    _files
  fi
}
compdef _dmalab dmalab
`;
