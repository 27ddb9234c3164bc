// Writes vectors/torrents/hostile from hostile.ts: node packages/protocol/src/metainfo/testing/write-vectors.ts
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostileTorrents } from "./hostile.ts";
import { hostileFolder, vectorsFolder } from "./vectors.ts";

rmSync(hostileFolder, { recursive: true, force: true });
mkdirSync(hostileFolder, { recursive: true });
const index: Record<string, string> = {};
for (const { name, reason, bytes } of hostileTorrents()) {
  writeFileSync(join(hostileFolder, `${name}.torrent`), bytes);
  index[name] = reason;
}
writeFileSync(join(vectorsFolder, "hostile.json"), `${JSON.stringify(index, null, 2)}\n`);
