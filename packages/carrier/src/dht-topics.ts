import { earliest, type InfoHash, idBytes, type Ms, ms, type Prng, seconds } from "@dure/base";
import { type TopicFacts, Topics } from "@dure/engine";
import type { DhtRequestId } from "@dure/protocol";
import type { CarriedTorrent } from "./carried-torrent.ts";
import type { DhtAnswer, DhtQuestion } from "./dht-questions.ts";

/** How old what the topics know of a torrent may be, where nobody said that it changed. */
const lookEvery = seconds(5);

export interface DhtTopicsParts {
  readonly prng: Prng;
  readonly torrents: ReadonlyMap<InfoHash, CarriedTorrent>;
  /** Of the turn under way. */
  time(): Ms;
  ask(now: Ms, question: DhtQuestion, hear: (answer: DhtAnswer) => void): DhtRequestId;
  cancel(now: Ms, request: DhtRequestId): void;
}

/** Torrents in the DHT: which of them take part, whose turn it is, and where the peers go that are found. */
export class DhtTopics {
  readonly #parts: DhtTopicsParts;
  readonly #topics: Topics;
  /** What the topics were told; bounded by what the user adds. */
  readonly #joined = new Map<InfoHash, TopicFacts>();
  /** The requests under way: a few (`topicLimits`). */
  readonly #asks = new Map<InfoHash, DhtRequestId>();
  #lookAt: Ms | undefined;

  constructor(parts: DhtTopicsParts) {
    this.#parts = parts;
    this.#topics = new Topics(parts.prng);
  }

  deadline(): Ms | undefined {
    return earliest(this.#lookAt, this.#topics.deadline());
  }

  wake(now: Ms): void {
    if (this.#lookAt !== undefined && this.#lookAt <= now) {
      const { torrents } = this.#parts;
      this.#lookAt = torrents.size === 0 ? undefined : ms(now + lookEvery);
      for (const torrent of torrents.values()) this.look(now, torrent);
    }
    this.#topics.handle(now, { type: "wake" });
  }

  /** The DHT knows its neighbourhood, for the first time or anew. */
  ready(now: Ms): void {
    this.#topics.handle(now, { type: "ready" });
  }

  /** The torrent has come, or may have changed whether and how it takes part. */
  look(now: Ms, torrent: CarriedTorrent): void {
    this.#lookAt ??= ms(now + lookEvery);
    const { infoHash } = torrent.key;
    const { engine, stopping } = torrent;
    if (!engine.discoverable || stopping) return this.left(now, infoHash);
    const seed = engine.complete && engine.ready?.picker.have.all === true;
    const facts = { infoHash, seed, hungry: engine.hungry(now) };
    const before = this.#joined.get(infoHash);
    if (before?.seed === facts.seed && before.hungry === facts.hungry) return;
    this.#joined.set(infoHash, facts);
    this.#topics.handle(now, { type: "join", ...facts });
  }

  left(now: Ms, infoHash: InfoHash): void {
    if (this.#joined.delete(infoHash)) this.#topics.handle(now, { type: "leave", infoHash });
  }

  /** Carries out one decision; false when there is none. */
  carryOut(now: Ms): boolean {
    const output = this.#topics.poll();
    if (output === undefined) return false;
    const { infoHash } = output;
    if (output.type === "ask") this.#ask(now, infoHash, output.seed);
    else {
      const request = this.#asks.get(infoHash);
      this.#asks.delete(infoHash);
      if (request !== undefined) this.#parts.cancel(now, request);
    }
    return true;
  }

  #ask(now: Ms, infoHash: InfoHash, seed: boolean): void {
    const key = idBytes(infoHash);
    const question = { type: "get-peers", infoHash: key, announce: { seed }, noSeed: seed } as const;
    const request = this.#parts.ask(now, question, (answer) => this.#heard(infoHash, request, answer));
    this.#asks.set(infoHash, request);
  }

  #heard(infoHash: InfoHash, request: DhtRequestId, answer: DhtAnswer): void {
    if (this.#asks.get(infoHash) !== request) return; // the torrent has left
    const now = this.#parts.time();
    const { torrents } = this.#parts;
    if (answer.type === "peers")
      torrents.get(infoHash)?.input(now, { type: "add-peers", addresses: answer.addresses, source: "dht" });
    if (answer.type !== "done") return;
    this.#asks.delete(infoHash);
    this.#topics.handle(now, { type: "answered", infoHash, stored: answer.report.stored });
  }
}
