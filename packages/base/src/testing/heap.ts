import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Bytes that are still reachable: the heap and the buffers outside it, after a full collection. */
export function collectedHeapBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  collect();
  const { heapUsed, external } = process.memoryUsage(); // external includes array buffers
  return heapUsed + external;
}
