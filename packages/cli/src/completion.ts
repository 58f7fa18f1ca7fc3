// What may follow on a command line: commands, options and the values that they take.
//
// Nothing: the shell offers files.

import { bouncePolicies, flushPolicies, hostPolicies, iovaPolicies } from '@dmalab/replay';
import { type CommandOption, optionsOf } from './command-options.ts';
import { COMMAND_NAMES } from './commands.ts';
import { valuesOf } from './completed-values.ts';

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
  const [, joined = '', begun = ''] = /^--([\w-]+)=(.*)$/s.exec(current) ?? [];
  if (joined !== '') {
    const values = await valuesFor(optionNamed(options, `--${joined}`), begun);
    return values.map((value) => `--${joined}=${value}`);
  }
  const option = optionNamed(options, typed.at(-2) ?? '');
  if (option !== undefined && option.type !== 'boolean') return await valuesFor(option, current);
  if (current.startsWith('-'))
    return ['--help', '--config', ...options.map(({ name }) => `--${name}`)];
  return await positionals(command);
}

function optionNamed(options: readonly CommandOption[], word: string): CommandOption | undefined {
  return options.find(
    ({ name, aliases }) => word === `--${name}` || aliases.some((alias) => word === `-${alias}`),
  );
}

async function valuesFor(
  option: CommandOption | undefined,
  begun: string,
): Promise<readonly string[]> {
  if (option === undefined) return [];
  return option.choices.length > 0 ? option.choices : await valuesOf(option.name, begun);
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

// bash breaks words at "=" and ":": whole words are cut from the line, and replies are without what comes before its own last word.
// What goes on after a reply ends with no blank.
const BASH = `# bash completion of dmalab. Now: source <(dmalab completion bash)
_dmalab() {
  local line="\${COMP_LINE:0:COMP_POINT}" last="\${COMP_WORDS[COMP_CWORD]}" whole held word
  local -a words
  read -ra words <<< "$line"
  [[ "$line" == *[[:space:]] ]] && words+=("")
  whole="\${words[\${#words[@]}-1]}"
  case "$last" in
    = | :) held="$whole" ;;
    *) held="\${whole%"$last"}" ;;
  esac
  COMPREPLY=()
  while IFS= read -r word; do
    COMPREPLY+=("\${word#"$held"}")
  done < <("$1" --get-completions "\${words[@]:1}" 2>/dev/null)
  case "\${COMPREPLY[0]}" in
    *[=@]) compopt -o nospace 2>/dev/null ;;
  esac
}
complete -o default -F _dmalab dmalab
`;

const ZSH = `#compdef dmalab
# zsh completion of dmalab. Now: source <(dmalab completion zsh)
_dmalab() {
  local -a found open
  found=("\${(@f)$("\${words[1]}" --get-completions "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[1]}" ]]; then
    open=("\${(@M)found:#*[=@]}")
    found=("\${(@)found:#*[=@]}")
    (( $#open )) && compadd -S '' -- "\${open[@]}"
    (( $#found )) && compadd -- "\${found[@]}"
  else
    _files
  fi
}
compdef _dmalab dmalab
`;
