import type { AnnouncerStatus } from "@dure/engine";
import type { TrackerStatus } from "../api.ts";

interface Entry {
  readonly url: string;
  state: TrackerStatus["state"];
  message: string;
  seeders: number | null;
  leechers: number | null;
}

/** How the trackers of a torrent do, for people. */
export class TrackerBoard {
  readonly #entries = new Map<string, Entry>(); // bounded by the announcer's trackers

  list(): readonly TrackerStatus[] {
    return [...this.#entries.values()].map((entry) => ({ ...entry }));
  }

  /** A sentence to be shown, when this is news that a person should hear. */
  hear(status: AnnouncerStatus): string | undefined {
    const entry = this.#entry(status.url);
    const before = entry.state;
    switch (status.state) {
      case "working":
        entry.state = "working";
        entry.message = status.warning ?? "";
        entry.seeders = status.seeders ?? entry.seeders;
        entry.leechers = status.leechers ?? entry.leechers;
        return status.warning === undefined ? undefined : `${status.url} says: ${status.warning}`;
      case "failed": {
        // One family may well fail while the other works.
        if (before === "working" && status.reason !== "refused") return undefined;
        entry.state = "failing";
        const message = status.message ?? status.reason;
        const news = before !== "failing" || entry.message !== message;
        entry.message = message;
        return news ? `${status.url}: ${message}` : undefined;
      }
      case "retired":
        entry.state = "failing";
        entry.message = status.message;
        return `${status.url} asks not to be asked again: ${status.message}`;
      case "scraped":
        entry.seeders = status.counts.seeders;
        entry.leechers = status.counts.leechers;
        return undefined;
      case "ignored":
        entry.state = "failing";
        entry.message = status.reason;
        return `${status.url} is not asked: ${status.reason}`;
      case "unsupported":
        return undefined;
    }
  }

  #entry(url: string): Entry {
    const known = this.#entries.get(url);
    if (known !== undefined) return known;
    const made: Entry = { url, state: "idle", message: "", seeders: null, leechers: null };
    this.#entries.set(url, made);
    return made;
  }
}
