import { assert, type KeyedHash, type Ms, sipHash } from "@dure/base";
import type { DhtKey } from "../../krpc/index.ts";
import { responderLimits } from "./limits.ts";

const { tokenEpoch, tokenBytes } = responderLimits;

/**
 * Write tokens without a memory of them (BEP 5): 64 bits of a keyed hash over the source's IP and the key it asked
 * for. The key of the hash changes every five minutes; tokens of the epoch before are still accepted, so that one
 * lives five to ten minutes. The port is left out, since a NAT may change it between two packets.
 *
 * Binding the key as well (BEP 44: "MAY be tied specifically to the key") makes a store of many keys cost its
 * writer an exchange for each.
 */
export class TokenIssuer {
  readonly #master: KeyedHash;
  #epoch = Number.NaN;
  #current: KeyedHash;
  #previous: KeyedHash;
  readonly #message4 = new Uint8Array(24);
  readonly #message6 = new Uint8Array(36);

  /** `secret`: 16 bytes or more of true chance. Who does not know it cannot tell a token from noise. */
  constructor(secret: Uint8Array) {
    assert(secret.length >= 16, "a token secret has at least 16 bytes");
    this.#master = sipHash(secret.subarray(0, 16));
    this.#current = this.#master;
    this.#previous = this.#master;
  }

  issue(now: Ms, ip: Uint8Array, key: DhtKey): Uint8Array {
    this.#turn(now);
    const { high, low } = this.#current(this.#message(ip, key));
    const token = new Uint8Array(tokenBytes);
    for (let index = 0; index < 4; index += 1) {
      token[index] = high >>> (24 - 8 * index);
      token[index + 4] = low >>> (24 - 8 * index);
    }
    return token;
  }

  accepts(now: Ms, ip: Uint8Array, key: DhtKey, token: Uint8Array): boolean {
    if (token.length !== tokenBytes) return false;
    this.#turn(now);
    const message = this.#message(ip, key);
    return matches(this.#current, message, token) || matches(this.#previous, message, token);
  }

  #turn(now: Ms): void {
    const epoch = Math.floor(now / tokenEpoch);
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#current = this.#keyOf(epoch);
    this.#previous = this.#keyOf(epoch - 1);
  }

  // SipHash is a pseudorandom function: without the master's key its values under different numbers look unrelated.
  #keyOf(epoch: number): KeyedHash {
    const key = new Uint8Array(16);
    const view = new DataView(key.buffer);
    const label = new Uint8Array(9);
    new DataView(label.buffer).setFloat64(0, epoch);
    for (let half = 0; half < 2; half += 1) {
      label[8] = half;
      const { high, low } = this.#master(label);
      view.setUint32(8 * half, high);
      view.setUint32(8 * half + 4, low);
    }
    return sipHash(key);
  }

  // 24 bytes for IPv4, 36 for IPv6: their lengths keep them apart.
  #message(ip: Uint8Array, key: DhtKey): Uint8Array {
    const message = ip.length === 4 ? this.#message4 : this.#message6;
    message.set(ip);
    message.set(key, ip.length);
    return message;
  }
}

// Without an early exit, so that the time taken says nothing.
function matches(hash: KeyedHash, message: Uint8Array, token: Uint8Array): boolean {
  const { high, low } = hash(message);
  let difference = 0;
  for (let index = 0; index < 4; index += 1) {
    difference |= (token[index] ?? 0) ^ ((high >>> (24 - 8 * index)) & 0xff);
    difference |= (token[index + 4] ?? 0) ^ ((low >>> (24 - 8 * index)) & 0xff);
  }
  return difference === 0;
}
