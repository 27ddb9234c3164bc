import { Worker } from "node:worker_threads";
import type { IpRangesWords } from "@dure/base";
import { workerUrl } from "../worker-url.ts";

/** As it crosses from the worker. */
export type LoadedIpFilter =
  | { readonly type: "read"; readonly words: IpRangesWords; readonly linesBad: number }
  | { readonly type: "unusable"; readonly reason: string };

/** Reads a list of addresses on a thread of its own, which ends with it. */
export function loadIpFilter(path: string): Promise<LoadedIpFilter> {
  return new Promise((resolve) => {
    const worker = new Worker(workerUrl("filters"), { workerData: path, name: "filters" });
    worker.once("message", (loaded: LoadedIpFilter) => resolve(loaded));
    const broken = (error?: Error) =>
      resolve({ type: "unusable", reason: `reading it failed (${error?.message ?? "no memory"})` });
    worker.once("error", broken); // no memory, or a bug of ours
    worker.once("exit", () => broken());
  });
}
