import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Prng } from "@dure/base";
import type { DiskResult } from "@dure/carrier";
import { type DiskJobBody, DiskRunner, storeOf, type TestFile } from "@dure/carrier/contract";
import { temporary } from "../../testing/temporary.ts";
import { Disk } from "../disk.ts";
import { rootMemory } from "../root.ts";

/** What a worker runs, run in this thread, on a folder of its own. */
export function diskHere({ filesOpenMax = 8, files }: { filesOpenMax?: number; files: readonly TestFile[] }) {
  const { folder, remove } = temporary();
  const root = join(folder, "downloads");
  mkdirSync(root);
  const pool = new SharedArrayBuffer(1024 * 1024);
  const runner: DiskRunner = new DiskRunner((jobs) => {
    for (const job of jobs) disk.run(job.type === "open" ? { ...job, rootMemory: rootMemory() } : job);
  });
  const disk = new Disk({ pool, filesOpenMax, report: (result) => runner.hear([result]) });
  const store = storeOf({ root, files, pieceBytes: 16 * 1024 }, new Prng(1));
  const one = async (job: DiskJobBody): Promise<DiskResult> => {
    const [result] = await runner.run([job]);
    if (result === undefined) throw new Error("no result");
    return result;
  };
  return {
    folder,
    root,
    one,
    run: (jobs: readonly DiskJobBody[]) => runner.run(jobs),
    open: () => one({ type: "open", store: 1, spec: store.spec }),
    /** Writes a right piece; the fault, or "done". */
    write: async (piece: number): Promise<string> => {
      const start = piece * 16 * 1024;
      const bytes = store.content.subarray(start, start + 16 * 1024);
      new Uint8Array(pool).set(bytes);
      return faultOf(
        await one({ type: "write", store: 1, piece, begin: 0, length: bytes.length, memory: 0 }),
      );
    },
    fault: async (job: DiskJobBody): Promise<string> => faultOf(await one(job)),
    piecesCount: store.spec.digests.length / 20,
    store,
    end: async () => {
      await disk.close();
      remove();
    },
  };
}

/** The fault, or the type of a result that is none. */
export function faultOf(result: DiskResult): string {
  return result.type === "failed" ? result.fault : result.type;
}
