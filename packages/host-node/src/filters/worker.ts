import { parentPort, workerData } from "node:worker_threads";
import { must } from "@dure/base";
import type { LoadedIpFilter } from "./load-ip-filter.ts";
import { readIpFilter } from "./read-list.ts";

// The entry of the worker that reads one list of addresses and ends: a million lines would stop everything else
// for half a second.
const port = must(parentPort, "this module runs as a worker");
const read = await readIpFilter(String(workerData));
if (read.type === "unusable") port.postMessage(read satisfies LoadedIpFilter);
else {
  const { ranges, linesBad } = read.list;
  const { four, six } = ranges.words;
  const message: LoadedIpFilter = { type: "read", words: { four, six }, linesBad };
  port.postMessage(message, [four.buffer, six.buffer]);
}
