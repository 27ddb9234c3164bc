import { fail, type IpRanges, IpRangesBuilder, latin1, ok, parseIp, type Result } from "@dure/base";
import { readIp4 } from "./ip4-reader.ts";
import { filterLimits } from "./limits.ts";
import { isBlank, type Line, readLines } from "./line-reader.ts";

/*
 * Three formats, told apart line by line:
 *
 *   Some name, or none:1.2.3.4-5.6.7.8                        p2p (PeerGuardian)
 *   001.002.003.004 - 005.006.007.008 , 100 , Some name       DAT (eMule); only levels up to 127 block
 *   1.2.3.0/24                                                CIDR, and an address by itself
 *
 * IPv6 addresses may stand wherever IPv4 ones do, in p2p also in brackets. Leading zeros are decimal in all of them.
 */

export interface IpFilter {
  readonly ranges: IpRanges;
  /** Lines that are no range, and block nothing. */
  readonly linesBad: number;
}

export type IpFilterError =
  /** There are lines, and none of them is a range: this is some other file. */
  | "no-entries"
  | "too-many"
  /** PeerGuardian's binary form (P2B). */
  | "binary";

/** DAT: "access level"; 128 and above is allowed. */
const levelBlockedMax = 127;

export function parseIpFilter(
  bytes: Uint8Array,
  rangesMax: number = filterLimits.rangesMax,
): Result<IpFilter, IpFilterError> {
  if (p2bMagic.every((byte, index) => bytes[index] === byte)) return fail("binary");
  const reading = new Reading(bytes, rangesMax);
  const linesBad = readLines(bytes, (line) => reading.line(line));
  if (reading.full) return fail("too-many");
  if (reading.linesGood === 0 && linesBad > 0) return fail("no-entries");
  return ok({ ranges: reading.ranges.build(), linesBad });
}

const p2bMagic = [0xff, 0xff, 0xff, 0xff, 0x50, 0x32, 0x42];
const dash = 0x2d;
const colon = 0x3a;
const comma = 0x2c;

class Reading {
  readonly ranges: IpRangesBuilder;
  linesGood = 0;
  full = false;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, rangesMax: number) {
    this.#bytes = bytes;
    this.ranges = new IpRangesBuilder(rangesMax);
  }

  /** Undefined: there is room for no more. Nearly every line of a list is of IPv4, so that way is the short one. */
  line(line: Line): boolean | undefined {
    const good =
      this.#p2p4(line) ?? this.#dat4(line) ?? this.#slow(latin1(this.#bytes.subarray(line.from, line.to)));
    if (this.full) return undefined;
    if (good) this.linesGood += 1;
    return good;
  }

  /** `name:first-last`, read from behind: a name may hold anything. Undefined: it is something else. */
  #p2p4({ from, to }: Line): boolean | undefined {
    const bytes = this.#bytes;
    const dashAt = bytes.lastIndexOf(dash, to - 1);
    if (dashAt <= from) return undefined;
    const last = readIp4(bytes, this.#skipBlanks(dashAt + 1, to), to);
    if (last === undefined || last.end !== to) return undefined;
    let firstEnd = dashAt;
    while (firstEnd > from && isBlank(bytes[firstEnd - 1])) firstEnd -= 1;
    const colonAt = bytes.lastIndexOf(colon, firstEnd - 1);
    const start = colonAt < from ? from : this.#skipBlanks(colonAt + 1, firstEnd);
    const first = readIp4(bytes, start, firstEnd);
    if (first === undefined || first.end !== firstEnd) return undefined;
    return this.#add4(first.address, last.address);
  }

  /** `first - last , level , name`. */
  #dat4({ from, to }: Line): boolean | undefined {
    const bytes = this.#bytes;
    const first = readIp4(bytes, from, to);
    if (first === undefined) return undefined;
    const dashAt = this.#skipBlanks(first.end, to);
    if (bytes[dashAt] !== dash) return undefined;
    const last = readIp4(bytes, this.#skipBlanks(dashAt + 1, to), to);
    if (last === undefined) return undefined;
    const commaAt = this.#skipBlanks(last.end, to);
    if (bytes[commaAt] !== comma) return undefined;
    let at = this.#skipBlanks(commaAt + 1, to);
    const digitsFrom = at;
    let level = 0;
    for (; at < to && at - digitsFrom < 4; at += 1) {
      const digit = (bytes[at] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) break;
      level = level * 10 + digit;
    }
    const rest = this.#skipBlanks(at, to);
    if (at === digitsFrom || (rest < to && bytes[rest] !== comma)) return false;
    return level > levelBlockedMax ? first.address <= last.address : this.#add4(first.address, last.address);
  }

  /** What is left: CIDR, single addresses, IPv6. */
  #slow(line: string): boolean {
    const dat = /^([0-9a-fA-F:.]+)\s*-\s*([0-9a-fA-F:.]+)(?:\s*,\s*([0-9]{1,4})\s*(?:,.*)?)?$/.exec(line);
    if (dat !== null) {
      const allowed = Number(dat[3] ?? 0) > levelBlockedMax;
      const range = rangeOf(dat[1] ?? "", dat[2] ?? "");
      if (range !== undefined) return allowed || this.#add(range);
    }
    const cidr = /^([0-9a-fA-F:.]+)(?:\/([0-9]{1,3}))?$/.exec(line);
    const block = cidr === null ? undefined : blockOf(cidr[1] ?? "", cidr[2]);
    if (block !== undefined) return this.#add(block);
    const range = named6(line);
    return range !== undefined && this.#add(range);
  }

  #add4(first: number, last: number): boolean {
    if (first > last) return false;
    this.full ||= !this.ranges.add4(first, last);
    return true;
  }

  #add({ first, last }: ByteRange): boolean {
    this.full ||= !this.ranges.add(first, last);
    return true;
  }

  #skipBlanks(from: number, to: number): number {
    let at = from;
    while (at < to && isBlank(this.#bytes[at])) at += 1;
    return at;
  }
}

