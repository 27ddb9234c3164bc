import { type Context, writeJson } from "../context.ts";
import { loadTorrent } from "../torrent/load.ts";
import { magnetOf } from "../torrent/magnet-of.ts";

/** `dure magnet`: the link alone, so that it can be passed on. */
export async function magnet(context: Context, [path = ""]: readonly string[]): Promise<number> {
  const link = magnetOf((await loadTorrent(path)).metainfo);
  if (context.json) writeJson(context.screen, { magnet: link });
  else context.screen.out(`${link}\n`);
  return 0;
}
