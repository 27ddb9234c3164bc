import type { NodeErrorCode } from "@dure/host-node";
import { CliError, exitStatus } from "./errors.ts";
import type { MessageKey, Messages } from "./messages/index.ts";
import { printable } from "./terminal/printable.ts";

/** An error as the person and the program's caller hear it. */
export interface Explained {
  /** Machine-readable. */
  readonly code: string;
  /** One line: what happened and what to do. */
  readonly message: string;
  readonly status: number;
}

export function explain(error: unknown, messages: Messages): Explained {
  if (error instanceof CliError) {
    return {
      code: error.code,
      message: oneLine(messages.text(error.key, error.args)),
      status: exitStatus(error.code),
    };
  }
  if (isNodeError(error)) {
    const { message, detail } = error;
    const text = messages.text(special(error) ?? nodeErrors[error.code], { message, detail });
    return { code: error.code, message: oneLine(text), status: 1 };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: "internal", message: oneLine(messages.text("error.internal", { message })), status: 1 };
}

/** Where the detail makes it another matter. */
function special({
  code,
  detail,
}: {
  readonly code: NodeErrorCode;
  readonly detail: string;
}): MessageKey | undefined {
  if (code === "source-unreachable" && detail === "local-address") return "node.source-local";
  if (detail === "v2-only" && (code === "bad-source" || code === "bad-torrent")) return "node.v2-only";
  return code === "bad-source" && detail === "publisher" ? "node.source-publisher" : undefined;
}

const nodeErrors: Readonly<Record<NodeErrorCode, MessageKey>> = {
  "bad-source": "node.bad-source",
  "source-unreachable": "node.source-unreachable",
  "bad-torrent": "node.bad-torrent",
  "no-such-file": "node.no-such-file",
  "not-ours": "node.not-ours",
  owned: "node.owned",
  profile: "node.profile",
  listen: "node.listen",
  disk: "node.disk",
  filter: "node.filter",
  denied: "node.denied",
  key: "node.key",
  "key-missing": "node.key-missing",
  "key-exists": "node.key-exists",
  "key-exposed": "node.key-exposed",
  stopped: "node.stopped",
};

// By its form: to load the class itself would load the whole peer, for a command that may not need it.
function isNodeError(error: unknown): error is Error & { code: NodeErrorCode; detail: string } {
  return (
    error instanceof Error &&
    error.name === "NodeError" &&
    "code" in error &&
    Object.hasOwn(nodeErrors, String(error.code))
  );
}

function oneLine(text: string): string {
  return printable(text.replace(/\s*[\r\n]+\s*/g, " "));
}
