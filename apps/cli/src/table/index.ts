import { dhtCommand, followCommand, keysCommand, publishCommand } from "./dht.ts";
import { createCommand, magnetCommand, showCommand, verifyCommand } from "./files.ts";
import { completionCommand, demoCommand, helpCommand } from "./local.ts";
import { getCommand, seedCommand } from "./transfer.ts";
import type { CommandSpec } from "./types.ts";

export * from "./dht.ts";
export * from "./files.ts";
export * from "./local.ts";
export * from "./shared.ts";
export * from "./transfer.ts";
export * from "./types.ts";

/** Every command, in the order of help. Parsing, help, usage errors and completion are made from this. */
export const commands = [
  getCommand,
  seedCommand,
  createCommand,
  showCommand,
  verifyCommand,
  magnetCommand,
  publishCommand,
  followCommand,
  keysCommand,
  dhtCommand,
  demoCommand,
  completionCommand,
  helpCommand,
] as const satisfies readonly CommandSpec[];

export type CommandName = (typeof commands)[number]["name"];

/** Commands of the contract that this version does not have. */
export const absentCommands: readonly string[] = [
  "tracker",
  "daemon",
  "add",
  "list",
  "info",
  "pause",
  "resume",
  "remove",
  "recheck",
  "set",
  "events",
  "token",
];

export function findCommand(name: string): (typeof commands)[number] | undefined {
  return commands.find((command) => command.name === name);
}
