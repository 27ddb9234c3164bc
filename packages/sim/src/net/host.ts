import { type Address, type Ms, ms, Queue } from "@dure/base";
import type { Clock } from "../time/index.ts";

/** Bytes a second; `Infinity` where the line is never the limit. */
export interface LineRates {
  readonly up: number;
  readonly down: number;
}

/** What a line carries: a TCP segment or a datagram. */
export interface Parcel {
  readonly bytes: number;
  /** The last byte has left the sender's line. */
  depart(): void;
}

/** A connection, or the datagrams of a host: whoever has something for the line. */
export interface Sender {
  /** The next parcel, or undefined when there is none that may leave now. */
  next(): Parcel | undefined;
}

/** Headers of IP and TCP. */
const headBytes = 40;

/** The way out of a host. Senders take turns, a parcel each, so that none starves behind another's backlog. */
class Uplink {
  readonly #clock: Clock;
  readonly #rate: number;
  readonly #turns = new Queue<Sender>(); // bounded by the host's sockets: each is in it once
  readonly #waiting = new Set<Sender>();
  #busy = false;

  constructor(clock: Clock, rate: number) {
    this.#clock = clock;
    this.#rate = rate;
  }

  ready(sender: Sender): void {
    if (!this.#waiting.has(sender)) {
      this.#waiting.add(sender);
      this.#turns.push(sender);
    }
    if (!this.#busy) this.#transmit();
  }

  #transmit(): void {
    for (let sender = this.#turns.shift(); sender !== undefined; sender = this.#turns.shift()) {
      this.#waiting.delete(sender);
      const parcel = sender.next();
      if (parcel === undefined) continue;
      this.#waiting.add(sender);
      this.#turns.push(sender);
      this.#busy = true;
      const time = ((parcel.bytes + headBytes) * 1000) / this.#rate;
      this.#clock.after(time, () => {
        this.#busy = false;
        parcel.depart();
        if (!this.#busy) this.#transmit();
      });
      return;
    }
  }
}

/** A machine on the network: one address, one line. What runs on it comes and goes. */
export class Host {
  readonly ip: string;
  readonly rates: LineRates;
  /** One-way delay between the machine and the middle of the network. */
  readonly delay: number;
  readonly lan: string | undefined;
  /** False: switched off, or its cable is pulled. Whatever reaches it is lost. */
  up = true;
  /** Hosts of different sides do not reach each other. */
  side = 0;
  readonly uplink: Uplink;
  readonly #clock: Clock;
  #downBusyUntil = ms(0);

  constructor(
    clock: Clock,
    options: { ip: string; rates: LineRates; delay: number; lan?: string | undefined },
  ) {
    this.#clock = clock;
    this.ip = options.ip;
    this.rates = options.rates;
    this.delay = options.delay;
    this.lan = options.lan;
    this.uplink = new Uplink(clock, options.rates.up);
  }

  /** When something that reaches the line now is through it. First come, first served. */
  receive(bytes: number): Ms {
    const start = Math.max(this.#clock.now, this.#downBusyUntil);
    this.#downBusyUntil = ms(start + ((bytes + headBytes) * 1000) / this.rates.down);
    return this.#downBusyUntil;
  }

  /** How long what arrives now waits for the line. */
  get downWait(): number {
    return Math.max(0, this.#downBusyUntil - this.#clock.now);
  }
}

export function addressOn(host: Host, port: number): Address {
  return { ip: host.ip, port };
}
