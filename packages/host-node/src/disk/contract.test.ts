import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type DiskFactory, DiskRunner, diskContract } from "@dure/carrier/contract";
import { temporary } from "../testing/temporary.ts";
import { DiskWorkers } from "./index.ts";

/** A disk that may use this many workers and open files. */
function onWorkers(workers: number, filesOpenMax: number): DiskFactory {
  return async ({ poolBytes }) => {
    const { folder, remove } = temporary();
    const root = join(folder, "downloads");
    mkdirSync(root);
    const pool = new SharedArrayBuffer(poolBytes);
    const runner = new DiskRunner((jobs) => disk.submit(jobs));
    const disk = new DiskWorkers({
      pool,
      workers,
      filesOpenMax,
      onResults: (results) => runner.hear(results),
    });
    return {
      root,
      pool: new Uint8Array(pool),
      run: (jobs) => runner.run(jobs),
      put: (path, bytes) => {
        mkdirSync(dirname(join(root, path)), { recursive: true });
        writeFileSync(join(root, path), bytes);
      },
      get: (path) => {
        try {
          return new Uint8Array(readFileSync(join(root, path)));
        } catch {
          return undefined; // absent is what the tests ask about
        }
      },
      erase: (path) => rmSync(join(root, path), { recursive: true }),
      close: async () => {
        await disk.close();
        remove();
      },
    };
  };
}

diskContract("node (one worker, two files open)", onWorkers(1, 2));
diskContract("node (two workers)", onWorkers(2, 64));
