import { formatRate, formatSize } from "@dure/base";
import type { TorrentStatus } from "@dure/host-node";
import type { Messages } from "../messages/index.ts";
import { type BarField, type BarStyle, percentOf, renderBar } from "../terminal/bar.ts";
import { formatDuration } from "../terminal/duration.ts";
import { printable } from "../terminal/printable.ts";
import { displayWidth, padEnd, padStart, truncate } from "../terminal/width.ts";
import type { Search } from "./transfer-report.ts";

const labelMax = 24;
const labelRank = 10;

/** A transfer on a terminal: label, bar, per cent, pieces, rates, peers, time left; a seed has no bar any more. */
export function transferBar(
  status: TorrentStatus,
  style: BarStyle,
  messages: Messages,
  search?: Search,
): string {
  const label = { text: shortLabel(status.name, style), rank: labelRank };
  const state = status.state;
  const alone = searchText(status, messages, search);
  if (alone !== undefined) return clip([label.text, alone], style);
  if (state.name === "metadata" || state.name === "paused" || state.name === "stopped") {
    return clip([label.text, stateText(status, messages), peersText(status, messages)], style);
  }
  if (state.name === "disk-fault") return clip([label.text, stateText(status, messages)], style);
  if (state.name === "seeding") {
    const given = messages.text("bar.given", { size: formatSize(status.uploaded) });
    const parts = [label.text, stateText(status, messages), rate("up", status.upRate, style), given];
    return clip([...parts, peersText(status, messages)], style);
  }
  const checking = state.name === "checking";
  const done = checking ? state.piecesChecked : status.piecesDone;
  const fraction = checking ? ratio(done, status.pieceCount) : ratio(status.bytesDone, status.bytesTotal);
  const count = String(status.pieceCount);
  const after: BarField[] = [
    { text: `${padStart(String(percentOf(fraction)), 3)}%`, rank: 60 },
    { text: `${padStart(String(done), count.length)}/${count}`, rank: 15 },
  ];
  if (checking) after.push({ text: messages.text("bar.checking"), rank: 45 });
  else after.push(...movement(status, style, messages));
  return renderBar({ before: [label], fraction, after }, style);
}

/** Hashing a tree: label, bar, per cent, bytes a second, time left. */
export function hashBar(
  hashing: { readonly label: string; readonly done: number; readonly total: number; readonly rate: number },
  style: BarStyle,
  messages: Messages,
): string {
  const fraction = ratio(hashing.done, hashing.total);
  const left = hashing.rate > 0 ? ((hashing.total - hashing.done) / hashing.rate) * 1000 : 0;
  return renderBar(
    {
      before: [{ text: shortLabel(hashing.label, style), rank: labelRank }],
      fraction,
      after: [
        { text: `${padStart(String(percentOf(fraction)), 3)}%`, rank: 60 },
        { text: padStart(formatRate(hashing.rate), 10), rank: 40 },
        { text: formatDuration(left, messages), rank: 30 },
      ],
    },
    style,
  );
}

/** The same transfer as one plain line, for a pipe or a log. */
export function transferLine(status: TorrentStatus, messages: Messages, search?: Search): string {
  const parts = [printable(status.name)];
  const alone = searchText(status, messages, search);
  if (alone !== undefined) return [...parts, alone].join("  ");
  if (status.state.name === "downloading" || status.state.name === "checking") {
    const checked = status.state.name === "checking" ? status.state.piecesChecked : status.piecesDone;
    const whole = status.state.name === "checking" ? status.pieceCount : undefined;
    const fraction = whole === undefined ? ratio(status.bytesDone, status.bytesTotal) : ratio(checked, whole);
    if (whole !== undefined) parts.push(messages.text("bar.checking"));
    parts.push(`${percentOf(fraction)}%`, `${checked}/${status.pieceCount}`);
  } else parts.push(stateText(status, messages));
  if (status.state.name === "downloading" || status.state.name === "seeding") {
    parts.push(messages.text("line.down", { rate: formatRate(status.downRate) }));
    parts.push(messages.text("line.up", { rate: formatRate(status.upRate) }));
    parts.push(peersText(status, messages));
  }
  if (status.state.name === "downloading" && status.eta !== undefined) {
    parts.push(messages.text("line.left", { time: formatDuration(status.eta, messages) }));
  }
  return parts.join("  ");
}

/** While a magnet link has found nobody: where peers are looked for, or what could be done about it. */
function searchText(
  { state, peersCount }: TorrentStatus,
  messages: Messages,
  search: Search | undefined,
): string | undefined {
  if (search === undefined || search.trackers > 0 || state.name !== "metadata" || peersCount > 0)
    return undefined;
  if (search.dhtNodes === undefined) return messages.text("search.nowhere");
  return messages.text("search.dht", { nodes: search.dhtNodes });
}

// Each keeps its width while the numbers change, so that the bar does not jump.
function movement(status: TorrentStatus, style: BarStyle, messages: Messages): readonly BarField[] {
  const widest = displayWidth(messages.text("bar.peers", { count: 100 }));
  const eta = status.eta === undefined ? "" : formatDuration(status.eta, messages);
  return [
    { text: rate("down", status.downRate, style), rank: 40 },
    { text: rate("up", status.upRate, style), rank: 20 },
    { text: padEnd(peersText(status, messages), widest), rank: 25 },
    { text: padEnd(eta, 7), rank: 30 },
  ];
}

function rate(direction: "down" | "up", bytesPerSecond: number, style: BarStyle): string {
  const arrow = direction === "down" ? (style.unicode ? "↓" : "down ") : style.unicode ? "↑" : "up ";
  return arrow + padStart(formatRate(bytesPerSecond), 10);
}

function stateText(status: TorrentStatus, messages: Messages): string {
  switch (status.state.name) {
    case "metadata":
      return messages.text("state.metadata");
    case "checking":
      return messages.text("bar.checking");
    case "downloading":
      return messages.text("state.downloading");
    case "seeding":
      return messages.text("state.seeding");
    case "paused":
      return messages.text("state.paused");
    case "stopped":
      return messages.text("state.stopped");
    case "disk-fault":
      return messages.text("state.disk-fault", { message: printable(status.state.message) });
  }
}

function peersText(status: TorrentStatus, messages: Messages): string {
  const count = status.peersCount;
  return messages.text(count === 1 ? "bar.peer" : "bar.peers", { count });
}

function shortLabel(name: string, style: BarStyle): string {
  const label = truncate(printable(name), labelMax);
  return style.unicode ? label : label.replace("…", "~");
}

function clip(parts: readonly string[], style: BarStyle): string {
  return truncate(parts.join("  "), Math.max(1, style.columns - 1));
}

function ratio(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}
