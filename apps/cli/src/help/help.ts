import type { Messages } from "../messages/index.ts";
import type { ValueSpec } from "../table/index.ts";
import {
  type CommandSpec,
  commands,
  globalOptions,
  type OperandSpec,
  type OptionGroup,
  type OptionSpec,
} from "../table/index.ts";
import { displayWidth, padEnd, wrap } from "../terminal/width.ts";

const columnsMax = 100;
const columnsMin = 40;

/** The page of `dure --help`. */
export function overview(messages: Messages, columns: number): string {
  const width = clampColumns(columns);
  const rows = commands.map((command) => ({
    left: [command.name, ...verbNames(command), ...operandNames(command)].join(" "),
    right: messages.text(command.summary),
  }));
  return [
    `${messages.text("help.usage")} dure ${messages.text("help.usage-rest")}`,
    "",
    ...wrap(messages.text("help.about"), width),
    "",
    messages.text("help.commands"),
    ...columnsOf(rows, width),
    "",
    messages.text("help.group-global"),
    ...optionRows(Object.entries<OptionSpec>(globalOptions), messages, width),
    "",
    ...wrap(messages.text("help.more"), width),
    "",
  ].join("\n");
}

/** The page of `dure COMMAND --help`. */
export function commandHelp(command: CommandSpec, messages: Messages, columns: number): string {
  const width = clampColumns(columns);
  const usage = [
    ...["dure", command.name, ...verbNames(command), ...operandNames(command)],
    messages.text("help.options-word"),
  ];
  const lines = [
    `${messages.text("help.usage")} ${usage.join(" ")}`,
    "",
    ...wrap(messages.text(command.summary), width),
  ];
  const verbs = (command.verbs ?? []).map((verb) => ({
    left: [verb.name, ...operandNames(verb)].join(" "),
    right: messages.text(verb.summary),
  }));
  if (verbs.length > 0) lines.push("", ...columnsOf(verbs, width));
  const operands = everyOperand(command).map((operand) => ({
    left: operand.name,
    right: messages.text(operand.help),
  }));
  if (operands.length > 0) lines.push("", ...columnsOf(operands, width));
  const table = Object.entries<OptionSpec>({ ...command.options, ...globalOptions });
  for (const group of ["command", "network", "output", "global"] as const) {
    const rows = optionRows(
      table.filter(([, spec]) => spec.group === group),
      messages,
      width,
    );
    if (rows.length > 0) lines.push("", messages.text(groupTitles[group]), ...rows);
  }
  if (command.examples.length > 0) {
    lines.push("", messages.text("help.examples"), ...command.examples.map((example) => `  ${example}`));
  }
  return [...lines, ""].join("\n");
}

/** What stands for an option's value in help: `DIR`, `4MiB`, `en|ko`. */
export function valueName(value: ValueSpec): string {
  switch (value.type) {
    case "text":
    case "file":
    case "folder":
    case "integer":
      return value.show;
    case "choice":
      return value.choices.join("|");
    case "size":
      return "SIZE";
    case "rate":
      return "RATE";
    case "ratio":
      return "R";
    case "address":
      return "HOST:PORT";
    case "bootstrap":
      return "HOST:PORT|none";
    case "url":
      return "URL";
    case "urls":
      return "URL[,URL]";
  }
}

const groupTitles = {
  command: "help.group-command",
  network: "help.group-network",
  output: "help.group-output",
  global: "help.group-global",
} as const satisfies Record<OptionGroup, string>;

/** Those of verbs as well; one that several verbs take stands once. */
function everyOperand(command: CommandSpec): readonly OperandSpec[] {
  const all = [...command.operands, ...(command.verbs ?? []).flatMap((verb) => verb.operands)];
  return all.filter((operand, index) => all.findIndex((other) => other.help === operand.help) === index);
}

function verbNames({ verbs }: CommandSpec): string[] {
  return verbs === undefined ? [] : [verbs.map((verb) => verb.name).join("|")];
}

function operandNames(command: Pick<CommandSpec, "operands">): string[] {
  return command.operands.map((operand) => (operand.optional === true ? `[${operand.name}]` : operand.name));
}

function optionRows(
  options: readonly (readonly [string, OptionSpec])[],
  messages: Messages,
  width: number,
): string[] {
  const rows = options
    .filter(([, spec]) => spec.absent !== true)
    .map(([name, spec]) => {
      const short = spec.short === undefined ? "" : `-${spec.short}, `;
      const value = spec.value === undefined ? "" : ` ${valueName(spec.value)}`;
      return { left: `${short}--${name}${value}`, right: messages.text(spec.help) };
    });
  return columnsOf(rows, width);
}

// Two columns; what is too long for the left one stands on a line of its own.
function columnsOf(
  rows: readonly { readonly left: string; readonly right: string }[],
  width: number,
): string[] {
  const leftMax = width < 72 ? 18 : 28;
  const left = Math.min(leftMax, Math.max(0, ...rows.map((row) => displayWidth(row.left))));
  const indent = " ".repeat(left + 4);
  return rows.flatMap((row) => {
    const [first = "", ...rest] = wrap(row.right, Math.max(16, width - left - 4));
    const more = rest.map((line) => indent + line);
    if (displayWidth(row.left) > left) return [`  ${row.left}`, indent + first, ...more];
    return [`  ${padEnd(row.left, left)}  ${first}`, ...more];
  });
}

function clampColumns(columns: number): number {
  return Math.max(columnsMin, Math.min(columnsMax, columns));
}
