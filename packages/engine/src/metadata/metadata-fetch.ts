import { assert, BoundedMap, earliest, type Machine, type Ms, ms, must, Queue } from "@dure/base";
import { Attempt } from "./attempt.ts";
import { metadataLimits, patience } from "./limits.ts";
import type { MetadataInput, MetadataOutput, MetadataPeer } from "./messages.ts";
import { Sizes } from "./sizes.ts";
import { byBurden, bySoleTurns, canBeAsked, newSource, restForSilence, type Source } from "./source.ts";

/*
 *                  all pieces in              good
 *   fetching ─────────────────────▶ checking ──────▶ done
 *      ▲                               │
 *      └── bad: the one giver is named, or the next attempt is one peer's alone
 */
type State =
  | { readonly name: "fetching"; readonly attempt: Attempt | undefined }
  | { readonly name: "checking"; readonly attempt: Attempt }
  | { readonly name: "done" };

/**
 * The info dictionary of a magnet link, from peers that may lie about its size and its bytes (BEP 9). All peers of
 * one claimed size share the work; when the result is wrong and several had a part in it, one peer sends everything
 * anew, so that a wrong result names it and a right one names those whose bytes had differed.
 */
export class MetadataFetch implements Machine<MetadataInput, MetadataOutput> {
  readonly #outbox = new Queue<MetadataOutput>(); // bounded: requestsMax for each peer, a blame for each
  readonly #sources = new BoundedMap<MetadataPeer, Source>({ max: metadataLimits.peersMax, full: "refuse" });
  readonly #sizes = new Sizes();
  #state: State = { name: "fetching", attempt: undefined };
  #handledAt: Ms = ms(Number.NEGATIVE_INFINITY);

