import { type Address, assert, type Ms, ms, type Prng } from "@dure/base";
import type { ReplayHash } from "../replay-hash.ts";
import type { EventQueue } from "../time/index.ts";
import { type DelayOptions, Delays } from "./delays.ts";
import type { Nat } from "./nat.ts";

/** Whoever is reached at an address. */
export interface Listener {
  /** `bytes` may be anybody's memory: they are to be read now. */
  hear(now: Ms, from: Address, bytes: Uint8Array): void;
}

/** A place on the network, with one IP and one port. */
export class Place {
  /** Which of all, in the order they were made. */
  readonly index: number;
  /** As others see it. */
  readonly address: Address;
  readonly nat: Nat | undefined;
  /** Undefined while nobody is at home: datagrams vanish. */
  listener: Listener | undefined;
  /** From here, since the beginning. */
  bytesSent = 0;

  constructor(index: number, address: Address, nat: Nat | undefined) {
    this.index = index;
    this.address = address;
    this.nat = nat;
  }
}

export interface DatagramNetOptions {
  readonly clock: EventQueue;
  readonly prng: Prng;
  readonly delays: DelayOptions;
  /** The share of datagrams that vanish. */
  readonly loss: number;
  readonly replay: ReplayHash | undefined;
}

/**
 * Datagrams and nothing else, made for ten thousand nodes in one process: they are late, each pair of places by its
 * own distance, some are lost, and NATs let in only what was asked for. Lines have no width: a DHT's are never full.
 */
export class DatagramNet {
  readonly #options: DatagramNetOptions;
  readonly #delays: Delays;
  readonly #byIp = new Map<string, Place>(); // bounded by the scenario, as is `#count`
  #count = 0;
  /** Since the beginning. */
  sent = 0;
  /** What a NAT kept out. */
  refused = 0;

  constructor(options: DatagramNetOptions) {
    this.#options = options;
    this.#delays = new Delays(options.prng.split("delays"), options.delays);
  }

  place(address: Address, nat?: Nat): Place {
    assert(!this.#byIp.has(address.ip), "an IP is given to one place");
    const place = new Place(this.#count, address, nat);
    this.#count += 1;
    this.#byIp.set(address.ip, place);
    return place;
  }

  /** Nobody will be there again. */
  remove(place: Place): void {
    place.listener = undefined;
    this.#byIp.delete(place.address.ip);
  }

  find(ip: string): Place | undefined {
    return this.#byIp.get(ip);
  }

  send(from: Place, to: Address, bytes: Uint8Array): void {
    const { clock, prng, loss, replay } = this.#options;
    this.sent += 1;
    from.bytesSent += bytes.length;
    from.nat?.sent(clock.now, to);
    replay?.add("datagram", clock.now, from.index, bytes);
    const place = this.#byIp.get(to.ip);
    if (prng.chance(loss) || place === undefined || place.address.port !== to.port) return;
    const arrival = ms(clock.now + this.#delays.draw(from.index, place.index));
    clock.at(arrival, () => this.#arrive(from, place, bytes));
  }

  #arrive(from: Place, place: Place, bytes: Uint8Array): void {
    const { now } = this.#options.clock;
    if (place.nat?.admits(now, from.address) === false) this.refused += 1;
    else place.listener?.hear(now, from.address, bytes);
  }
}
