import { execSync } from "node:child_process";
import process from "node:process";
import { must, Prng } from "@dure/base";
import { type DiskJobBody, DiskRunner, storeOf } from "@dure/carrier/contract";
import { DiskWorkers } from "../index.ts";

/** One thing to do: a job of store 1, a shell command in between, a right piece put into the pool, an opening anew. */
export type Step = DiskJobBody | { readonly shell: string } | { readonly fill: number } | "reopen";

// Started under strace or in a namespace: does the steps it is told, on one file of 64 pieces, and prints the results.
const [root = "", stepsText = "[]"] = process.argv.slice(2);
const pieceBytes = 16 * 1024;
const store = storeOf({ root, files: [{ path: "file", bytes: 64 * pieceBytes }], pieceBytes }, new Prng(1));
const pool = new SharedArrayBuffer(64 * pieceBytes);
const runner = new DiskRunner((jobs) => disk.submit(jobs));
const disk = new DiskWorkers({
  pool,
  workers: 1,
  filesOpenMax: 8,
  onResults: (results) => runner.hear(results),
});
const steps: readonly Step[] = JSON.parse(stepsText); // written by the test

const open = { type: "open", store: 1, spec: store.spec } as const;
await runner.run([open]);
const said: string[] = [];
for (const step of steps) {
  if (step === "reopen") await runner.run([open]);
  else if ("shell" in step) execSync(step.shell);
  else if ("fill" in step) {
    new Uint8Array(pool).set(store.content.subarray(step.fill * pieceBytes, (step.fill + 1) * pieceBytes));
  } else {
    const result = must((await runner.run([step]))[0], "a result a job");
    if (result.type === "failed") said.push(result.fault);
    else if (result.type === "checked") said.push(`checked ${[...result.states].join("")}`);
    else said.push(result.type === "verified" ? `verified ${result.good}` : result.type);
  }
}
await disk.close();
process.stdout.write(JSON.stringify(said));
