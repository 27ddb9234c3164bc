// Downloads a torrent and leaves: node examples/download.ts SOURCE FOLDER [PEER…]
import { homedir } from "node:os";
import { join } from "node:path";
import { openNode } from "dure";

const [source, dir, ...peers] = process.argv.slice(2);
if (source === undefined || dir === undefined) throw new Error("usage: download.ts SOURCE FOLDER [PEER…]");

const node = await openNode({
  profile: process.env.DURE_PROFILE ?? join(homedir(), ".local/state/dure"),
  port: 0,
});
const torrent = await node.add({ source, dir, peers });
const timer = setInterval(() => {
  const { bytesDone, bytesTotal, downRate, peersCount } = torrent.status();
  console.log(
    `${bytesDone} of ${bytesTotal} bytes, ${Math.round(downRate / 1000)} kB/s from ${peersCount} peers`,
  );
}, 1000);

await torrent.done;
clearInterval(timer);
console.log(`${torrent.status().name} is complete in ${dir}`);
await node.close();
