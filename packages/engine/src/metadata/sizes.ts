import { BoundedMap, type Ms } from "@dure/base";
import { metadataLimits } from "./limits.ts";
import type { Source } from "./source.ts";

/** What became of a size that peers claimed. */
interface SizeHistory {
  failures: number;
  /** A mix of peers failed at it: from now on one peer sends all. */
  sole: boolean;
}

/** The sizes that peers claim: some lie, so none is believed because it came first. */
export class Sizes {
  readonly #history = new BoundedMap<number, SizeHistory>({
    max: metadataLimits.sizesMax,
    full: "drop-oldest",
  });

  failed(size: number): void {
    this.#of(size).failures += 1;
  }

  makeSole(size: number): void {
    this.#of(size).sole = true;
  }

  isSole(size: number): boolean {
    return this.#history.get(size)?.sole === true;
  }

  /** Fewest failures, then most peers that can be asked, then the smaller: it costs less to find out. */
  choose(now: Ms, sources: Iterable<Source>): number | undefined {
    const counts = new Map<number, number>(); // bounded by the sources
    for (const source of sources) {
      if (source.restUntil <= now)
        counts.set(source.metadataBytes, (counts.get(source.metadataBytes) ?? 0) + 1);
    }
    const sizes = [...counts.keys()].sort((a, b) => {
      const failures = (size: number) => this.#history.get(size)?.failures ?? 0;
      return failures(a) - failures(b) || (counts.get(b) ?? 0) - (counts.get(a) ?? 0) || a - b;
    });
    return sizes[0];
  }

  #of(size: number): SizeHistory {
    const known = this.#history.get(size);
    if (known !== undefined) return known;
    const history: SizeHistory = { failures: 0, sole: false };
    this.#history.set(size, history);
    return history;
  }
}