  handle(now: Ms, input: MetadataInput): void {
    this.#handledAt = now;
    if (this.#state.name === "done") return;
    switch (input.type) {
      case "peer":
        this.#join(now, input.peer, input.metadataBytes);
        break;
      case "peer-left":
        this.#leave(now, input.peer);
        break;
      case "data":
        this.#data(input.peer, input.piece, input.totalBytes, input.bytes);
        break;
      case "reject":
        this.#reject(now, input.peer, input.piece);
        break;
      case "checked":
        this.#checked(now, input.good);
        break;
      case "wake":
        break;
    }
    if (this.#state.name === "fetching") this.#proceed(now);
  }

  poll(): MetadataOutput | undefined {
    return this.#outbox.shift();
  }

  deadline(): Ms | undefined {
    if (this.#state.name !== "fetching") return undefined;
    let at: Ms | undefined;
    const consider = (moment: number) => {
      if (moment > this.#handledAt) at = earliest(at, ms(moment));
    };
    for (const source of this.#sources.values()) {
      consider(source.restUntil);
      for (const askedAt of source.asked.values()) {
        consider(askedAt + metadataLimits.askAgainAfter);
        consider(askedAt + metadataLimits.requestWait);
      }
    }
    const { attempt } = this.#state;
    if (attempt !== undefined) consider(attempt.startedAt + patience(attempt.pieces));
    return at;
  }

  #join(now: Ms, peer: MetadataPeer, metadataBytes: number): void {
    if (this.#sources.get(peer)?.metadataBytes === metadataBytes) return;
    this.#leave(now, peer); // another size than before: whatever it was asked, it cannot answer now
    if (metadataBytes < 1 || metadataBytes > metadataLimits.bytesMax) return;
    this.#sources.set(peer, newSource(now, peer, metadataBytes));
  }

  #leave(now: Ms, peer: MetadataPeer): void {
    this.#sources.delete(peer);
    if (this.#state.name === "fetching" && this.#state.attempt?.sole === peer) this.#state.attempt.begin(now);
  }

  #data(peer: MetadataPeer, piece: number, totalBytes: number | undefined, bytes: Uint8Array): void {
    const source = this.#sources.get(peer);
    if (source === undefined || this.#state.name !== "fetching") return;
    const { attempt } = this.#state;
    // Late or never asked for: normal after a time-out, and no reason to think ill of the peer.
    if (attempt === undefined || !source.asked.delete(piece)) return;
    // It said another size in its handshake. Nothing is proved, but it is of no use.
    if ((totalBytes ?? attempt.size) !== attempt.size || bytes.length !== attempt.pieceLength(piece)) {
      this.#leave(this.#handledAt, peer);
      return;
    }
    source.silences = 0;
    attempt.receive(piece, peer, bytes);
    if (!attempt.complete) return;
    for (const other of this.#sources.values()) other.asked.clear();
    this.#state = { name: "checking", attempt };
    this.#outbox.push({ type: "check", bytes: attempt.bytes });
  }

  #reject(now: Ms, peer: MetadataPeer, piece: number): void {
    const source = this.#sources.get(peer);
    if (source === undefined || !source.asked.delete(piece)) return;
    source.restUntil = ms(Math.max(source.restUntil, now + metadataLimits.rejectRest));
  }

  #checked(now: Ms, good: boolean): void {
    assert(this.#state.name === "checking", "checked answers a check");
    const { attempt } = this.#state;
    if (good) {
      for (const liar of attempt.differed()) this.#blame(liar);
      this.#outbox.push({ type: "done", infoBytes: attempt.bytes });
      this.#state = { name: "done" };
      this.#sources.clear();
      return;
    }
    this.#sizes.failed(attempt.size);
    const givers = attempt.givers();
    const [giver] = givers;
    if (givers.size === 1 && giver !== undefined) {
      this.#blame(giver);
      this.#sources.delete(giver);
      attempt.forgetGivers();
    } else this.#sizes.makeSole(attempt.size);
    attempt.begin(now);
    this.#state = { name: "fetching", attempt };
  }

  #blame(peer: MetadataPeer): void {
    this.#outbox.push({ type: "blame", peer });
  }

  /** Does whatever can be done now: gives up who is silent, settles what is fetched, asks. */
  #proceed(now: Ms): void {
    for (const source of this.#sources.values()) if (isSilent(now, source)) restForSilence(now, source);
    const attempt = this.#settleAttempt(now);
    if (attempt === undefined) return;
    if (!this.#sizes.isSole(attempt.size)) return this.#share(now, attempt);
    const sole = this.#settleSole(now, attempt);
    if (sole !== undefined) this.#ask(now, attempt, [sole]);
  }

  // Another size is tried when nobody is left for this one, when more peers claim it, or when this one takes too long.
  #settleAttempt(now: Ms): Attempt | undefined {
    const before = this.#state.name === "fetching" ? this.#state.attempt : undefined;
    const late = before !== undefined && now - before.startedAt >= patience(before.pieces);
    if (late && this.#othersWait(now, before.size)) {
      this.#sizes.failed(before.size);
      before.startedAt = now;
    }
    const size = this.#sizes.choose(now, this.#sources.values());
    if (size === undefined || size === before?.size) return before;
    for (const source of this.#sources.values()) source.asked.clear();
    const attempt = new Attempt(now, size);
    this.#state = { name: "fetching", attempt };
    return attempt;
  }

  #othersWait(now: Ms, size: number): boolean {
    for (const source of this.#sources.values()) {
      if (source.metadataBytes !== size && source.restUntil <= now) return true;
    }
    return false;
  }

  // The sole peer keeps its turn while it answers, and while nobody else could have it.
  #settleSole(now: Ms, attempt: Attempt): Source | undefined {
    const ready = this.#claiming(attempt.size).filter((source) => source.restUntil <= now);
    const present = attempt.sole === undefined ? undefined : this.#sources.get(attempt.sole);
    const late = now - attempt.startedAt >= patience(attempt.pieces);
    if (present !== undefined && present.restUntil <= now && !(late && ready.length > 1)) return present;
    const next = ready.filter((source) => source !== present).sort(bySoleTurns)[0];
    if (next === undefined) return undefined;
    present?.asked.clear();
    next.soleTurns += 1;
    attempt.beginSole(now, next.peer);
    return next;
  }

  #share(now: Ms, attempt: Attempt): void {
    const sources = this.#claiming(attempt.size);
    this.#ask(now, attempt, sources);
    this.#askAgain(now, attempt, sources);
  }

  #ask(now: Ms, attempt: Attempt, sources: readonly Source[]): void {
    const asked = new Set(sources.flatMap((source) => [...source.asked.keys()]));
    for (let piece = 0; piece < attempt.pieces; piece += 1) {
      if (attempt.has(piece) || asked.has(piece)) continue;
      const source = sources.filter((candidate) => canBeAsked(now, candidate)).sort(byBurden)[0];
      if (source === undefined) return;
      this.#request(now, source, piece);
    }
  }

  // A piece that is slow to come is asked of one more peer, when everything was asked for once.
  #askAgain(now: Ms, attempt: Attempt, sources: readonly Source[]): void {
    const askers = new Map<number, number>(); // bounded by the pieces
    for (const source of sources) {
      for (const piece of source.asked.keys()) askers.set(piece, (askers.get(piece) ?? 0) + 1);
    }
    for (const slow of sources) {
      for (const [piece, askedAt] of [...slow.asked]) {
        if (now - askedAt < metadataLimits.askAgainAfter || attempt.has(piece)) continue;
        if (must(askers.get(piece), "an asked piece has askers") > 1) continue;
        const helper = sources
          .filter((candidate) => canBeAsked(now, candidate) && !candidate.asked.has(piece))
          .sort(byBurden)[0];
        if (helper === undefined) return;
        askers.set(piece, 2);
        this.#request(now, helper, piece);
      }
    }
  }

  #request(now: Ms, source: Source, piece: number): void {
    source.asked.set(piece, now);
    this.#outbox.push({ type: "request", peer: source.peer, piece });
  }

  #claiming(size: number): Source[] {
    return [...this.#sources.values()].filter((source) => source.metadataBytes === size);
  }
}

function isSilent(now: Ms, source: Source): boolean {
  for (const askedAt of source.asked.values()) {
    if (now - askedAt >= metadataLimits.requestWait) return true;
  }
  return false;
}
