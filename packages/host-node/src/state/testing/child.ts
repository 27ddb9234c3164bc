import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, URL } from "node:url";
import { must } from "@dure/base";
import type { StateJob, StateResult } from "@dure/carrier";
import type { StateJobBody, StateProcess } from "@dure/carrier/contract";

// Stripping the types of the sources anew would be most of a child's life.
const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "dure-test-compile-cache") };
const main = fileURLToPath(new URL("./process-main.ts", import.meta.url));

/** A child process that uses the profile. */
export class StateChild implements StateProcess {
  readonly #child: ChildProcess;
  readonly #results: StateResult[] = [];
  readonly #waiting = new Map<number, (result: StateResult) => void>();
  #next = 1;

  constructor(file: string) {
    this.#child = fork(main, [file], { serialization: "advanced", env });
    this.#child.on("message", (results: readonly StateResult[]) => {
      for (const result of results) {
        this.#results.push(result);
        if (result.type !== "damaged") this.#waiting.get(result.job)?.(result);
      }
    });
  }

  get pid(): number {
    return must(this.#child.pid, "the child was started");
  }

  /** Sends jobs without waiting for what becomes of them. */
  send(jobs: readonly StateJobBody[]): readonly number[] {
    const numbered = jobs.map((job): StateJob => ({ ...job, job: this.#next++ }));
    this.#child.send([...numbered]);
    return numbered.map(({ job }) => job);
  }

  async run(jobs: readonly StateJobBody[]): Promise<readonly StateResult[]> {
    this.#results.length = 0;
    await Promise.all(
      this.send(jobs).map((job) => new Promise((resolve) => this.#waiting.set(job, resolve))),
    );
    return this.#results.slice();
  }

  /** Results that came since `run` was last called. */
  get heard(): readonly StateResult[] {
    return this.#results;
  }

  async close(): Promise<void> {
    this.#child.send("end");
    await once(this.#child, "exit");
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }
}
