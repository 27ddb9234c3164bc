import { concat, viewOf } from "./bytes.ts";

/** Where a peer listens: a canonical IP literal (IPv4 dotted, IPv6 compressed lower case, no zone) and a port. */
export interface Address {
  readonly ip: string;
  readonly port: number;
}

export type Family = 4 | 6;

export function familyOf(ip: string): Family {
  return ip.includes(":") ? 6 : 4;
}

/** `1.2.3.4:80`, `[::1]:80`. Also the key under which peers are kept. */
export function formatAddress(address: Address): string {
  return address.ip.includes(":") ? `[${address.ip}]:${address.port}` : `${address.ip}:${address.port}`;
}

/** The reverse of `formatAddress`; undefined when the text is not `IP:PORT`. Names are not resolved. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  const ip = canonicalIp(match[1] ?? match[2] ?? "");
  return ip === undefined || port > 65_535 ? undefined : { ip, port };
}

/** One spelling per address; IPv4-mapped IPv6 becomes IPv4. Undefined when it is not an IP literal. */
export function canonicalIp(text: string): string | undefined {
  const bytes = parseIp(text);
  if (bytes?.length === 4) return text; // without leading zeros there is one spelling
  return bytes === undefined ? undefined : formatIp(bytes);
}

/** 4 or 16 bytes; undefined when the text is not an IP literal. */
export function parseIp(text: string): Uint8Array<ArrayBuffer> | undefined {
  return text.includes(":") ? parseIp6(text) : parseIp4(text);
}

export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return formatIp4(bytes, 0);
  const mapped =
    bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (mapped) return formatIp4(bytes, 12);
  const view = viewOf(bytes);
  const groups: number[] = [];
  for (let offset = 0; offset < 16; offset += 2) groups.push(view.getUint16(offset));
  return compressGroups(groups);
}

function formatIp4(bytes: Uint8Array, from: number): string {
  return `${bytes[from]}.${bytes[from + 1]}.${bytes[from + 2]}.${bytes[from + 3]}`;
}

/** BEP 23 and BEP 7: 6 or 18 bytes. */
export function encodeCompact(address: Address): Uint8Array<ArrayBuffer> {
  const ip = parseIp(address.ip) ?? new Uint8Array(4);
  return concat([ip, Uint8Array.of(address.port >>> 8, address.port & 0xff)]);
}

/** A compact peer list of one family; a trailing fragment is ignored. */
export function decodeCompactList(bytes: Uint8Array, family: Family): Address[] {
  const size = family === 4 ? 6 : 18;
  const addresses: Address[] = [];
  for (let offset = 0; offset + size <= bytes.length; offset += size) {
    const ip = formatIp(bytes.subarray(offset, offset + size - 2));
    addresses.push({ ip, port: viewOf(bytes).getUint16(offset + size - 2) });
  }
  return addresses;
}

export type IpScope =
  | "global"
  | "private"
  | "loopback"
  | "link-local"
  | "unspecified"
  | "multicast"
  | "reserved";

/** What kind of address an IP literal is (RFC 6890). NAT64 and mapped addresses count as what they carry. */
export function ipScope(ip: string): IpScope {
  const bytes = parseIp(ip);
  if (bytes === undefined) return "reserved";
  return bytes.length === 4 ? scope4(bytes) : scope6(bytes);
}

function scope4(bytes: Uint8Array): IpScope {
  const [a = 0, b = 0, c = 0] = bytes;
  if (a === 0) return "unspecified";
  if (a === 127) return "loopback";
  if (a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168)) return "private";
  if (a === 100 && b >= 64 && b < 128) return "private"; // carrier-grade NAT, RFC 6598
  if (a === 169 && b === 254) return "link-local";
  if (a >= 224 && a < 240) return "multicast";
  if (a >= 240 || (a === 192 && b === 0 && (c === 0 || c === 2)) || (a === 198 && (b === 18 || b === 19)))
    return "reserved";
  return "global";
}

function scope6(bytes: Uint8Array): IpScope {
  const [a = 0, b = 0] = bytes;
  const zeros = (from: number, to: number) => bytes.subarray(from, to).every((byte) => byte === 0);
  if (zeros(0, 16)) return "unspecified";
  if (zeros(0, 15) && bytes[15] === 1) return "loopback";
  if (zeros(0, 10) && bytes[10] === 0xff && bytes[11] === 0xff) return scope4(bytes.subarray(12));
  const nat64 = a === 0 && b === 0x64 && bytes[2] === 0xff && bytes[3] === 0x9b && zeros(4, 12);
  if (nat64) return scope4(bytes.subarray(12));
  if (zeros(0, 12)) return "reserved"; // IPv4-compatible, deprecated
  if ((a & 0xfe) === 0xfc) return "private";
  if (a === 0xfe && (b & 0xc0) === 0x80) return "link-local";
  if (a === 0xfe && (b & 0xc0) === 0xc0) return "private"; // site-local, deprecated
  if (a === 0xff) return "multicast";
  return "global";
}

// By hand: a node of the DHT asks this for every datagram, and a regular expression took five times as long.
function parseIp4(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(4);
  let filled = 0;
  let digits = 0;
  let octet = 0;
  for (let index = 0; index <= text.length; index += 1) {
    const code = index === text.length ? dot : text.charCodeAt(index);
    if (code === dot) {
      if (digits === 0 || filled === 4) return undefined;
      bytes[filled] = octet;
      filled += 1;
      digits = 0;
      octet = 0;
    } else if (code >= zero && code <= zero + 9) {
      // A leading zero is octal to some resolvers and decimal to others: refuse it.
      if (digits > 0 && octet === 0) return undefined;
      octet = octet * 10 + code - zero;
      digits += 1;
      if (octet > 255) return undefined;
    } else return undefined;
  }
  return filled === 4 ? bytes : undefined;
}

const dot = 0x2e;
const zero = 0x30;

function parseIp6(text: string): Uint8Array<ArrayBuffer> | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "", true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const bytes = new Uint8Array(16);
  for (const [index, group] of groups.entries()) viewOf(bytes).setUint16(index * 2, group);
  return bytes;
}

// An IPv4 address may stand for the last two groups, and only for those (RFC 4291, 2.2).
function parseGroups(text: string, endsAddress: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (part.includes(".") && endsAddress && index === parts.length - 1) {
      const ip4 = parseIp4(part);
      if (ip4 === undefined) return undefined;
      groups.push(viewOf(ip4).getUint16(0), viewOf(ip4).getUint16(2));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

// RFC 5952: the longest run of zero groups, at least two, is `::`; the first of equals wins.
function compressGroups(groups: readonly number[]): string {
  let best = { from: -1, length: 1 };
  for (let from = 0; from < 8; from += 1) {
    let length = 0;
    while (from + length < 8 && groups[from + length] === 0) length += 1;
    if (length > best.length) best = { from, length };
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  if (best.from < 0) return text(groups);
  return `${text(groups.slice(0, best.from))}::${text(groups.slice(best.from + best.length))}`;
}
