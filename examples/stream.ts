// Plays a file while it downloads: node examples/stream.ts SOURCE FOLDER PEER | mpv -
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openNode, type TorrentHandle } from "dure";

const [source, dir, ...peers] = process.argv.slice(2);
if (source === undefined || dir === undefined) throw new Error("usage: stream.ts SOURCE FOLDER [PEER…]");

const node = await openNode({ profile: await mkdtemp(join(tmpdir(), "dure-")), port: 0 });
const torrent = await node.add({ source, dir, peers });
await metadata(torrent);

const [largest] = [...torrent.files()].sort((a, b) => b.bytes - a.bytes);
if (largest === undefined) throw new Error("the torrent has no files");
console.error(`streaming ${largest.path}`);
for await (const bytes of torrent.stream(largest.path)) process.stdout.write(bytes);
await node.close();

/** A magnet link learns its files from peers first. */
function metadata(torrent: TorrentHandle): Promise<void> {
  if (torrent.files().length > 0) return Promise.resolve();
  return new Promise((resolve) => torrent.on((event) => event.type === "metadata" && resolve()));
}
