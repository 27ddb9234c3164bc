import type { Context } from "../context.ts";
import { LiveLines } from "../terminal/live.ts";
import { hashBar } from "./lines.ts";

const drawEvery = 250;

/** How far hashing is: a bar on a terminal, nothing anywhere else (the result says enough). */
export class HashProgress {
  readonly #context: Context;
  readonly #label: string;
  readonly #total: number;
  readonly #live: LiveLines | undefined;
  readonly #startedAt = performance.now();
  #done = 0;
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor(context: Context, label: string, totalBytes: number) {
    this.#context = context;
    this.#label = label;
    this.#total = totalBytes;
    const shown = context.screen.live && !context.quiet && !context.json;
    this.#live = shown ? new LiveLines(context.screen) : undefined;
  }

  add(bytes: number): void {
    this.#done += bytes;
    const now = performance.now();
    if (this.#live === undefined || now - this.#drawnAt < drawEvery) return;
    this.#drawnAt = now;
    const seconds = Math.max(0.001, (now - this.#startedAt) / 1000);
    const { messages, screen } = this.#context;
    const bar = { label: this.#label, done: this.#done, total: this.#total, rate: this.#done / seconds };
    this.#live.draw([hashBar(bar, { ...screen, columns: screen.columns() }, messages)]);
  }

  end(): void {
    this.#live?.clear();
  }
}
