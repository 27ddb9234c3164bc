import { valueName } from "../help/help.ts";
import type { Messages } from "../messages/index.ts";
import type { ValueSpec } from "../table/index.ts";
import { type CommandSpec, commands, type OperandSpec, type OptionSpec } from "../table/index.ts";
import { offeredOptions } from "./offered.ts";

export function zshScript(messages: Messages): string {
  const rows = commands.map((command) => `    ${quote(`${command.name}:${messages.text(command.summary)}`)}`);
  return `#compdef dure
# zsh completion for dure: put it as _dure into a folder of $fpath.
_dure() {
  local context state line
  typeset -A opt_args
  local -a dure_commands=(
${rows.join("\n")}
  )
  _arguments -C \\
${specs(undefined, messages, "    ")} \\
    '1: :->command' \\
    '*:: :->rest' && return
  case $state in
    command) _describe command dure_commands ;;
    rest)
      case $words[1] in
${commands.map((command) => commandCase(command, messages)).join("\n")}
      esac
      ;;
  esac
}
_dure "$@"
`;
}

function commandCase(command: CommandSpec, messages: Messages): string {
  const operands = places(command).map(
    ({ name, complete }, index) =>
      ` \\\n            ${quote(`${index + 1}:${escapeSpec(name)}:${operandAction(complete)}`)}`,
  );
  return `        ${command.name})
          _arguments -S \\
${specs(command, messages, "            ")}${operands.join("")}
          ;;`;
}

/** The verb, if there is one, and what follows; all verbs of a command that take something take the same. */
function places({ verbs, operands }: CommandSpec): readonly Pick<OperandSpec, "name" | "complete">[] {
  if (verbs === undefined) return operands;
  const names = verbs.map((verb) => verb.name);
  const rest = verbs.find((verb) => verb.operands.length > 0)?.operands ?? [];
  return [{ name: names.join("|"), complete: names }, ...rest];
}

function operandAction(complete: OperandSpec["complete"]): string {
  switch (complete) {
    case "torrent":
      return "_files -g '*.torrent(-.)'";
    case "path":
      return "_files";
    case "command":
      return `(${commands.map((other) => other.name).join(" ")})`;
    case "none":
      return " ";
    default:
      return `(${complete.join(" ")})`;
  }
}

function specs(command: CommandSpec | undefined, messages: Messages, indent: string): string {
  return offeredOptions(command)
    .map(([name, spec]) => indent + quote(specOf(name, spec, messages)))
    .join(" \\\n");
}

function specOf(name: string, spec: OptionSpec, messages: Messages): string {
  const many = spec.repeated === true ? "*" : "";
  const value =
    spec.value === undefined ? "" : `:${escapeSpec(valueName(spec.value))}:${actionOf(spec.value)}`;
  return `${many}--${name}[${escapeSpec(messages.text(spec.help))}]${value}`;
}

function actionOf(value: ValueSpec): string {
  switch (value.type) {
    case "folder":
      return "_files -/";
    case "file":
      return "_files";
    case "choice":
      return `(${value.choices.join(" ")})`;
    case "bootstrap":
      return "(none)";
    default:
      return " ";
  }
}

function escapeSpec(text: string): string {
  return text.replace(/[\\[\]:]/g, "\\$&");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
