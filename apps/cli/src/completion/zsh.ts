import { valueName } from "../help/help.ts";
import type { Messages } from "../messages/index.ts";
import type { ValueSpec } from "../table/index.ts";
import { type CommandSpec, commands, type OptionSpec } from "../table/index.ts";
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
  const operands = command.operands.map((operand) => {
    const complete = operand.complete;
    const action =
      complete === "torrent"
        ? "_files -g '*.torrent(-.)'"
        : complete === "path"
          ? "_files"
          : `(${(complete === "command" ? commands.map((other) => other.name) : complete).join(" ")})`;
    return ` \\\n            ${quote(`1:${escapeSpec(operand.name)}:${action}`)}`;
  });
  return `        ${command.name})
          _arguments -S \\
${specs(command, messages, "            ")}${operands.join("")}
          ;;`;
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
