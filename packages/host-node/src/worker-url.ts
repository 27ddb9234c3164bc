import { URL } from "node:url";

/**
 * Where a worker's entry point lies: in the source tree `<name>/worker.ts`, in the built package a bundle
 * `<name>-worker.js` beside the one this module was bundled into.
 */
export function workerUrl(name: "disk" | "state" | "filters"): URL {
  const fromSources = import.meta.url.endsWith(".ts");
  return new URL(fromSources ? `./${name}/worker.ts` : `./${name}-worker.js`, import.meta.url);
}
