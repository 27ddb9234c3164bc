import { outputOptions } from "./shared.ts";
import type { CommandSpec } from "./types.ts";

export const shells = ["bash", "zsh", "fish"] as const;

export const demoCommand = {
  name: "demo",
  summary: "command.demo",
  operands: [],
  options: outputOptions,
  examples: ["dure demo"],
} as const satisfies CommandSpec;

export const completionCommand = {
  name: "completion",
  summary: "command.completion",
  operands: [{ name: "SHELL", help: "operand.shell", complete: shells }],
  options: {},
  examples: [
    "dure completion bash > ~/.local/share/bash-completion/completions/dure",
    "dure completion zsh > ~/.zfunc/_dure",
    "dure completion fish > ~/.config/fish/completions/dure.fish",
  ],
} as const satisfies CommandSpec;

export const helpCommand = {
  name: "help",
  summary: "command.help",
  operands: [{ name: "COMMAND", help: "operand.command", complete: "command", optional: true }],
  options: {},
  examples: ["dure help get"],
} as const satisfies CommandSpec;
