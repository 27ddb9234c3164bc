import type { Messages } from "../messages/index.ts";
import type { ValueSpec } from "../table/index.ts";
import {
  type CommandSpec,
  commands,
  globalOptions,
  type OperandSpec,
  type OptionSpec,
} from "../table/index.ts";
import { offeredOptions } from "./offered.ts";

export function fishScript(messages: Messages): string {
  const names = commands.map((command) => command.name).join(" ");
  const lines = [
    "# fish completion for dure: put it as dure.fish into ~/.config/fish/completions.",
    "complete -c dure -f",
    ...commands.map(
      (command) =>
        `complete -c dure -n "not __fish_seen_subcommand_from ${names}" -a ${command.name} -d ${quote(messages.text(command.summary))}`,
    ),
    ...Object.entries<OptionSpec>(globalOptions).map(([name, spec]) =>
      optionLine(name, spec, undefined, messages),
    ),
    ...commands.flatMap((command) => commandLines(command, messages)),
  ];
  return `${lines.join("\n")}\n`;
}

function commandLines(command: CommandSpec, messages: Messages): string[] {
  const seen = `__fish_seen_subcommand_from ${command.name}`;
  const verbs = command.verbs ?? [];
  const names = verbs.map((verb) => verb.name).join(" ");
  const words = verbs.map(
    (verb) =>
      `complete -c dure -n "${seen}; and not __fish_seen_subcommand_from ${names}" -a ${verb.name} -d ${quote(messages.text(verb.summary))}`,
  );
  // All verbs of a command that take something take the same.
  const rest = verbs.find((verb) => verb.operands.length > 0)?.operands ?? command.operands;
  const after = verbs.length === 0 ? seen : `${seen}; and __fish_seen_subcommand_from ${names}`;
  const operands = rest
    .filter(({ complete }) => complete !== "none")
    .map(({ complete }) => `complete -c dure -n "${after}" ${operandFlags(complete)}`);
  const own = offeredOptions(command).filter(([name]) => !Object.hasOwn(globalOptions, name));
  return [...words, ...operands, ...own.map(([name, spec]) => optionLine(name, spec, seen, messages))];
}

function operandFlags(complete: OperandSpec["complete"]): string {
  switch (complete) {
    case "torrent":
      return `-a ${quote("(__fish_complete_suffix .torrent)")}`;
    case "command":
      return `-a ${quote(commands.map((other) => other.name).join(" "))}`;
    case "path":
      return "-F";
    case "none":
      return "";
    default:
      return `-a ${quote(complete.join(" "))}`;
  }
}

function optionLine(name: string, spec: OptionSpec, seen: string | undefined, messages: Messages): string {
  const when = seen === undefined ? "" : ` -n "${seen}"`;
  const short = spec.short === undefined ? "" : ` -s ${spec.short}`;
  const value = spec.value === undefined ? "" : ` ${valueFlags(spec.value)}`;
  return `complete -c dure${when}${short} -l ${name}${value} -d ${quote(messages.text(spec.help))}`;
}

function valueFlags(value: ValueSpec): string {
  switch (value.type) {
    case "folder":
      return "-x -a '(__fish_complete_directories)'";
    case "file":
      return "-r -F";
    case "choice":
      return `-x -a ${quote(value.choices.join(" "))}`;
    case "bootstrap":
      return "-x -a none";
    default:
      return "-x";
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
