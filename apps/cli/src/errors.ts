import type { MessageArgs, MessageKey } from "./messages/index.ts";

/** What a command gives up with: a line for the person and the exit status it means. */
export class CliError extends Error {
  override readonly name = "CliError";
  /** Machine-readable, in `--json`. */
  readonly code: CliErrorCode;
  readonly key: MessageKey;
  readonly args: MessageArgs;

  constructor(code: CliErrorCode, key: MessageKey, args: MessageArgs = {}, options?: ErrorOptions) {
    super(key, options);
    this.code = code;
    this.key = key;
    this.args = args;
  }
}

export type CliErrorCode =
  | "usage"
  | "not-in-this-version"
  | "file" // a file that cannot be read or written
  | "bad-torrent"
  | "incomplete"
  | "dht-unreachable" // nobody answered
  | "not-found" // nobody has what was asked for
  | "not-stored"
  | "internal";

/** Usage is 2, everything else 1 (CONTRACT.md, "Commands"). */
export function exitStatus(code: CliErrorCode): number {
  return code === "usage" || code === "not-in-this-version" ? 2 : 1;
}

export function usageError(key: MessageKey, args: MessageArgs = {}): CliError {
  return new CliError("usage", key, args);
}
