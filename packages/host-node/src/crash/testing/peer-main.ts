import { openSync, writeSync } from "node:fs";
import process from "node:process";
import { type DureNode, openNode, type TorrentHandle } from "../../index.ts";
import type { PeerOrder, PeerWord } from "./peer-process.ts";

// A peer in a process of its own, that its parent may kill at any moment.
const say = (word: PeerWord) => process.send?.(word);
let node: DureNode | undefined;

process.on("message", (order: PeerOrder) => {
  if (order === "stop") void stop();
  else void go(order);
});
process.on("disconnect", () => process.exit(1)); // the parent is gone

async function go(order: Exclude<PeerOrder, "stop">): Promise<void> {
  const opened = await openNode({ listen: "127.0.0.1", port: 0, lsd: false, ...order.node });
  node = opened;
  const handles: TorrentHandle[] = [];
  const startedAt = performance.now();
  for (const torrent of order.torrents) {
    const handle = await opened.add({ ...torrent, source: Buffer.from(torrent.source, "base64") });
    handle.on((event) => say({ type: "event", name: handle.status().name, event }));
    handles.push(handle);
  }
  if (order.countsFile !== undefined) countFetched(handles, order.countsFile);
  const statuses = handles.map((handle) => handle.status());
  say({
    type: "ready",
    port: opened.port,
    ms: performance.now() - startedAt,
    piecesChecked: statuses.map(({ piecesChecked }) => piecesChecked),
  });
  await Promise.all(handles.map(({ done }) => done));
  say({ type: "done" });
}

async function stop(): Promise<void> {
  await node?.close();
  process.disconnect();
}

/** Bytes fetched by this run, torrent by torrent, where a sudden death leaves them. */
function countFetched(handles: readonly TorrentHandle[], file: string): void {
  const fd = openSync(file, "w");
  const counts = new Float64Array(handles.length);
  const write = () => {
    for (const [index, handle] of handles.entries()) counts[index] = handle.status().downloaded;
    writeSync(fd, counts, 0, counts.byteLength, 0);
  };
  write();
  setInterval(write, 1).unref();
}
