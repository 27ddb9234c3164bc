import { assert, earliest, type Ms, ms, type Prng } from "@dure/base";
import type { MappedProtocol } from "@dure/protocol";
import type { ClientInput, ClientOutput, ExternalEnd, GatewayClient } from "./client.ts";
import { type Dialect, type DialectAnswer, removal } from "./dialect.ts";
import type { MapFailure } from "./messages.ts";
import {
  lifetimeWanted,
  lostStateSpread,
  refusedWait,
  refusedWaitMax,
  refusedWaitMin,
  removeWait,
  renewWaitMin,
  resendFirst,
  resendsMax,
} from "./timing.ts";

export interface DatagramClientOptions {
  readonly dialect: Dialect;
  /** The port that we listen on, and wish to have outside too. */
  readonly port: number;
  readonly prng: Prng;
}

type State =
  | { readonly name: "unmapped" }
  | { readonly name: "asking"; readonly tries: number; readonly until: Ms }
  | { readonly name: "mapped"; readonly renewAt: Ms }
  | { readonly name: "refused"; readonly until: Ms }
  | { readonly name: "removing"; readonly tries: number; readonly until: Ms; readonly giveUpAt: Ms }
  | { readonly name: "removed" };

interface Mapping {
  readonly protocol: MappedProtocol;
  state: State;
  /** What the gateway gave us and has not taken back. */
  held: ExternalEnd | undefined;
  /** When the gateway forgets what is held, unless it is renewed. */
  expiresAt: Ms;
}

/** Speaks PCP or NAT-PMP with one gateway. TCP is mapped first, so that UDP can wish for the same port outside. */
export class DatagramClient implements GatewayClient {
  readonly #dialect: Dialect;
  readonly #port: number;
  readonly #prng: Prng;
  readonly #tcp: Mapping = newMapping("tcp");
  readonly #udp: Mapping = newMapping("udp");
  readonly #both = [this.#tcp, this.#udp];
  readonly #outbox: ClientOutput[] = []; // bounded: a few entries per handled input
  #triesMax = resendsMax;
  #externalIp: string | undefined;
  #epoch: { readonly seconds: number; readonly at: Ms } | undefined;
  #ended = false;

  constructor({ dialect, port, prng }: DatagramClientOptions) {
    this.#dialect = dialect;
    this.#port = port;
    this.#prng = prng;
  }

