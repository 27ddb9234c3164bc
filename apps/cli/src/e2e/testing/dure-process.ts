import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { must } from "@dure/base";

const program = resolve(import.meta.dirname, "../../../../../bin/dure");

export interface Said extends Readonly<Record<string, unknown>> {
  readonly event: string;
}

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** `bin/dure` as a process of its own, heard through `--json`. */
export class DureProcess implements AsyncDisposable {
  readonly said: Said[] = [];
  readonly startedAt = performance.now();
  stderr = "";
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #over = false;

  /** `before` is what starts it: `["prlimit", "--nofile=256"]`; it must exec, so that signals hit the program. */
  constructor(args: readonly string[], before: readonly string[] = []) {
    const [command = "", ...rest] = [...before, program, ...args, "--json"];
    this.#child = spawn(command, rest, {
      stdio: ["ignore", "pipe", "pipe"],
      // Stripping the types of the sources anew would be most of its life, when it runs from sources.
      env: {
        ...process.env,
        LANG: "C.UTF-8",
        LC_ALL: "C.UTF-8",
        NODE_COMPILE_CACHE: join(tmpdir(), "dure-test-compile-cache"),
      },
    });
    const stdout = must(this.#child.stdout ?? undefined, "started with pipes");
    const stderr = must(this.#child.stderr ?? undefined, "started with pipes");
    stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    createInterface({ input: stdout }).on("line", (line) => {
      this.said.push(JSON.parse(line) as Said); // of our own program; a line that is no object fails the test
      this.#wake();
    });
    this.ended = once(this.#child, "close").then(([status, signal]) => {
      this.#over = true;
      this.#wake();
      return { status, signal };
    });
  }

  get pid(): number {
    return must(this.#child.pid, "it was started");
  }

  /** The first such object, past or to come. */
  async hear(event: string, test: (said: Said) => boolean = () => true): Promise<Said> {
    for (;;) {
      const found = this.said.find((said) => said.event === event && test(said));
      if (found !== undefined) return found;
      if (this.#over) throw new Error(`ended without ${event}: ${JSON.stringify(this.said)} ${this.stderr}`);
      await new Promise<void>((heard) => this.#waiting.add(heard));
    }
  }

  /** Sends a signal and tells how it ended, and how many milliseconds after. */
  async end(signal: NodeJS.Signals): Promise<Ended & { readonly took: number }> {
    const from = performance.now();
    this.#child.kill(signal);
    return { ...(await this.ended), took: performance.now() - from };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }

  #wake(): void {
    for (const heard of this.#waiting) heard();
    this.#waiting.clear();
  }
}
