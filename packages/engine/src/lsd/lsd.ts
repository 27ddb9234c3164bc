import {
  type Address,
  earliest,
  type Family,
  familyOf,
  type InfoHash,
  ipScope,
  type Machine,
  type Ms,
  ms,
  type Prng,
  Queue,
} from "@dure/base";
import { decodeLsd, encodeLsd, lsdInfoHashesMax } from "@dure/protocol";
import { isLocal } from "../peers/index.ts";
import { Hearing } from "./hearing.ts";
import { lsdDatagramsMax, lsdTiming } from "./limits.ts";
import type { LsdInput, LsdOutput } from "./messages.ts";

const families: readonly Family[] = [4, 6];

interface Topic {
  due: Ms;
  /** Its first announce is out. */
  told: boolean;
}

/**
 * Local service discovery (BEP 14) of a whole node: its public torrents are told to the local network, and peers that
 * tell theirs are passed on.
 *
 *   - No two announces come closer than a minute. A torrent is told when it joins, once more a minute later, as datagrams
 *     get lost, and then every five minutes.
 *   - Only a source on a local network is believed, and never our own voice.
 *   - Nothing is heard while nothing is told: without public torrents the groups are left.
 */
export class Lsd implements Machine<LsdInput, LsdOutput> {
  readonly #cookie: string;
  readonly #hearing = new Hearing();
  readonly #topics = new Map<InfoHash, Topic>(); // bounded by what the user adds
  readonly #outbox = new Queue<LsdOutput>(); // bounded: an announce, or what one datagram names
  #port = 0;
  /** Not after the first time that a topic is due; may be early after a `leave`. */
  #due: Ms | undefined;
  #announcedAt: Ms = ms(Number.NEGATIVE_INFINITY);

  constructor(prng: Prng) {
    this.#cookie = prng.uint32().toString(16);
  }

  handle(now: Ms, input: LsdInput): void {
    switch (input.type) {
      case "join":
        return this.#join(now, input.infoHash, input.port);
      case "leave":
        return this.#leave(input.infoHash);
      case "datagram":
        return this.#heard(now, input);
      case "network-changed":
        for (const topic of this.#topics.values()) renew(topic, now);
        this.#recount();
        return;
      case "wake": {
        const due = this.deadline();
        if (due !== undefined && due <= now) this.#announce(now);
      }
    }
  }

  poll(): LsdOutput | undefined {
    return this.#outbox.shift();
  }

  deadline(): Ms | undefined {
    return this.#due === undefined
      ? undefined
      : ms(Math.max(this.#due, this.#announcedAt + lsdTiming.announceEvery));
  }

  #join(now: Ms, infoHash: InfoHash, port: number): void {
    this.#port = port;
    if (this.#topics.has(infoHash)) return;
    if (this.#topics.size === 0) this.#outbox.push({ type: "listen", on: true });
    const topic: Topic = { due: now, told: false };
    renew(topic, now);
    this.#topics.set(infoHash, topic);
    this.#due = earliest(this.#due, topic.due);
  }

  #leave(infoHash: InfoHash): void {
    if (!this.#topics.delete(infoHash) || this.#topics.size > 0) return;
    this.#due = undefined;
    this.#outbox.push({ type: "listen", on: false });
  }

  #announce(now: Ms): void {
    const due = [...this.#topics].filter(([, topic]) => topic.due <= now);
    due.sort(([, a], [, b]) => a.due - b.due); // stable: then as added
    const told = due.slice(0, lsdDatagramsMax * lsdInfoHashesMax);
    for (let from = 0; from < told.length; from += lsdInfoHashesMax) {
      const infoHashes = told.slice(from, from + lsdInfoHashesMax).map(([infoHash]) => infoHash);
      const announce = { port: this.#port, infoHashes, cookie: this.#cookie };
      for (const family of families)
        this.#outbox.push({ type: "send", family, bytes: encodeLsd(family, announce) });
    }
    for (const [, topic] of told) {
      topic.due = ms(now + (topic.told ? lsdTiming.topicEvery : lsdTiming.announceEvery));
      topic.told = true;
    }
    if (told.length > 0) this.#announcedAt = now;
    this.#recount();
  }

  #recount(): void {
    this.#due = undefined;
    for (const { due } of this.#topics.values()) this.#due = earliest(this.#due, due);
  }

  #heard(now: Ms, input: Extract<LsdInput, { type: "datagram" }>): void {
    const { from, neighbour, bytes } = input;
    if (this.#topics.size === 0 || !isNear(from, neighbour) || !this.#hearing.take(now, from.ip)) return;
    const announce = decodeLsd(bytes);
    if (!announce.ok || announce.value.cookie === this.#cookie) return;
    // BEP 14: the peer is where the datagram came from, at the port that it names.
    const address: Address = { ip: from.ip, port: announce.value.port };
    for (const infoHash of announce.value.infoHashes)
      if (this.#topics.has(infoHash)) this.#outbox.push({ type: "peer", infoHash, address });
  }
}

/** As if it had just joined. */
function renew(topic: Topic, now: Ms): void {
  topic.due = ms(now + lsdTiming.firstWait);
  topic.told = false;
}

/** On a local network, and of an address that can be dialled: a link-local IPv6 one needs a zone, which ours have not. */
function isNear({ ip }: Address, neighbour: boolean): boolean {
  if (familyOf(ip) === 6 && ipScope(ip) === "link-local") return false;
  return neighbour || isLocal(ip);
}
