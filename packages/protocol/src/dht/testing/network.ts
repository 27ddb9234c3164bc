import { type Address, formatAddress, type Ms, ms, Prng } from "@dure/base";
import { Dht } from "../dht.ts";
import type { DhtInput, DhtOptions, DhtOutput } from "../messages.ts";

export interface Peer {
  readonly address: Address;
  readonly dht: Dht;
  /** All that the node told its host, but for `send`. */
  readonly told: { readonly at: Ms; readonly output: DhtOutput }[];
  online: boolean;
}

export interface NetworkOptions {
  readonly seed: number;
  /** Of each datagram. */
  readonly loss?: number;
  readonly latency?: readonly [number, number];
  readonly options?: Partial<DhtOptions>;
}

interface Event {
  readonly at: Ms;
  readonly order: number;
  readonly run: () => void;
}

/** Real nodes on virtual time. Signatures are right when their first byte is that of the key. */
export class Network {
  readonly peers: Peer[] = [];
  readonly prng: Prng;
  now = ms(0);
  datagrams = 0;
  readonly #options: NetworkOptions;
  readonly #byAddress = new Map<string, Peer>();
  readonly #strangers = new Map<string, (from: Address, bytes: Uint8Array) => void>();
  readonly #events: Event[] = []; // a binary heap
  #order = 0;

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.prng = new Prng(options.seed, "network");
  }

  /** A node at a global address of its own /24; it bootstraps from the first. */
  add(options: Partial<DhtOptions> = {}, address = addressOf(this.peers.length)): Peer {
    const first = this.peers[0]?.address;
    const dht = new Dht({
      endpoints: [{ family: address.ip.includes(":") ? 6 : 4, externalIp: address.ip }],
      prng: this.prng.split(`node ${this.peers.length}`),
      bootstrap: first === undefined ? [] : [first],
      responder: { tokenSecret: this.prng.bytes(16), answersPerSource: Infinity, answerRate: Infinity },
      ...this.#options.options,
      ...options,
    });
    const peer: Peer = { address, dht, told: [], online: true };
    this.peers.push(peer);
    this.#byAddress.set(formatAddress(address), peer);
    this.input(peer, { type: "start" });
    return peer;
  }

  /** So many nodes, joining one after the other. */
  grow(count: number, every = 50): void {
    for (let index = 0; index < count; index += 1) {
      this.add();
      this.runFor(every);
    }
  }

  /** Somebody who is no node of ours. */
  attach(address: Address, hear: (from: Address, bytes: Uint8Array) => void): void {
    this.#strangers.set(formatAddress(address), hear);
  }

  /** A datagram, on its way. */
  carry(from: Address, to: Address, bytes: Uint8Array): void {
    this.datagrams += 1;
    if (this.prng.chance(this.#options.loss ?? 0)) return;
    const key = formatAddress(to);
    const [low, high] = this.#options.latency ?? [10, 60];
    const copy = bytes.slice();
    this.#at(this.prng.between(low, high), () => {
      const peer = this.#byAddress.get(key);
      if (peer?.online) this.input(peer, { type: "datagram", endpoint: 0, from, bytes: copy });
      this.#strangers.get(key)?.(from, copy);
    });
  }

  /** A datagram from nowhere, as anybody may send one. */
  forge(to: Peer, from: Address, bytes: Uint8Array): void {
    this.input(to, { type: "datagram", endpoint: 0, from, bytes });
  }

  input(peer: Peer, input: DhtInput): void {
    peer.dht.handle(this.now, input);
    for (;;) {
      const output = peer.dht.poll();
      if (output === undefined) break;
      this.#perform(peer, output);
    }
    this.#arm(peer);
  }

  runFor(duration: number): void {
    const until = ms(this.now + duration);
    for (let event = this.#pop(until); event !== undefined; event = this.#pop(until)) {
      this.now = event.at;
      event.run();
    }
    this.now = until;
  }

  /** The report of a request, run until it is there. */
  report(peer: Peer, input: DhtInput & { readonly request: number }, within = 60_000) {
    const until = this.now + within;
    this.input(peer, input);
    for (;;) {
      const done = peer.told.find(({ output }) => output.type === "done" && output.request === input.request);
      if (done?.output.type === "done") return done.output.report;
      if (this.now >= until) throw new Error(`request ${input.request} did not end within ${within} ms`);
      this.runFor(20);
    }
  }

  #perform(peer: Peer, output: DhtOutput): void {
    if (output.type === "verify-signature") {
      const good = output.signature[0] === output.publicKey[0];
      this.#at(5, () => this.input(peer, { type: "signature", job: output.job, good }));
    }
    if (output.type !== "send") {
      peer.told.push({ at: this.now, output });
      return;
    }
    if (peer.online) this.carry(peer.address, output.to, output.bytes);
  }

  readonly #armed = new Map<Peer, Ms>();

  #arm(peer: Peer): void {
    const deadline = peer.dht.deadline();
    if (deadline === undefined || (this.#armed.get(peer) ?? Infinity) <= deadline) return;
    this.#armed.set(peer, deadline);
    this.#at(Math.max(0, deadline - this.now), () => {
      if (this.#armed.get(peer) !== deadline) return;
      this.#armed.delete(peer);
      if (peer.online) this.input(peer, { type: "wake" });
    });
  }

  #at(wait: number, run: () => void): void {
    this.#order += 1;
    const event = { at: ms(this.now + wait), order: this.#order, run };
    let index = this.#events.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(event, this.#events[parent]!)) break;
      this.#events[index] = this.#events[parent]!;
      index = parent;
    }
    this.#events[index] = event;
  }

  #pop(until: Ms): Event | undefined {
    const events = this.#events;
    const top = events[0];
    if (top === undefined || top.at > until) return undefined;
    const last = events.pop()!;
    if (events.length === 0) return top;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && before(events[child + 1]!, events[child]!)) child += 1;
      if (!before(events[child]!, last)) break;
      events[index] = events[child]!;
      index = child;
    }
    events[index] = last;
    return top;
  }
}

/** Addresses all over the world: each its own /24, and 6-bit groups as they come. */
export function addressOf(index: number): Address {
  const prng = new Prng(index + 1, "address");
  const first = 1 + ((index * 37) % 9) + 11 * prng.between(0, 8); // never a private or reserved block
  return {
    ip: `${first === 10 ? 11 : first}.${(index * 7) & 255}.${(index >> 4) & 255}.${prng.between(1, 254)}`,
    port: 6881,
  };
}

function before(a: Event, b: Event): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order;
}
