import type { ValueSpec } from "../table/index.ts";
import { type CommandSpec, commands, type OperandSpec } from "../table/index.ts";
import { offeredOptions } from "./offered.ts";

/** For bash 3.2 and later, with or without the bash-completion package. */
export function bashScript(): string {
  return `# bash completion for dure. Load it with: source <(dure completion bash)
_dure() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="" index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index += 1)); do
    case "\${COMP_WORDS[index]}" in
      ${valueOptions(undefined).join("|")}) index=$((index + 1)) ;;
      -*) ;;
      *) command="\${COMP_WORDS[index]}"; break ;;
    esac
  done
  if [ -z "$command" ]; then
    case "$before" in
${valueCases(undefined, "      ")}
    esac
    case "$word" in
      -*) _dure_words "${optionWords(undefined)}" ;;
      *) _dure_words "${commands.map((command) => command.name).join(" ")}" ;;
    esac
    return
  fi
  case "$command" in
${commands.map(commandCase).join("\n")}
  esac
}
_dure_words() {
  COMPREPLY=($(compgen -W "$1" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
_dure_paths() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen "$@" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
# Folders, and files that end in what is given.
_dure_suffix() {
  local IFS=$'\\n' word="\${COMP_WORDS[COMP_CWORD]}"
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen -d -- "$word") $(compgen -f -X "!*$1" -- "$word"))
}
complete -F _dure dure
`;
}

function commandCase(command: CommandSpec): string {
  const { verbs } = command;
  // The verb follows its command; all verbs of a command that take something take the same.
  const rest = verbs?.find((verb) => verb.operands.length > 0)?.operands[0] ?? command.operands[0];
  const verbCase =
    verbs === undefined
      ? ""
      : `\n        ${command.name}) [[ $word == -* ]] || { ${words(verbs.map((verb) => verb.name))}; return; } ;;`;
  return `    ${command.name})
      case "$before" in
${valueCases(command, "        ")}${verbCase}
      esac
      case "$word" in
        -*) _dure_words "${optionWords(command)}" ;;
        *) ${operandWords(rest?.complete) ?? words([optionWords(command)])} ;;
      esac
      ;;`;
}

function operandWords(complete: OperandSpec["complete"] | undefined): string | undefined {
  switch (complete) {
    case undefined:
      return undefined;
    case "torrent":
      return "_dure_suffix .torrent";
    case "path":
      return "_dure_paths -f";
    case "command":
      return words(commands.map((other) => other.name));
    case "none":
      return ":";
    default:
      return words(complete);
  }
}

function words(all: readonly string[]): string {
  return `_dure_words "${all.join(" ")}"`;
}

function optionWords(command: CommandSpec | undefined): string {
  return offeredOptions(command)
    .map(([name]) => `--${name}`)
    .join(" ");
}

function valueOptions(command: CommandSpec | undefined): string[] {
  return offeredOptions(command)
    .filter(([, spec]) => spec.value !== undefined)
    .map(([name]) => `--${name}`);
}

// After an option that takes a value: what that value can be, and nothing else.
function valueCases(command: CommandSpec | undefined, indent: string): string {
  return offeredOptions(command)
    .flatMap(([name, { value, short }]) => {
      if (value === undefined) return [];
      const names = short === undefined ? `--${name}` : `--${name}|-${short}`;
      return [`${indent}${names}) ${valueWords(value)}; return ;;`];
    })
    .join("\n");
}

function valueWords(value: ValueSpec): string {
  switch (value.type) {
    case "folder":
      return "_dure_paths -d";
    case "file":
      return value.suffix === undefined ? "_dure_paths -f" : `_dure_suffix ${value.suffix}`;
    case "choice":
      return words(value.choices);
    case "bootstrap":
      return words(["none"]);
    default:
      return ":";
  }
}
