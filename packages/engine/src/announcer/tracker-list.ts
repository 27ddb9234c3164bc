import { type Family, type Ms, must, type Prng } from "@dure/base";
import type { AnnounceEvent } from "@dure/protocol";
import type { IgnoredReason } from "./messages.ts";

/** Of one torrent; beyond it trackers are ignored. */
export const trackersMax = 100;
/** URLs looked at, good or bad: a torrent can list millions. */
const urlsMax = 1000;
const urlCharactersMax = 2048;

export type EndpointState =
  /** To be asked as soon as its turn comes. */
  | { readonly name: "due" }
  | {
      readonly name: "asking";
      readonly request: number;
      readonly event: AnnounceEvent;
      /** When it no longer holds up others. */
      readonly slowAt: Ms;
    }
  /** It works: asked again at `nextAt`, and not before `earliestAt` for peers alone. */
  | { readonly name: "working"; readonly nextAt: Ms; readonly earliestAt: Ms }
  /** It failed; `earliestAt` is the tracker's own wish (BEP 31). */
  | { readonly name: "resting"; readonly nextAt: Ms; readonly earliestAt: Ms }
  | { readonly name: "retired" };

/** A tracker over one address family (BEP 7: each is announced to by itself). */
export interface Endpoint {
  readonly tracker: Tracker;
  readonly family: Family;
  state: EndpointState;
  /** The tracker has heard `started` and no `stopped` since. */
  started: boolean;
  completedDue: boolean;
  failures: number;
  announcedAt: Ms | undefined;
  /** A forced announce is due then, even while an answer is awaited. */
  forcedAt: Ms | undefined;
}

export interface Tracker {
  readonly url: string;
  readonly endpoints: readonly Endpoint[];
  trackerId: string | undefined;
  scrapedAt: Ms | undefined;
}

export interface IgnoredTracker {
  readonly url: string;
  readonly reason: IgnoredReason;
}

/** The tiers of BEP 12. A tracker stands in one place only; the tiers are in order, each shuffled once. */
export class TrackerList {
  readonly tiers: Tracker[][] = []; // bounded: trackersMax trackers, and no tier is empty
  /** What the constructor left out; `too-many` stands for everything after it. */
  readonly ignored: IgnoredTracker[] = []; // bounded: urlsMax
  readonly #known = new Set<string>(); // bounded: trackersMax
  #urlsSeen = 0;

  constructor(tiers: readonly (readonly string[])[], prng: Prng) {
    for (const urls of tiers) {
      const tier = this.#take(urls);
      if (tier.length > 0) this.tiers.push(prng.shuffle(tier));
      if (this.ignored.at(-1)?.reason === "too-many") return;
    }
  }

  /** At the end of its tier; a tier past the last becomes a new one. */
  add(url: string, tier: number): Tracker | IgnoredReason | "known" {
    const added = this.#make(url);
    if (typeof added !== "object") return added;
    const place = this.tiers[tier];
    if (place === undefined) this.tiers.push([added]);
    else place.push(added);
    return added;
  }

  /** BEP 12: a tracker that answered is asked first from now on. */
  moveToFront(tracker: Tracker): void {
    const tier = must(
      this.tiers.find((trackers) => trackers.includes(tracker)),
      "a tracker stands in a tier",
    );
    if (tier[0] === tracker) return;
    tier.splice(tier.indexOf(tracker), 1);
    tier.unshift(tracker);
  }

  *endpoints(): IterableIterator<Endpoint> {
    for (const tier of this.tiers) for (const tracker of tier) yield* tracker.endpoints;
  }

  #take(urls: readonly string[]): Tracker[] {
    const tier: Tracker[] = [];
    for (const url of urls) {
      const made = this.#make(url);
      if (typeof made === "object") tier.push(made);
      else if (made !== "known") this.ignored.push({ url, reason: made });
      if (made === "too-many") break;
    }
    return tier;
  }

  #make(text: string): Tracker | IgnoredReason | "known" {
    this.#urlsSeen += 1;
    if (this.#urlsSeen > urlsMax) return "too-many";
    const url = text.trim();
    const key = keyOf(url);
    if (!key.ok) return key.reason;
    if (this.#known.has(key.value)) return "known";
    if (this.#known.size >= trackersMax) return "too-many";
    this.#known.add(key.value);
    return newTracker(url);
  }
}

function keyOf(
  url: string,
): { readonly ok: true; readonly value: string } | { readonly ok: false; readonly reason: IgnoredReason } {
  if (url.length > urlCharactersMax || !URL.canParse(url)) return { ok: false, reason: "bad-url" };
  const { protocol, hostname, port, href } = new URL(url);
  if (!["http:", "https:", "udp:"].includes(protocol)) return { ok: false, reason: "unknown-scheme" };
  // UDP trackers have no usual port (BEP 15).
  if (hostname === "" || (protocol === "udp:" && port === "")) return { ok: false, reason: "bad-url" };
  return { ok: true, value: href };
}

function newTracker(url: string): Tracker {
  const endpoints: Endpoint[] = [];
  const tracker: Tracker = { url, endpoints, trackerId: undefined, scrapedAt: undefined };
  for (const family of [4, 6] as const) endpoints.push(newEndpoint(tracker, family));
  return tracker;
}

function newEndpoint(tracker: Tracker, family: Family): Endpoint {
  return {
    tracker,
    family,
    state: { name: "due" },
    started: false,
    completedDue: false,
    failures: 0,
    announcedAt: undefined,
    forcedAt: undefined,
  };
}