interface ByteRange {
  readonly first: Uint8Array;
  readonly last: Uint8Array;
}

/** `name:2001:db8::-2001:db8::ff`: the name ends at the first colon behind which all is an address. */
function named6(line: string): ByteRange | undefined {
  const dashAt = line.lastIndexOf("-");
  if (dashAt < 0) return undefined;
  const last = unbracketed(line.slice(dashAt + 1).trim());
  const head = line.slice(0, dashAt).trimEnd();
  if (parseIp(last)?.length !== 16) return undefined;
  // An IPv6 address has at most seven colons, and its brackets none: names with many colons cost nothing.
  let colonAt = head.length;
  for (let count = 0; count < 9 && colonAt >= 0; count += 1) colonAt = head.lastIndexOf(":", colonAt - 1);
  for (
    colonAt = head.indexOf(":", Math.max(0, colonAt));
    colonAt >= 0;
    colonAt = head.indexOf(":", colonAt + 1)
  ) {
    const range = rangeOf(unbracketed(head.slice(colonAt + 1).trim()), last);
    if (range !== undefined) return range;
  }
  return undefined;
}

function unbracketed(text: string): string {
  return text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
}

function rangeOf(from: string, to: string): ByteRange | undefined {
  const first = addressOf(from);
  const last = addressOf(to);
  if (first === undefined || first.length !== last?.length) return undefined;
  return first.every((byte, index) => byte === last[index]) || isBelow(first, last)
    ? { first, last }
    : undefined;
}

function isBelow(first: Uint8Array, last: Uint8Array): boolean {
  const at = first.findIndex((byte, index) => byte !== last[index]);
  return (first[at] ?? 0) < (last[at] ?? 0);
}

/** Bits beyond the prefix are not looked at. */
function blockOf(ip: string, prefix: string | undefined): ByteRange | undefined {
  const address = addressOf(ip);
  if (address === undefined) return undefined;
  const bits = prefix === undefined ? address.length * 8 : Number(prefix);
  if (bits > address.length * 8) return undefined;
  const mask = (index: number) => 0xff >>> Math.min(8, Math.max(0, bits - index * 8));
  return {
    first: address.map((byte, index) => byte & ~mask(index)),
    last: address.map((byte, index) => byte | mask(index)),
  };
}

function addressOf(text: string): Uint8Array | undefined {
  if (text.includes(":")) return parseIp(text);
  return parseIp(text.replace(/\d+/g, (digits) => (digits.length > 3 ? digits : String(Number(digits)))));
}
