import { parseArgs } from "node:util";
import { CliError, usageError } from "../errors.ts";
import {
  absentCommands,
  type CommandSpec,
  commands,
  findCommand,
  globalOptions,
  type OptionSpec,
  type OptionTable,
  type OptionValues,
  type VerbSpec,
} from "../table/index.ts";
import { suggest } from "./suggest.ts";
import { parseValue } from "./values.ts";

/** What a command line asks for. Options hold a value (or nothing) for each entry of their table. */
export type Request =
  | { readonly type: "version" }
  | { readonly type: "help"; readonly command: CommandSpec | undefined }
  /** No command at all: help too, but the status says that it was no use. */
  | { readonly type: "nothing" }
  | {
      readonly type: "run";
      readonly command: CommandSpec;
      readonly operands: readonly string[];
      readonly options: Readonly<Record<string, unknown>>;
    };

export type GlobalValues = OptionValues<typeof globalOptions>;

export function parse(args: readonly string[]): Request {
  const before = commandIndex(args);
  const name = args[before];
  if (name === undefined) {
    const lead = readOptions(undefined, globalOptions, args);
    if (lead.values.version === true) return { type: "version" };
    return lead.values.help === true ? { type: "help", command: undefined } : { type: "nothing" };
  }
  const command = findCommand(name) ?? refuseCommand(name);
  const table: OptionTable = { ...command.options, ...globalOptions };
  const { values, operands } = readOptions(command, table, [
    ...args.slice(0, before),
    ...args.slice(before + 1),
  ]);
  if (values.version === true) return { type: "version" };
  if (values.help === true) return { type: "help", command };
  if (command.name === "help") return helpFor(operands);
  checkWords(command, operands, values);
  return { type: "run", command, operands, options: values };
}

/** `--lang` and `--json` before anything is understood, for the errors of parsing itself. */
export function peek(args: readonly string[]): {
  readonly lang: string | undefined;
  readonly debug: boolean;
} {
  let lang: string | undefined;
  for (const [index, arg] of args.entries()) {
    if (arg === "--") break;
    if (arg === "--lang") lang = args[index + 1];
    else if (arg.startsWith("--lang=")) lang = arg.slice("--lang=".length);
  }
  return { lang, debug: args.includes("--debug") };
}

// The first word that is neither a global option nor the value of one.
function commandIndex(args: readonly string[]): number {
  let index = 0;
  for (; index < args.length; index += 1) {
    const arg = args[index] ?? "";
    if (!arg.startsWith("-")) return index;
    const spec: OptionSpec | undefined = Object.entries<OptionSpec>(globalOptions).find(
      ([name]) => arg === `--${name}`,
    )?.[1];
    if (spec?.value !== undefined) index += 1;
  }
  return Math.min(index, args.length);
}

interface Read {
  readonly values: Record<string, unknown>;
  readonly operands: readonly string[];
}

function readOptions(command: CommandSpec | undefined, table: OptionTable, args: readonly string[]): Read {
  const config: Record<string, { type: "string" | "boolean"; short?: string; multiple: boolean }> = {};
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(table)) {
    const short = spec.short === undefined ? {} : { short: spec.short };
    config[name] = { type: spec.value === undefined ? "boolean" : "string", multiple: true, ...short };
    values[name] = spec.value === undefined ? false : spec.repeated ? [] : undefined;
  }
  // Not strict: its exceptions are English only, so the tokens are judged here.
  const { tokens } = parseArgs({ args: [...args], options: config, strict: false, tokens: true });
  const operands: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") operands.push(token.value);
    if (token.kind === "option") applyOption(command, table, token, values);
  }
  return { values, operands };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function applyOption(
  command: CommandSpec | undefined,
  table: OptionTable,
  token: OptionToken,
  values: Record<string, unknown>,
): void {
  const spec = Object.hasOwn(table, token.name) ? table[token.name] : undefined;
  if (spec === undefined) return refuseOption(command, table, token.rawName);
  const option = `--${token.name}`;
  if (spec.absent === true) throw new CliError("not-in-this-version", "usage.absent-option", { option });
  if (spec.value === undefined) {
    if (token.value !== undefined) throw usageError("usage.no-value-wanted", { option });
    values[token.name] = true;
    return;
  }
  // `--out --force`: almost surely a forgotten value. A value that begins with a dash is given as `--out=-x`.
  const swallowed = token.inlineValue !== true && /^-./.test(token.value ?? "");
  if (token.value === undefined || swallowed) throw usageError("usage.value-wanted", { option });
  const value = parseValue(token.name, spec.value, token.value);
  const earlier = values[token.name];
  if (spec.repeated === true) values[token.name] = [...(Array.isArray(earlier) ? earlier : []), value];
  else if (earlier === undefined) values[token.name] = value;
  else throw usageError("usage.twice", { option });
}

