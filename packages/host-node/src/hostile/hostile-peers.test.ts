import { ok } from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { buildInfo, encodeTorrent } from "@dure/protocol";
import { type DureNode, openNode } from "../index.ts";
import { temporary } from "../testing/temporary.ts";
import type { Tally, Task } from "./hostile-main.ts";
import { scripts } from "./scripts.ts";

const pieceBytes = 256 * 1024;
const pieceCount = 1601; // 400 MiB, longer than the test; not of eight, so that bitfields have spare bits
const rate = 16e6; // far below what the machine can do: what is measured is whether it is kept from doing it
const alone = 5000;
const settling = 2000;
const together = 13_000; // longer than a handshake may take

const { folder, remove } = temporary({ inMemory: true });
const nodes: DureNode[] = [];
after(async () => {
  await Promise.all(nodes.map((node) => node.close()));
  remove();
});

test(`${scripts.length} hostile scripts at once: an honest transfer keeps nine tenths of its rate, memory stays bounded, each is dropped or harmless`, async (context) => {
  ok(scripts.length >= 20);
  const { torrent, infoHash } = writeSample();
  const seed = await openPeer("seed");
  const leecher = await openPeer("leecher");
  await seed.add({ source: torrent, dir: join(folder, "source"), assumeComplete: true });
  const download = await leecher.add({
    source: torrent,
    dir: join(folder, "target"),
    peers: [`127.0.0.1:${seed.port}`],
    downRateMax: rate,
  });
  await pause(1500);
  const before = await measure(download, alone);
  ok(before > rate * 0.8, `${mb(before)} of ${mb(rate)} MB/s without anyone hostile`);
  const hostile = fork(join(import.meta.dirname, "hostile-main.ts"), { serialization: "json" });
  after(() => hostile.kill());
  const prey = { infoHash, pieceCount, pieceBytes };
  hostile.send({ ports: [seed.port, leecher.port], prey } satisfies Task);
  await once(hostile, "message");
  const memoryBefore = heldBytes();
  await pause(settling);
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, heldBytes() - memoryBefore);
  }, 200);
  const during = await measure(download, together);
  clearInterval(watch);
  const tallies = await talliesOf(hostile);
  const kept = during / before;
  context.diagnostic(`${mb(during)} of ${mb(before)} MB/s kept, ${mb(most)} MB more held at most`);
  ok(kept >= 0.9, `${mb(during)} MB/s among hostile peers, ${mb(before)} MB/s without: ${kept.toFixed(2)}`);
  ok(most < 96 << 20, `${mb(most)} MB more were held`);
  ok(download.status().state.name === "downloading", download.status().state.name);
  for (const { name, fate } of scripts) {
    for (const [victim, port] of Object.entries({ seed: seed.port, leecher: leecher.port })) {
      const tally = tallies.find((entry) => entry.name === name && entry.port === port);
      ok(tally !== undefined && tally.connections > 0, `${name} reached the ${victim}`);
      if (fate === "dropped") ok(tally.dropped > 0, `${name} was dropped by the ${victim}`);
    }
  }
});

async function openPeer(name: string): Promise<DureNode> {
  const node = await openNode({ profile: join(folder, name), port: 0, lsd: false, connectionsMax: 400 });
  nodes.push(node);
  return node;
}

/** Every piece is the same, so that a large torrent is made quickly. */
function writeSample(): { torrent: Uint8Array; infoHash: string } {
  const piece = randomBytes(pieceBytes);
  const digest = createHash("sha1").update(piece).digest();
  const pieces = Buffer.concat(new Array<Buffer>(pieceCount).fill(digest));
  const content = { type: "file", bytes: pieceBytes * pieceCount } as const;
  const infoBytes = buildInfo({
    name: "sample.bin",
    content,
    pieceBytes,
    pieces,
    private: false,
    source: null,
  });
  mkdirSync(join(folder, "source"));
  writeFileSync(
    join(folder, "source", "sample.bin"),
    Buffer.concat(new Array<Buffer>(pieceCount).fill(piece)),
  );
  const nothing = { webSeeds: [], comment: null, createdBy: null, createdAt: null };
  const infoHash = createHash("sha1").update(infoBytes).digest("hex");
  return { torrent: encodeTorrent({ infoBytes, trackers: [], ...nothing }), infoHash };
}

/** Payload bytes a second that were verified meanwhile. */
async function measure(download: { status(): { bytesDone: number } }, duration: number): Promise<number> {
  const bytes = download.status().bytesDone;
  const started = performance.now();
  await pause(duration);
  return ((download.status().bytesDone - bytes) * 1000) / (performance.now() - started);
}

async function talliesOf(hostile: ChildProcess): Promise<readonly Tally[]> {
  hostile.send("end");
  const [tallies] = await once(hostile, "message");
  return tallies;
}

/** Heap and buffers; the pools are shared memory of a fixed size. */
function heldBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
