import process from "node:process";
import type { StateJob } from "@dure/carrier";
import { StateWorker } from "../index.ts";

// A process of its own that uses the profile it is told: jobs come over IPC, results go back.
const state = new StateWorker({
  file: process.argv[2] ?? "",
  onResults: (results) => process.send?.(results),
});
process.on("message", (message: readonly StateJob[] | "end") => {
  if (message === "end") void state.close().then(() => process.disconnect());
  else state.submit(message);
});
