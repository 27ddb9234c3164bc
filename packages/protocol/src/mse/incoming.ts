import { assert, concat, type InfoHash, Queue, viewOf } from "@dure/base";
import { startsLikeHandshake } from "../peer-wire/index.ts";
import { keyBytes, publicKey, sharedSecret } from "./diffie-hellman.ts";
import {
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
import { directionCipher, equalInConstantTime, maskTorrent, syncMark } from "./keys.ts";
import { mseLimits } from "./limits.ts";
import type { Rc4 } from "./rc4.ts";
import { StreamCipher } from "./stream-cipher.ts";
import type { TorrentMarks } from "./torrent-marks.ts";

export interface MseIncomingOptions {
  readonly torrents: TorrentMarks;
  /** Drawn only when a key has come: who speaks the plain protocol costs no random bytes. */
  readonly chance: () => MseChance;
  /** What may be chosen from, best first. */
  readonly methods: readonly MseMethod[];
}

type State =
  | { readonly name: "key" }
  /** Their padding goes by until HASH('req1', S) comes. */
  | { readonly name: "sync"; readonly secret: Uint8Array; readonly mark: Uint8Array; from: number }
  | { readonly name: "options"; readonly ciphers: Ciphers; readonly from: number }
  | {
      readonly name: "padding";
      readonly ciphers: Ciphers;
      readonly method: MseMethod;
      readonly from: number;
      readonly end: number;
    }
  | { readonly name: "over" };

interface Ciphers {
  readonly infoHash: InfoHash;
  readonly send: Rc4;
  readonly receive: Rc4;
}

const { padBytesMax } = mseLimits;
const markBytes = 20;
const bytesMax = keyBytes + padBytesMax + 2 * markBytes + optionsBytes + padBytesMax + 2;

/**
 * The side that was connected to. It tells the plain protocol from this one. Feed it all that arrives until it says
 * `plain`, `established` or `failed`; its owner watches the time.
 *
 * IA is not gathered: it is the beginning of the payload, of any length.
 */
export class MseIncoming {
  readonly #options: MseIncomingOptions;
  readonly #outbox = new Queue<MseOutput>(); // three at most
  #buffer = new HandshakeBuffer(keyBytes);
  #chance: MseChance | undefined;
  #state: State = { name: "key" };

  constructor(options: MseIncomingOptions) {
    assert(options.methods.length > 0, "something may be chosen");
    this.#options = options;
  }

  /** The chunk is not kept. */
  receive(chunk: Uint8Array): void {
    assert(this.#state.name !== "over", "a handshake that is over hears nothing");
    let beyond = this.#buffer.take(chunk);
    if (this.#state.name === "key") {
      if (!this.#key(beyond)) return;
      beyond = this.#buffer.take(beyond);
    }
    if (this.#state.name === "sync") this.#sync(this.#state);
    if (this.#state.name === "options") this.#read(this.#state);
    if (this.#state.name === "padding") this.#padding(this.#state, beyond);
  }

  poll(): MseOutput | undefined {
    return this.#outbox.shift();
  }

  /** True when their key was good, and its bytes are done with. */
  #key(beyond: Uint8Array): boolean {
    const begin = this.#buffer.view(0);
    if (begin.length >= protocolNameBytes && startsLikeHandshake(begin)) {
      this.#state = { name: "over" };
      this.#outbox.push({ type: "plain", rest: this.#buffer.rest(0, beyond) });
      return false;
    }
    if (begin.length < keyBytes) return false;
    const chance = this.#options.chance();
    const shared = sharedSecret(chance.secret, begin);
    if (!shared.ok) {
      this.#fail(shared.reason);
      return false;
    }
    this.#chance = chance;
    this.#outbox.push({ type: "send", bytes: concat([publicKey(chance.secret), chance.keyPadding]) });
    this.#buffer = new HandshakeBuffer(bytesMax - keyBytes);
    this.#state = { name: "sync", secret: shared.value, mark: syncMark(shared.value), from: 0 };
    return true;
  }

  #sync(state: Extract<State, { name: "sync" }>): void {
    const { secret, mark } = state;
    while (state.from + markBytes <= this.#buffer.length) {
      if (state.from > padBytesMax) return this.#fail("no-sync");
      const end = state.from + markBytes;
      if (equalInConstantTime(this.#buffer.view(state.from, end), mark)) {
        if (this.#buffer.length < end + markBytes) return;
        const masked = this.#buffer.view(end, end + markBytes);
        const infoHash = this.#options.torrents.find(maskTorrent(masked, secret));
        if (infoHash === undefined) return this.#fail("unknown-torrent");
        const receive = directionCipher("a", secret, infoHash);
        const send = directionCipher("b", secret, infoHash);
        this.#state = { name: "options", ciphers: { infoHash, send, receive }, from: end + markBytes };
        return;
      }
      state.from += 1;
    }
  }

  #read({ ciphers, from }: Extract<State, { name: "options" }>): void {
    const end = from + optionsBytes;
    if (this.#buffer.length < end) return;
    const options = this.#buffer.view(from, end);
    ciphers.receive.apply(options);
    if (!equalInConstantTime(options.subarray(0, vcBytes), zeros)) return this.#fail("bad-vc");
    const view = viewOf(options);
    const provided = view.getUint32(vcBytes);
    const method = this.#options.methods.find((known) => (provided & methodBits[known]) !== 0);
    const paddingBytes = view.getUint16(vcBytes + 4);
    if (paddingBytes > padBytesMax) return this.#fail("padding-too-long");
    if (method === undefined) return this.#fail("no-common-method");
    this.#state = { name: "padding", ciphers, method, from: end, end: end + paddingBytes + 2 };
  }

  #padding(state: Extract<State, { name: "padding" }>, beyond: Uint8Array): void {
    const { ciphers, method, from, end } = state;
    const chance = this.#chance;
    if (this.#buffer.length < end || chance === undefined) return;
    const { infoHash, send, receive } = ciphers;
    receive.apply(this.#buffer.view(from, end));
    const initialBytes = viewOf(this.#buffer.view(end - 2, end)).getUint16(0);
    const answer = encodeOptions(methodBits[method], chance.optionsPaddingBytes);
    send.apply(answer);
    this.#outbox.push({ type: "send", bytes: answer });
    // IA is ciphered whatever was chosen.
    const incoming = method === "rc4" ? new StreamCipher(receive) : new StreamCipher(receive, initialBytes);
    const rest = this.#buffer.rest(end, beyond);
    incoming.apply(rest);
    this.#state = { name: "over" };
    this.#outbox.push({
      type: "established",
      method,
      infoHash,
      send: method === "rc4" ? send : undefined,
      receive: incoming.spent ? undefined : incoming,
      rest,
    });
  }

  #fail(reason: MseReason): void {
    this.#state = { name: "over" };
    this.#outbox.push({ type: "failed", reason });
  }
}

const protocolNameBytes = 20;
const zeros = new Uint8Array(vcBytes);