  handle(now: Ms, input: ClientInput): void {
    if (this.#ended) return;
    switch (input.type) {
      case "map":
        assert(this.#tcp.state.name === "unmapped", "a client begins once");
        this.#triesMax = input.triesMax;
        return this.#ask(now, this.#tcp, 1);
      case "datagram": {
        const answer = this.#dialect.decode(input.bytes);
        if (answer !== undefined) this.#hear(now, answer);
        return;
      }
      case "unreachable":
        return this.#unreachable();
      case "recheck":
        return this.#renewAll(now, undefined, 0);
      case "wake":
        for (const mapping of this.#both) this.#expire(now, mapping);
        return;
      case "stop":
        return this.#stop(now);
    }
  }

  poll(): ClientOutput | undefined {
    return this.#outbox.shift();
  }

  deadline(): Ms | undefined {
    if (this.#ended) return undefined;
    return this.#both.reduce<Ms | undefined>((first, { state }) => earliest(first, dueAt(state)), undefined);
  }

  // ---- asking

  #ask(now: Ms, mapping: Mapping, tries: number): void {
    mapping.state = { name: "asking", tries, until: ms(now + resendFirst * 2 ** (tries - 1)) };
    const wish = mapping.held ?? {
      externalIp: undefined,
      externalPort: this.#tcp.held?.externalPort ?? this.#port,
    };
    this.#send(this.#dialect.encode({ protocol: mapping.protocol, wish, lifetime: lifetimeWanted }));
  }

  #expire(now: Ms, mapping: Mapping): void {
    const { state } = mapping;
    const due = dueAt(state);
    if (this.#ended || due === undefined || now < due) return;
    switch (state.name) {
      case "asking":
        if (now >= mapping.expiresAt) this.#drop(mapping);
        // Once it has answered, a gateway is worth the full patience.
        if (state.tries < (this.#epoch === undefined ? this.#triesMax : resendsMax))
          return this.#ask(now, mapping, state.tries + 1);
        return this.#fail("silent");
      case "mapped":
      case "refused":
        return this.#ask(now, mapping, 1);
      case "removing":
        return now >= state.giveUpAt
          ? this.#removed(mapping)
          : this.#remove(now, mapping, state.tries + 1, state.giveUpAt);
    }
  }

  // ---- what the gateway says

  #hear(now: Ms, answer: DialectAnswer): void {
    if (answer.type === "unsupported") {
      return this.#stopping ? undefined : this.#fail("unsupported");
    }
    const lost = this.#epochLost(now, answer.epochSeconds);
    const answered = answer.type === "news" ? undefined : this.#mappingOf(answer.protocol);
    if (lost && !this.#stopping) this.#renewAll(now, answered, lostStateSpread);
    if (answer.type === "news") return this.#news(answer.externalIp);
    const mapping = this.#mappingOf(answer.protocol);
    if (mapping.state.name === "removing") return this.#removed(mapping);
    if (mapping.state.name === "unmapped" || mapping.state.name === "removed") return; // never asked
    if (answer.type === "refused") return this.#refused(now, mapping, answer.wait ?? refusedWait);
    if (answer.lifetime === 0 || answer.externalPort === 0)
      return this.#refused(now, mapping, refusedWaitMin);
    return this.#mapped(now, mapping, answer);
  }

  #epochLost(now: Ms, seconds: number): boolean {
    const before = this.#epoch;
    this.#epoch = { seconds, at: now };
    return before !== undefined && this.#dialect.lostState(before.seconds, seconds, (now - before.at) / 1000);
  }

  #news(externalIp: string | undefined): void {
    if (externalIp === undefined || externalIp === this.#externalIp) return;
    this.#externalIp = externalIp;
    for (const mapping of this.#both) {
      if (mapping.held !== undefined) this.#hold(mapping, { ...mapping.held, externalIp });
    }
  }

  #mapped(now: Ms, mapping: Mapping, end: ExternalEnd & { readonly lifetime: Ms }): void {
    const lifetime = Math.min(end.lifetime, lifetimeWanted);
    const { renewFrom, renewTo } = this.#dialect;
    const share = renewFrom + (renewTo - renewFrom) * this.#prng.float();
    mapping.state = { name: "mapped", renewAt: ms(now + Math.max(renewWaitMin, lifetime * share)) };
    mapping.expiresAt = ms(now + end.lifetime);
    const { externalIp = this.#externalIp, externalPort } = end;
    this.#hold(mapping, { externalIp, externalPort });
    this.#askOther(now);
  }

  #refused(now: Ms, mapping: Mapping, wait: Ms): void {
    this.#drop(mapping);
    const bounded = Math.min(Math.max(wait, refusedWaitMin), refusedWaitMax);
    mapping.state = { name: "refused", until: ms(now + bounded) };
    if (this.#both.every(({ state }) => state.name === "refused")) return this.#fail("refused");
    this.#askOther(now);
  }

  #askOther(now: Ms): void {
    if (this.#udp.state.name === "unmapped") this.#ask(now, this.#udp, 1);
  }

  /** Asks again for what is mapped, `except` the one that has just been answered, within the next while. */
  #renewAll(now: Ms, except: Mapping | undefined, within: number): void {
    for (const mapping of this.#both) {
      if (mapping === except || mapping.state.name !== "mapped") continue;
      const renewAt = ms(now + this.#prng.below(within + 1));
      if (renewAt < mapping.state.renewAt) mapping.state = { name: "mapped", renewAt };
    }
  }

  #unreachable(): void {
    if (!this.#stopping) return this.#fail("unreachable");
    for (const mapping of this.#both) if (mapping.state.name === "removing") this.#removed(mapping);
  }

  #fail(reason: MapFailure): void {
    // A slow gateway may still do what it was asked, after we have turned elsewhere.
    if (reason === "silent") {
      for (const { state, protocol } of this.#both)
        if (state.name !== "unmapped") this.#send(this.#dialect.encode(removal(protocol)));
    }
    for (const mapping of this.#both) this.#drop(mapping);
    this.#ended = true;
    this.#outbox.push({ type: "failed", reason });
  }

  // ---- the end

  get #stopping(): boolean {
    return this.#both.some(({ state }) => state.name === "removing" || state.name === "removed");
  }

  #stop(now: Ms): void {
    if (this.#stopping) return;
    const giveUpAt = ms(now + removeWait);
    for (const mapping of this.#both) {
      if (mapping.state.name === "asking" || mapping.state.name === "mapped")
        this.#remove(now, mapping, 1, giveUpAt);
      else mapping.state = { name: "removed" };
    }
    this.#releaseIfDone();
  }

  #remove(now: Ms, mapping: Mapping, tries: number, giveUpAt: Ms): void {
    const until = ms(Math.min(giveUpAt, now + resendFirst * 2 ** (tries - 1)));
    mapping.state = { name: "removing", tries, until, giveUpAt };
    this.#send(this.#dialect.encode(removal(mapping.protocol)));
  }

  #removed(mapping: Mapping): void {
    this.#drop(mapping);
    mapping.state = { name: "removed" };
    this.#releaseIfDone();
  }

  #releaseIfDone(): void {
    if (this.#ended || this.#both.some(({ state }) => state.name !== "removed")) return;
    this.#ended = true;
    this.#outbox.push({ type: "released" });
  }

  // ---- small things

  #hold(mapping: Mapping, end: ExternalEnd): void {
    mapping.held = end;
    this.#outbox.push({ type: "mapped", protocol: mapping.protocol, ...end });
  }

  #drop(mapping: Mapping): void {
    if (mapping.held === undefined) return;
    mapping.held = undefined;
    this.#outbox.push({ type: "unmapped", protocol: mapping.protocol });
  }

  #send(datagrams: readonly Uint8Array[]): void {
    for (const bytes of datagrams) this.#outbox.push({ type: "send", bytes });
  }

  #mappingOf(protocol: MappedProtocol): Mapping {
    return protocol === "tcp" ? this.#tcp : this.#udp;
  }
}

function newMapping(protocol: MappedProtocol): Mapping {
  return { protocol, state: { name: "unmapped" }, held: undefined, expiresAt: ms(0) };
}

function dueAt(state: State): Ms | undefined {
  switch (state.name) {
    case "asking":
    case "refused":
    case "removing":
      return state.until;
    case "mapped":
      return state.renewAt;
    case "unmapped":
    case "removed":
      return undefined;
  }
}
