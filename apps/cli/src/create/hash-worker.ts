import { parentPort, workerData } from "node:worker_threads";
import { ChangedFile, type HashPlan, hashPieces, type PieceHashes } from "./hash-pieces.ts";

export interface HashTask {
  readonly first: number;
  readonly count: number;
}

export type HashReport =
  | { readonly type: "bytes"; readonly bytes: number }
  | { readonly type: "hashes"; readonly first: number; readonly hashes: PieceHashes }
  | { readonly type: "changed"; readonly path: string }
  | { readonly type: "failed"; readonly path: string; readonly code: string };

const plan: HashPlan = workerData;
const reportBytes = 16 * 1024 * 1024;

parentPort?.on("message", (task: HashTask) => {
  parentPort?.postMessage(run(task));
});

function run(task: HashTask): HashReport {
  let unreported = 0;
  const onBytes = (bytes: number) => {
    unreported += bytes;
    if (unreported < reportBytes) return;
    parentPort?.postMessage({ type: "bytes", bytes: unreported } satisfies HashReport);
    unreported = 0;
  };
  try {
    const hashes = hashPieces(plan, task, onBytes);
    parentPort?.postMessage({ type: "bytes", bytes: unreported } satisfies HashReport);
    return { type: "hashes", first: task.first, hashes };
  } catch (error) {
    if (error instanceof ChangedFile) return { type: "changed", path: error.path };
    const { code = "", path = "" } = error as NodeJS.ErrnoException; // the file system's calls throw nothing else
    return { type: "failed", path, code };
  }
}
