import type { Screen } from "./screen.ts";

/** The lines at the foot of the terminal that are drawn again and again. */
export class LiveLines {
  readonly #screen: Screen;
  #drawn = 0;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  draw(lines: readonly string[]): void {
    this.#screen.out(redraw(this.#drawn, lines));
    this.#drawn = lines.length;
  }

  /** Takes the lines away, so that something else can be printed above them. */
  clear(): void {
    if (this.#drawn > 0) this.#screen.out(redraw(this.#drawn, []));
    this.#drawn = 0;
  }

  /** Leaves the last state standing and goes on below it. */
  keep(): void {
    this.#drawn = 0;
  }
}

/** Goes back over the lines drawn before, and draws these in their place. The cursor ends below them. */
export function redraw(drawnBefore: number, lines: readonly string[]): string {
  const up = drawnBefore > 0 ? `\u001b[${drawnBefore}A` : "";
  // Each line is written, then cleared to its end, so that nothing flickers; what is left below goes at the end.
  return `${up}\r${lines.map((line) => `${line}\u001b[K\n`).join("")}\u001b[J`;
}
