import { cpuSeconds, highWaterBytes, memory } from "./usage.ts";

export interface TreeReading {
  /** User and system time since the meter was made. */
  readonly cpuSeconds: number;
  /** Peak resident set of the whole tree, shared pages counted in each process. */
  readonly rssBytes: number;
  /** Peak of what is no mapped file or tmpfs page: what the programs themselves hold. */
  readonly anonymousBytes: number;
}

/** CPU and peak memory of one process tree; somebody must call `sample` now and then, and once at the end. */
export class TreeMeter {
  readonly #root: number;
  readonly #cpuBefore: number;
  #cpu: number;
  #rssBytes = 0;
  #anonymousBytes = 0;

  /** Counts from now on; `fromStart` counts what the tree used before as well. */
  constructor(root: number, options: { fromStart: boolean }) {
    this.#root = root;
    this.#cpu = cpuSeconds(root) ?? 0;
    this.#cpuBefore = options.fromStart ? 0 : this.#cpu;
  }

  sample(): TreeReading {
    // A tree that ended between two samples keeps its last figures.
    this.#cpu = cpuSeconds(this.#root) ?? this.#cpu;
    const now = memory(this.#root);
    this.#rssBytes = Math.max(this.#rssBytes, now?.rssBytes ?? 0, highWaterBytes(this.#root) ?? 0);
    this.#anonymousBytes = Math.max(this.#anonymousBytes, now?.anonymousBytes ?? 0);
    return {
      cpuSeconds: this.#cpu - this.#cpuBefore,
      rssBytes: this.#rssBytes,
      anonymousBytes: this.#anonymousBytes,
    };
  }
}