function refuseOption(command: CommandSpec | undefined, table: OptionTable, rawName: string): never {
  const known = Object.keys(table).map((name) => `--${name}`);
  const near = suggest(rawName, known);
  const args = { option: rawName, command: command === undefined ? "dure" : `dure ${command.name}` };
  if (near === undefined) throw usageError("usage.unknown-option", args);
  throw usageError("usage.unknown-option-near", { ...args, near });
}

function refuseCommand(name: string): never {
  if (absentCommands.includes(name)) {
    throw new CliError("not-in-this-version", "usage.absent-command", { command: `dure ${name}` });
  }
  const near = suggest(
    name,
    commands.map((command) => command.name),
  );
  if (near === undefined) throw usageError("usage.unknown-command", { command: name });
  throw usageError("usage.unknown-command-near", { command: name, near });
}

function helpFor(operands: readonly string[]): Request {
  const [name, extra] = operands;
  if (extra !== undefined) throw usageError("usage.extra-operand", { operand: extra, command: "dure help" });
  return {
    type: "help",
    command: name === undefined ? undefined : (findCommand(name) ?? refuseCommand(name)),
  };
}

function checkWords(
  command: CommandSpec,
  operands: readonly string[],
  values: Readonly<Record<string, unknown>>,
): void {
  const name = `dure ${command.name}`;
  if (command.verbs === undefined) return checkOperands(command, operands, name);
  const [word, ...rest] = operands;
  const verb = command.verbs.find((each) => each.name === word) ?? refuseVerb(command, command.verbs, word);
  refuseOptionsOfOthers(command, verb, values);
  checkOperands(verb, rest, name);
}

function refuseVerb({ name }: CommandSpec, verbs: readonly VerbSpec[], word: string | undefined): never {
  const words = verbs.map((verb) => verb.name);
  const choices = words.join(", ");
  if (word === undefined || word === "")
    throw usageError("usage.verb-wanted", { command: `dure ${name}`, choices });
  const near = suggest(word, words);
  if (near === undefined) throw usageError("usage.bad-operand", { operand: word, choices });
  throw usageError("usage.unknown-command-near", { command: `${name} ${word}`, near: `${name} ${near}` });
}

function refuseOptionsOfOthers(
  command: CommandSpec,
  verb: VerbSpec,
  values: Readonly<Record<string, unknown>>,
): void {
  for (const [name, spec] of Object.entries(command.options)) {
    const given = values[name] !== undefined && values[name] !== false;
    if (spec.group !== "command" || !given || verb.takes.includes(name)) continue;
    const args = { option: `--${name}`, command: `dure ${command.name} ${verb.name}` };
    throw usageError("usage.option-of-another", args);
  }
}

function checkOperands(
  { operands: specs }: Pick<CommandSpec, "operands">,
  operands: readonly string[],
  command: string,
): void {
  for (const [index, spec] of specs.entries()) {
    const given = operands[index];
    if (given === undefined) {
      if (spec.optional === true) continue;
      throw usageError("usage.operand-wanted", { operand: spec.name, command });
    }
    if (given === "") throw usageError("usage.operand-wanted", { operand: spec.name, command });
    const choices = Array.isArray(spec.complete) ? spec.complete : undefined;
    if (choices !== undefined && !choices.includes(given)) {
      throw usageError("usage.bad-operand", { operand: given, choices: choices.join(", ") });
    }
  }
  const extra = operands[specs.length];
  if (extra !== undefined) throw usageError("usage.extra-operand", { operand: extra, command });
}
