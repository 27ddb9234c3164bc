import type { Screen } from "../terminal/screen.ts";

/** A screen that keeps what was written to it. */
export class MemoryScreen implements Screen {
  readonly live: boolean;
  readonly unicode = true;
  readonly color = false;
  readonly #columns: number;
  stdout = "";
  stderr = "";

  constructor(options: { live?: boolean; columns?: number } = {}) {
    this.live = options.live ?? false;
    this.#columns = options.columns ?? 80;
  }

  columns(): number {
    return this.#columns;
  }

  out(text: string): void {
    this.stdout += text;
  }

  err(text: string): void {
    this.stderr += text;
  }

  /** The JSON objects on stdout; throws when a line is none. */
  objects(): Record<string, unknown>[] {
    const lines = this.stdout.split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}
