import { assert, byteAt, concat, type InfoHash } from "@dure/base";
import { secretBytes } from "./diffie-hellman.ts";
import { mseLimits } from "./limits.ts";
import type { Rc4 } from "./rc4.ts";
import type { StreamCipher } from "./stream-cipher.ts";

/*
 * Message Stream Encryption (Vuze wiki, "Message Stream Encryption"). S is the shared secret, SKEY the info-hash.
 *
 *   A → B  Ya (96 bytes), PadA (0 to 512, random)
 *   B → A  Yb (96 bytes), PadB (0 to 512, random)
 *   A → B  HASH('req1', S), HASH('req2', SKEY) xor HASH('req3', S), then under RC4 with HASH('keyA', S, SKEY):
 *          +---------+----------------+---------+------+--------+----+
 *          | VC 8 × 0| crypto_provide | padC 2  | PadC | len IA | IA |
 *          +---------+-------- 4 -----+---------+------+-- 2 ---+----+
 *   B → A  under RC4 with HASH('keyB', S, SKEY):
 *          +---------+----------------+---------+------+
 *          | VC 8 × 0| crypto_select  | padD 2  | PadD |   and the payload as it was selected
 *          +---------+-------- 4 -----+---------+------+
 *
 * Both ciphers discard their first 1024 bytes. Integers are big-endian.
 */

/** crypto_provide and crypto_select: RC4 for all of the payload, or for the handshake and IA only. */
export type MseMethod = "rc4" | "plain";
export const methodBits: Readonly<Record<MseMethod, number>> = { plain: 1, rc4: 2 };

export const vcBytes = 8;
/** VC, crypto_provide or crypto_select, length of the padding. */
export const optionsBytes = 14;

export type MseReason =
  | "degenerate-key" // 0, 1, p - 1, or p and above
  | "no-sync" // what ends the padding does not come
  | "unknown-torrent"
  | "bad-vc" // not eight zeros: another key, or noise
  | "padding-too-long"
  | "no-common-method"
  | "plain-answer"; // the other side speaks the plain protocol

/** The secret and the paddings of one handshake. */
export interface MseChance {
  /** 20 bytes, of a generator fit for keys. */
  readonly secret: Uint8Array;
  /** After our key: 0 to 512 bytes that look like nothing. */
  readonly keyPadding: Uint8Array;
  /** Under the cipher, of zeros, as the specification wants it: 0 to 512. */
  readonly optionsPaddingBytes: number;
}

/** Draws a handshake's chance from random bytes. */
export function drawMseChance(random: (count: number) => Uint8Array): MseChance {
  const { padBytesMax } = mseLimits;
  const drawn = random(secretBytes + 4);
  const length = (at: number) => ((byteAt(drawn, at) << 8) | byteAt(drawn, at + 1)) % (padBytesMax + 1);
  return {
    secret: drawn.subarray(0, secretBytes),
    keyPadding: random(length(secretBytes)),
    optionsPaddingBytes: length(secretBytes + 2),
  };
}

export interface MseEstablished {
  readonly type: "established";
  readonly method: MseMethod;
  readonly infoHash: InfoHash;
  /** Undefined: plain. */
  readonly send: Rc4 | undefined;
  /** Undefined: plain. */
  readonly receive: StreamCipher | undefined;
  /** Payload that has come already, deciphered. */
  readonly rest: Uint8Array;
}

export type MseOutput =
  | { readonly type: "send"; readonly bytes: Uint8Array }
  | MseEstablished
  /** Only of an incoming connection: it begins as the plain protocol does, with these bytes. */
  | { readonly type: "plain"; readonly rest: Uint8Array }
  | { readonly type: "failed"; readonly reason: MseReason };

/** VC, the methods, the padding's length and the padding itself, not yet ciphered. */
export function encodeOptions(methods: number, paddingBytes: number): Uint8Array<ArrayBuffer> {
  assert(paddingBytes <= mseLimits.padBytesMax, "padding has at most 512 bytes");
  const bytes = new Uint8Array(optionsBytes + paddingBytes);
  bytes[11] = methods;
  bytes[12] = paddingBytes >>> 8;
  bytes[13] = paddingBytes & 0xff;
  return bytes;
}

export function encodeLength(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(length >>> 8, length & 0xff);
}

export function bitsOf(methods: readonly MseMethod[]): number {
  return methods.reduce((bits, method) => bits | methodBits[method], 0);
}

/** What has come of a handshake: never more than a handshake has. */
export class HandshakeBuffer {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(bytesMax: number) {
    this.#bytes = new Uint8Array(bytesMax);
  }

  /** Keeps what there is room for; returns what there is not. */
  take(chunk: Uint8Array): Uint8Array {
    const count = Math.min(chunk.length, this.#bytes.length - this.length);
    this.#bytes.set(chunk.subarray(0, count), this.length);
    this.length += count;
    return chunk.subarray(count);
  }

  view(from: number, to = this.length): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(from, to);
  }

  /** The bytes from `from` on, and what there was no room for, for the caller to keep. */
  rest(from: number, beyond: Uint8Array): Uint8Array<ArrayBuffer> {
    return concat([this.view(from), beyond]);
  }
}
