import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import type { TorrentState, TorrentStatus } from "@dure/host-node";
import { loadMessages } from "../messages/index.ts";
import { displayWidth } from "../terminal/width.ts";
import { FakeTorrent } from "../testing/fake-node.ts";
import { hashBar, transferBar, transferLine } from "./lines.ts";

const messages = await loadMessages("en");
const korean = await loadMessages("ko");
const style = { columns: 100, unicode: true, color: false };
const mib = 1024 * 1024;

function status(state: TorrentState, change: Partial<TorrentStatus> = {}): TorrentStatus {
  const torrent = new FakeTorrent("/d", state);
  torrent.become({
    pieceCount: 1024,
    piecesDone: 640,
    bytesTotal: 1024 * mib,
    bytesDone: 640 * mib,
    downRate: 41.2 * mib,
    upRate: 1.2 * mib,
    uploaded: 20 * mib,
    peersCount: 8,
    eta: 9_400,
    ...change,
  });
  return torrent.status();
}

test("a download shows label, bar, per cent, pieces, rates, peers and time left", () => {
  const bar = transferBar(status({ name: "downloading" }), style, messages);
  equal(
    bar,
    `album  ${"━".repeat(18)}${"─".repeat(11)}   62%   640/1024  ↓41.2 MiB/s  ↑1.20 MiB/s  8 peers    0:09`,
  );
});

test("a narrow terminal keeps per cent, bar and download rate", () => {
  const narrow = transferBar(status({ name: "downloading" }), { ...style, columns: 40 }, messages);
  equal(narrow, "━━━━━━─────   62%  ↓41.2 MiB/s  0:09");
});

test("the bar keeps its place while the numbers change", () => {
  const widths = [0, 999, 5 * mib, 123 * mib].map((downRate) => {
    const bar = transferBar(status({ name: "downloading" }, { downRate, peersCount: 12 }), style, messages);
    return bar.indexOf("%");
  });
  equal(new Set(widths).size, 1);
});

test("every state fits every terminal in both languages", () => {
  const states: readonly TorrentState[] = [
    { name: "metadata" },
    { name: "checking", piecesChecked: 17 },
    { name: "downloading" },
    { name: "seeding" },
    { name: "paused" },
    { name: "disk-fault", fault: "full", message: "no room on the disk" },
    { name: "stopped" },
  ];
  for (const state of states) {
    for (const columns of [20, 40, 80, 200]) {
      for (const language of [messages, korean]) {
        const named = status(state, { name: "아주 긴 이름을 가진 두레 앨범 모음집" });
        const bar = transferBar(named, { ...style, columns }, language);
        ok(displayWidth(bar) < columns, bar);
        ok(bar !== "");
      }
    }
  }
});

test("plain lines say the same in words", () => {
  equal(
    transferLine(status({ name: "downloading" }), messages),
    "album  62%  640/1024  down 41.2 MiB/s  up 1.20 MiB/s  8 peers  0:09 left",
  );
  equal(
    transferLine(status({ name: "checking", piecesChecked: 256 }), messages),
    "album  checking  25%  256/1024",
  );
  equal(transferLine(status({ name: "metadata" }), korean), "album  내용 목록을 피어에게 묻는 중");
  equal(
    transferLine(status({ name: "disk-fault", fault: "full", message: "full" }), messages),
    "album  waiting for the disk: full",
  );
});

test("hashing shows how far it is and how long it takes", () => {
  const bar = hashBar(
    { label: "album", done: 5 * mib, total: 10 * mib, rate: mib },
    { ...style, columns: 60 },
    messages,
  );
  equal(bar, `album  ${"━".repeat(14)}${"─".repeat(14)}   50%  1.00 MiB/s  0:05`);
});
