export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGPIPE";

const numbers: Readonly<Record<StopSignal, number>> = { SIGHUP: 1, SIGINT: 2, SIGPIPE: 13, SIGTERM: 15 };

/** The wish that the program ends. The first stops it in order; a second one is not heard here but ends it at once. */
export class Interrupt {
  readonly #controller = new AbortController();
  #received: StopSignal | undefined;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get received(): StopSignal | undefined {
    return this.#received;
  }

  /** 128 + the signal's number, as shells say it. */
  get exitStatus(): number {
    return 128 + (this.#received === undefined ? 0 : numbers[this.#received]);
  }

  raise(name: StopSignal): void {
    if (this.#received !== undefined) return;
    this.#received = name;
    this.#controller.abort(new Interrupted());
  }

  /** Resolves when it is raised. */
  wait(): Promise<void> {
    if (this.signal.aborted) return Promise.resolve();
    return new Promise((done) => this.signal.addEventListener("abort", () => done(), { once: true }));
  }

  /** The promise's value, or `Interrupted` as soon as the program is to end. */
  race<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => {}); // when the interrupt wins, nobody listens any more
    return Promise.race([
      promise,
      this.wait().then(() => {
        throw new Interrupted();
      }),
    ]);
  }
}

/** Thrown through a command to end it; the interrupt knows the exit status. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** Hears the process's signals. */
export function listenForSignals(interrupt: Interrupt): void {
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (interrupt.received !== undefined) process.exit(128 + numbers[name]);
      interrupt.raise(name);
    });
  }
  // `dure show x | head`: whoever read us has gone.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    if (interrupt.received !== undefined) return;
    interrupt.raise("SIGPIPE");
  });
}
