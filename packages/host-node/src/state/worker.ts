import { parentPort, workerData } from "node:worker_threads";
import { must } from "@dure/base";
import type { StateJob, StateResult } from "@dure/carrier";
import { Profile } from "./profile.ts";

// The entry of the state worker. Results leave in portions: a claim may carry a whole .torrent.
const portionMs = 2;

const port = must(parentPort, "this module runs as a worker");
let results: StateResult[] = []; // bounded by the jobs of one message
const profile = new Profile({ file: String(workerData), report: (result) => results.push(result) });

port.on("message", (message: readonly StateJob[] | "end") => {
  if (message === "end") {
    profile.close();
    port.close();
    return;
  }
  let since = performance.now();
  for (const job of message) {
    profile.run(job);
    if (performance.now() - since < portionMs) continue;
    flush();
    since = performance.now();
  }
  flush();
});

function flush(): void {
  if (results.length > 0) port.postMessage(results);
  results = [];
}
