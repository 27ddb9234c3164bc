import { existsSync, mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Processes } from "../../interop/clients/index.ts";
import { writePayload } from "./payload.ts";
import { makeTorrent } from "./torrent.ts";

export const payloadName = "payload.bin";

const tmpfs = "/dev/shm";
const prefix = "dure-bench-";

/** What every benchmark starts from: a scratch folder on tmpfs, children that die with us. */
export interface Bench {
  readonly processes: Processes;
  readonly folder: string;
}

export function openBench(): Bench {
  removeStale();
  const folder = `${tmpfs}/${prefix}${process.pid}`;
  mkdirSync(folder);
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return { processes: new Processes(), folder };
}

export interface Input {
  /** Folder that holds the complete payload. */
  readonly dir: string;
  readonly torrent: string;
  readonly infoHash: string;
  readonly bytes: number;
  readonly pieceBytes: number;
}

export function makeInput(bench: Bench, options: { bytes: number; pieceBytes: number }): Input {
  const { bavail, bsize } = statfsSync(bench.folder);
  // The seeder's copy, the leecher's, and room for what programs write beside.
  const neededBytes = 2.2 * options.bytes;
  if (bavail * bsize < neededBytes) throw new Error(`${tmpfs} needs ${Math.ceil(neededBytes / 1e6)} MB free`);
  const dir = join(bench.folder, "source");
  mkdirSync(dir);
  const hashes = writePayload(join(dir, payloadName), options);
  const { torrent, infoHash } = makeTorrent({ name: payloadName, ...options, hashes });
  const path = join(bench.folder, "payload.torrent");
  writeFileSync(path, torrent);
  return { dir, torrent: path, infoHash, ...options };
}

/** What a benchmark that was killed left behind, which is memory. */
function removeStale(): void {
  for (const name of readdirSync(tmpfs)) {
    const pid = new RegExp(`^${prefix}(\\d+)$`).exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`))
      rmSync(join(tmpfs, name), { recursive: true, force: true });
  }
}
