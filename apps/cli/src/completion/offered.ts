import { type CommandSpec, globalOptions, type OptionSpec } from "../table/index.ts";

/** The options of a command that this version has, its own first. */
export function offeredOptions(command: CommandSpec | undefined): readonly (readonly [string, OptionSpec])[] {
  const table = { ...command?.options, ...globalOptions };
  return Object.entries<OptionSpec>(table).filter(([, spec]) => spec.absent !== true);
}
