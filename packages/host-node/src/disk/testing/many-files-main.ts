import process from "node:process";
import { Prng } from "@dure/base";
import { DiskRunner, storeOf } from "@dure/carrier/contract";
import { DiskWorkers } from "../index.ts";

// Started under a descriptor limit: downloads and checks a torrent of many small files, and says how it went.
const [root = "", filesCount = "", filesOpenMax = ""] = process.argv.slice(2);
const pieceBytes = 64 * 1024;
const files = Array.from({ length: Number(filesCount) }, (_, index) => ({
  path: `${index % 100}/${index}`,
  bytes: 1000,
}));
const store = storeOf({ root, files, pieceBytes }, new Prng(1));
const pool = new SharedArrayBuffer(1024 * 1024);
const memory = new Uint8Array(pool);
const runner = new DiskRunner((jobs) => disk.submit(jobs));
const disk = new DiskWorkers({
  pool,
  workers: 2,
  filesOpenMax: Number(filesOpenMax),
  onResults: (results) => runner.hear(results),
});
const counts = new Map<string, number>();
const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);

await runner.run([{ type: "open", store: 1, spec: store.spec }]);
const piecesCount = store.spec.digests.length / 20;
for (let piece = 0; piece < piecesCount; piece += 1) {
  const bytes = store.content.subarray(piece * pieceBytes, (piece + 1) * pieceBytes);
  memory.set(bytes);
  const results = await runner.run([
    { type: "write", store: 1, piece, begin: 0, length: bytes.length, memory: 0 },
    { type: "verify", store: 1, piece, blocks: false },
  ]);
  for (const result of results)
    count(result.type === "failed" ? `${result.fault}: ${result.detail}` : result.type);
}
const [synced, checked] = await runner.run([
  { type: "sync", store: 1 },
  { type: "check", store: 1, first: 0, count: piecesCount },
]);
count(`sync ${synced?.type}`);
const good = checked?.type === "checked" ? checked.states.filter((state) => state === 2).length : 0;
await disk.close();
process.stdout.write(JSON.stringify({ ...Object.fromEntries(counts), piecesCount, good }));
