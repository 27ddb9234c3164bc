import { assert, concat, type InfoHash, Queue, viewOf } from "@dure/base";
import { startsLikeHandshake } from "../peer-wire/index.ts";
import { keyBytes, publicKey, sharedSecret } from "./diffie-hellman.ts";
import {
  bitsOf,
  encodeLength,
  encodeOptions,
  HandshakeBuffer,
  type MseChance,
  type MseMethod,
  type MseOutput,
  type MseReason,
  methodBits,
  optionsBytes,
  vcBytes,
} from "./handshake-parts.ts";
import { directionCipher, equalInConstantTime, maskTorrent, syncMark, torrentMark } from "./keys.ts";
import { mseLimits } from "./limits.ts";
import type { Rc4 } from "./rc4.ts";
import { StreamCipher } from "./stream-cipher.ts";

export interface MseOutgoingOptions {
  readonly infoHash: InfoHash;
  readonly chance: MseChance;
  /** What the other side may choose from. */
  readonly methods: readonly MseMethod[];
  /** IA: the first bytes of the payload, which need no round trip of their own. */
  readonly initialPayload: Uint8Array;
}

type State =
  | { readonly name: "key" }
  /** Their padding goes by until eight zeros come under their cipher. */
  | {
      readonly name: "sync";
      readonly send: Rc4;
      readonly receive: Rc4;
      readonly mark: Uint8Array;
      from: number;
    }
  | {
      readonly name: "options";
      readonly send: Rc4;
      readonly receive: Rc4;
      readonly method: MseMethod;
      readonly paddingFrom: number;
      readonly end: number;
    }
  | { readonly name: "over" };

const { padBytesMax } = mseLimits;

/** The side that connected. Feed it all that arrives until it is established or has failed; its owner watches the time. */
export class MseOutgoing {
  readonly #options: MseOutgoingOptions;
  readonly #outbox = new Queue<MseOutput>(); // four at most
  readonly #buffer = new HandshakeBuffer(keyBytes + padBytesMax + optionsBytes + padBytesMax);
  #state: State = { name: "key" };

  constructor(options: MseOutgoingOptions) {
    assert(options.methods.length > 0, "something is offered");
    assert(options.initialPayload.length < 65_536, "the length of IA has two bytes");
    this.#options = options;
    const { secret, keyPadding } = options.chance;
    this.#outbox.push({ type: "send", bytes: concat([publicKey(secret), keyPadding]) });
  }

  /** The chunk is not kept. */
  receive(chunk: Uint8Array): void {
    assert(this.#state.name !== "over", "a handshake that is over hears nothing");
    const beyond = this.#buffer.take(chunk);
    if (this.#state.name === "key") this.#key();
    if (this.#state.name === "sync") this.#sync(this.#state);
    if (this.#state.name === "options") this.#padding(this.#state, beyond);
  }

  poll(): MseOutput | undefined {
    return this.#outbox.shift();
  }

  #key(): void {
    const begin = this.#buffer.view(0);
    if (begin.length >= 20 && startsLikeHandshake(begin)) return this.#fail("plain-answer");
    if (begin.length < keyBytes) return;
    const { chance, infoHash, methods, initialPayload } = this.#options;
    const shared = sharedSecret(chance.secret, this.#buffer.view(0, keyBytes));
    if (!shared.ok) return this.#fail(shared.reason);
    const secret = shared.value;
    const send = directionCipher("a", secret, infoHash);
    const receive = directionCipher("b", secret, infoHash);
    const options = encodeOptions(bitsOf(methods), chance.optionsPaddingBytes);
    const hidden = concat([options, encodeLength(initialPayload.length), initialPayload]);
    send.apply(hidden);
    const masked = maskTorrent(torrentMark(infoHash), secret);
    this.#outbox.push({ type: "send", bytes: concat([syncMark(secret), masked, hidden]) });
    const mark = new Uint8Array(vcBytes);
    receive.apply(mark); // what eight zeros look like: their cipher now stands behind them
    this.#state = { name: "sync", send, receive, mark, from: keyBytes };
  }

  #sync(state: Extract<State, { name: "sync" }>): void {
    const { send, receive, mark } = state;
    while (state.from + vcBytes <= this.#buffer.length) {
      if (state.from > keyBytes + padBytesMax) return this.#fail("no-sync");
      if (equalInConstantTime(this.#buffer.view(state.from, state.from + vcBytes), mark)) {
        const optionsEnd = state.from + optionsBytes;
        if (this.#buffer.length < optionsEnd) return;
        const options = this.#buffer.view(state.from + vcBytes, optionsEnd);
        receive.apply(options);
        return this.#chosen(options, { send, receive, paddingFrom: optionsEnd });
      }
      state.from += 1;
    }
  }

  #chosen(options: Uint8Array, rest: { send: Rc4; receive: Rc4; paddingFrom: number }): void {
    const view = viewOf(options);
    const method = this.#options.methods.find((offered) => methodBits[offered] === view.getUint32(0));
    const paddingBytes = view.getUint16(4);
    if (method === undefined) return this.#fail("no-common-method");
    if (paddingBytes > padBytesMax) return this.#fail("padding-too-long");
    this.#state = { name: "options", method, end: rest.paddingFrom + paddingBytes, ...rest };
  }

  #padding(state: Extract<State, { name: "options" }>, beyond: Uint8Array): void {
    const { method, end, send, receive, paddingFrom } = state;
    if (this.#buffer.length < end) return;
    receive.apply(this.#buffer.view(paddingFrom, end));
    const rest = this.#buffer.rest(end, beyond);
    const secret = method === "rc4";
    if (secret) receive.apply(rest);
    this.#state = { name: "over" };
    this.#outbox.push({
      type: "established",
      method,
      infoHash: this.#options.infoHash,
      send: secret ? send : undefined,
      receive: secret ? new StreamCipher(receive) : undefined,
      rest,
    });
  }

  #fail(reason: MseReason): void {
    this.#state = { name: "over" };
    this.#outbox.push({ type: "failed", reason });
  }
}
