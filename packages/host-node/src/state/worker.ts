import { parentPort, workerData } from "node:worker_threads";
import { must } from "@dure/base";
import type { StateJob, StateResult } from "@dure/carrier";
import { Profile } from "./profile.ts";

// The entry of the state worker. One message of jobs gives one message of results.
const port = must(parentPort, "this module runs as a worker");
let results: StateResult[] = []; // bounded by the jobs of one message
const profile = new Profile({ file: String(workerData), report: (result) => results.push(result) });

port.on("message", (message: readonly StateJob[] | "end") => {
  if (message === "end") {
    profile.close();
    port.close();
    return;
  }
  for (const job of message) profile.run(job);
  port.postMessage(results);
  results = [];
});
