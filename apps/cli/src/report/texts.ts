import { formatRate, formatSize } from "@dure/base";
import type { TorrentEvent, TorrentStatus } from "@dure/host-node";
import type { MessageKey, Messages } from "../messages/index.ts";
import { percentOf } from "../terminal/bar.ts";
import { formatDuration } from "../terminal/duration.ts";
import { printable } from "../terminal/printable.ts";
import type { DoneFacts, StartFacts, StopFacts, TransferWarning } from "./transfer-report.ts";

/** The sentences of a transfer that bars and plain lines have in common. */
export function startText({ status, port }: StartFacts, messages: Messages): string {
  const args = { name: printable(status.name), dir: printable(status.dir), port };
  if (status.state.name === "metadata") return messages.text("transfer.start-magnet", args);
  return messages.text("transfer.start", { ...args, size: formatSize(status.bytesTotal) });
}

export function namedText(status: TorrentStatus, messages: Messages): string {
  return messages.text("transfer.named", {
    name: printable(status.name),
    size: formatSize(status.bytesTotal),
    count: status.pieceCount,
  });
}

export function doneText(status: TorrentStatus, facts: DoneFacts, messages: Messages): string {
  const args = {
    name: printable(status.name),
    size: formatSize(status.bytesTotal),
    dir: printable(status.dir),
  };
  if (facts.fetchedBytes <= 0) return messages.text("transfer.complete", args); // it was there before
  return messages.text("transfer.done", {
    ...args,
    time: formatDuration(facts.seconds * 1000, messages),
    rate: formatRate(facts.fetchedBytes / Math.max(0.001, facts.seconds)),
  });
}

export function stoppedText(status: TorrentStatus, facts: StopFacts, messages: Messages): string {
  if (facts.complete) return messages.text("transfer.given", { size: formatSize(facts.givenBytes) });
  const fraction = status.bytesTotal > 0 ? status.bytesDone / status.bytesTotal : 0;
  return messages.text("transfer.stopped", { percent: percentOf(fraction) });
}

/** The library speaks English; what its codes mean is said in the person's language. */
export function warningText(
  warning: Extract<TransferWarning, { message: string }>,
  messages: Messages,
): string {
  const { code } = warning;
  const key = warnings[code] ?? (code.startsWith("disk-") ? "warning.disk" : "warning.other");
  return messages.text(key, { message: printable(warning.message) });
}

const warnings: Readonly<Record<string, MessageKey>> = {
  "disk-full": "warning.disk-full",
  "disk-read-only": "warning.disk-read-only",
  "disk-missing": "warning.disk-missing",
  "disk-denied": "warning.disk-denied",
  "disk-back": "warning.disk-back",
  "piece-gone": "warning.piece-gone",
  state: "warning.state",
  "state-damaged": "warning.state-damaged",
  tracker: "warning.tracker",
  "super-seed": "warning.super-seed",
  "dht-bootstrap": "warning.dht-bootstrap",
  "dht-state": "warning.dht-state",
};

export function bannedText(
  banned: Extract<TorrentEvent, { type: "peer-banned" }>,
  messages: Messages,
): string {
  return messages.text("transfer.banned", { address: banned.address, reason: banned.reason });
}

/** `dure: warning: …`, for stderr. */
export function warningLine(warning: TransferWarning, messages: Messages): string {
  const text =
    warning.type === "peer-banned" ? bannedText(warning, messages) : warningText(warning, messages);
  return warning.type === "error" ? `dure: ${text}\n` : `dure: ${messages.text("warning")}: ${text}\n`;
}
