import { concat, type KeyedHash, type Ms, must, parseIp } from "@dure/base";

const windowLength = 60_000;
// An id is good for its own window and two more: at least the two minutes of BEP 15, less than three.
const windowsLater = 2;

/**
 * Connection ids of a UDP tracker, without a memory of them (BEP 15 compares them to SYN cookies):
 *
 *     8 bits of the window (a minute) | 56 bits of hash(window, source IP)
 *
 * The port is left out, since a NAT may change it between two packets of one client.
 */
export class ConnectionIdIssuer {
  readonly #hash: KeyedHash;

  constructor(hash: KeyedHash) {
    this.#hash = hash;
  }

  issue(now: Ms, ip: string): bigint {
    return this.#id(windowOf(now), ip);
  }

  accepts(now: Ms, ip: string, connectionId: bigint): boolean {
    const current = windowOf(now);
    const age = (current - Number(connectionId >> 56n)) & 0xff;
    return age <= windowsLater && connectionId === this.#id(current - age, ip);
  }

  #id(window: number, ip: string): bigint {
    const stamp = Uint8Array.of(window >>> 24, window >>> 16, window >>> 8, window);
    const { high, low } = this.#hash(concat([stamp, must(parseIp(ip), "a source address is an IP")]));
    return (
      (BigInt(((window & 0xff) << 24) | (high & 0xff_ffff)) & 0xffff_ffffn) * 0x1_0000_0000n + BigInt(low)
    );
  }
}

function windowOf(now: Ms): number {
  return Math.floor(now / windowLength) | 0;
}
