import type { Family } from "@dure/base";
import type { AnnouncerStatus } from "@dure/engine";
import type { TrackerStatus } from "../api.ts";

interface Entry {
  readonly url: string;
  /** Each address family is asked by itself; most trackers have only one. */
  readonly families: Map<Family, "working" | "failing" | "unsupported">;
  ignored: boolean;
  message: string;
  seeders: number | null;
  leechers: number | null;
}

/** How the trackers of a torrent do, for people. */
export class TrackerBoard {
  readonly #entries = new Map<string, Entry>(); // bounded by the announcer's trackers

  list(): readonly TrackerStatus[] {
    return [...this.#entries.values()].map((entry) => {
      const { url, message, seeders, leechers } = entry;
      return { url, state: stateOf(entry), message, seeders, leechers };
    });
  }

  /** A sentence to be shown, when this is news that a person should hear. */
  hear(status: AnnouncerStatus): string | undefined {
    const entry = this.#entry(status.url);
    const before = stateOf(entry);
    switch (status.state) {
      case "working":
        entry.families.set(status.family, "working");
        entry.message = status.warning ?? "";
        entry.seeders = status.seeders ?? entry.seeders;
        entry.leechers = status.leechers ?? entry.leechers;
        return status.warning === undefined ? undefined : `${status.url} says: ${clean(status.warning)}`;
      case "failed":
        entry.families.set(status.family, "failing");
        return this.#failing(entry, before, status.message ?? status.reason);
      case "retired":
        entry.families.set(status.family, "failing");
        return this.#failing(entry, before, `asks not to be asked again: ${status.message}`);
      case "unsupported":
        entry.families.set(status.family, "unsupported");
        return this.#failing(entry, before, "no address can be found");
      case "scraped":
        entry.seeders = status.counts.seeders;
        entry.leechers = status.counts.leechers;
        return undefined;
      case "ignored":
        entry.ignored = true;
        entry.message = status.reason;
        return `${status.url} is not asked: ${status.reason}`;
    }
  }

  /** News only when the whole tracker fails, and not the same news again. */
  #failing(entry: Entry, before: TrackerStatus["state"], message: string): string | undefined {
    if (stateOf(entry) !== "failing") return undefined;
    const news = before !== "failing" || entry.message !== message;
    entry.message = clean(message);
    return news ? `${entry.url}: ${entry.message}` : undefined;
  }

  #entry(url: string): Entry {
    const known = this.#entries.get(url);
    if (known !== undefined) return known;
    const made: Entry = {
      url,
      families: new Map(),
      ignored: false,
      message: "",
      seeders: null,
      leechers: null,
    };
    this.#entries.set(url, made);
    return made;
  }
}

function stateOf({ families, ignored }: Entry): TrackerStatus["state"] {
  if (ignored) return "failing";
  const states = [...families.values()];
  if (states.includes("working")) return "working";
  return states.length === 2 ? "failing" : states.length === 0 ? "idle" : "announcing";
}

/** Words of a stranger, fit for a terminal: one line, no control or format characters. */
function clean(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]+/gu, " ").slice(0, 300);
}
