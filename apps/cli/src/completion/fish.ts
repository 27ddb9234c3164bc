import type { Messages } from "../messages/index.ts";
import type { ValueSpec } from "../table/index.ts";
import { type CommandSpec, commands, globalOptions, type OptionSpec } from "../table/index.ts";
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
  const operands = command.operands.map((operand) => {
    const complete = operand.complete;
    const words =
      complete === "torrent"
        ? "(__fish_complete_suffix .torrent)"
        : complete === "command"
          ? commands.map((other) => other.name).join(" ")
          : complete === "path"
            ? undefined
            : complete.join(" ");
    return `complete -c dure -n "${seen}" ${words === undefined ? "-F" : `-a ${quote(words)}`}`;
  });
  const own = offeredOptions(command).filter(([name]) => !Object.hasOwn(globalOptions, name));
  return [...operands, ...own.map(([name, spec]) => optionLine(name, spec, seen, messages))];
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
