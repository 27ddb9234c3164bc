import { type Address, type Family, ipScope, parseIp } from "@dure/base";

/**
 * The sender of the datagram at hand, as the limits and the stores see it. One object that is read into again for
 * each datagram: at tens of thousands a second, objects of their own would be most of the work.
 */
export class Source {
  /** 4 or 16 bytes; overwritten by the next `read`. */
  ip: Uint8Array = new Uint8Array(4);
  family: Family = 4;
  port = 0;
  /** Loopback, private and link-local addresses, which per-address limits do not count unless told to. */
  exempt = false;
  /** What a ban hits: the IPv4 address, or the /64 of an IPv6 one. */
  banHigh = 0;
  banLow = 0;
  /** What shares in the stores are counted by: the /24, or the /48 of an IPv6 address. No two are the same number. */
  subnet = 0;

  readonly #ip4 = new Uint8Array(4);
  readonly #countLocal: boolean;

  constructor(countLocal: boolean) {
    this.#countLocal = countLocal;
  }

  /** False for what cannot be answered: port 0, multicast, broadcast, no address at all. */
  read(from: Address): boolean {
    this.port = from.port;
    if (from.port <= 0 || from.port > 0xffff) return false;
    return this.#read4(from.ip) || this.#read6(from.ip);
  }

  #read4(text: string): boolean {
    const ip = this.#ip4;
    let filled = 0;
    let octet = 0;
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      if (code === dot && octet <= 255) {
        ip[filled] = octet;
        filled += 1;
        octet = 0;
      } else if (code >= zero && code <= nine) octet = octet * 10 + code - zero;
      else return false;
    }
    if (filled !== 3 || octet > 255) return false;
    ip[3] = octet;
    this.ip = ip;
    this.family = 4;
    const [a = 0, b = 0, c = 0, d = 0] = ip;
    this.banHigh = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    this.banLow = 0;
    this.subnet = this.banHigh >>> 8;
    this.exempt = !this.#countLocal && mayBeLocal4(a) && isLocal(text);
    return a !== 0 && a < 224; // above are multicast, what nobody has, and broadcast
  }

  #read6(text: string): boolean {
    const ip = parseIp(text);
    if (ip === undefined || ip.length !== 16) return false;
    this.ip = ip;
    this.family = 6;
    this.banHigh = word(ip, 0);
    this.banLow = word(ip, 4);
    this.subnet = subnet6Base + this.banHigh * 0x1_0000 + (this.banLow >>> 16);
    const global = ((ip[0] ?? 0) & 0xe0) === 0x20; // 2000::/3, RFC 4291
    if (global) {
      this.exempt = false;
      return true;
    }
    this.exempt = !this.#countLocal && isLocal(text);
    const scope = ipScope(text);
    return scope !== "multicast" && scope !== "unspecified";
  }
}

const dot = 0x2e;
const zero = 0x30;
const nine = 0x39;
// Above every /24: the families' subnets are different numbers.
const subnet6Base = 0x1_0000_0000_0000;

// The first octets that have a local range in them (RFC 6890); the exact question costs more.
function mayBeLocal4(octet: number): boolean {
  return octet === 10 || octet === 127 || octet === 192 || octet === 172 || octet === 169 || octet === 100;
}

function isLocal(text: string): boolean {
  const scope = ipScope(text);
  return scope === "loopback" || scope === "private" || scope === "link-local";
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)) >>>
    0
  );
}
