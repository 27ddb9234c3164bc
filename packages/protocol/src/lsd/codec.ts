import {
  assert,
  type Family,
  fail,
  fromLatin1,
  type InfoHash,
  infoHash,
  latin1,
  ok,
  type Result,
} from "@dure/base";
import { lsdCookieLengthMax, lsdDatagramBytesMax } from "./limits.ts";

/*
 * BEP 14: a datagram that looks like an HTTP request, to a multicast group.
 *
 *   BT-SEARCH * HTTP/1.1\r\n
 *   Host: 239.192.152.143:6771\r\n        or [ff15::efc0:988f]:6771
 *   Port: 6881\r\n                        where the sender listens for peers
 *   Infohash: <40 hex digits>\r\n         one or more
 *   cookie: <anything>\r\n                the sender knows its own datagrams by it
 *   \r\n
 *   \r\n
 */

export interface LsdAnnounce {
  readonly port: number;
  /** At least one, none twice. */
  readonly infoHashes: readonly InfoHash[];
  readonly cookie?: string;
}

export type LsdReason = "too-long" | "not-search" | "truncated" | "bad-port" | "no-info-hash";

/** The groups of BEP 14, organisation-local and site-local. */
export const lsdGroups: Readonly<Record<Family, { readonly ip: string; readonly port: number }>> = {
  4: { ip: "239.192.152.143", port: 6771 },
  6: { ip: "ff15::efc0:988f", port: 6771 },
};

/** How many info-hashes fit a datagram beside the longest head and cookie. */
export const lsdInfoHashesMax = 25;

export function encodeLsd(family: Family, announce: LsdAnnounce): Uint8Array<ArrayBuffer> {
  const { port, infoHashes, cookie } = announce;
  assert(infoHashes.length > 0 && infoHashes.length <= lsdInfoHashesMax, "an announce fits its datagram");
  assert(port >= 1 && port <= 65_535, "a port of ours");
  assert(/^[0-9a-z]*$/.test(cookie ?? ""), "a cookie of ours is plain");
  assert((cookie ?? "").length <= lsdCookieLengthMax, "a cookie of ours is short");
  const group = lsdGroups[family];
  const lines = [
    "BT-SEARCH * HTTP/1.1",
    `Host: ${family === 6 ? `[${group.ip}]` : group.ip}:${group.port}`,
    `Port: ${port}`,
    ...infoHashes.map((hash) => `Infohash: ${hash}`),
    ...(cookie === undefined ? [] : [`cookie: ${cookie}`]),
  ];
  return fromLatin1(`${lines.join("\r\n")}\r\n\r\n\r\n`);
}

/**
 * Names are taken in any case and lines with or without their carriage return; headers that are not known, and
 * info-hashes that are none, are passed over. The first port counts, and so does the first cookie.
 */
export function decodeLsd(bytes: Uint8Array): Result<LsdAnnounce, LsdReason> {
  if (bytes.length > lsdDatagramBytesMax) return fail("too-long");
  const lines = latin1(bytes).split(/\r?\n/);
  if (!/^BT-SEARCH +\* +HTTP\/1\.\d *$/i.test(lines[0] ?? "")) return fail("not-search");
  const end = lines.indexOf("");
  // The last line of all is what follows the last line break: an empty one there ends no head.
  if (end < 0 || end === lines.length - 1) return fail("truncated");
  let port: string | undefined;
  let cookie: string | undefined;
  const infoHashes = new Set<InfoHash>(); // bounded by the datagram
  for (const line of lines.slice(1, end)) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === "port") port ??= value;
    else if (name === "cookie") cookie ??= value;
    else if (name === "infohash") {
      const hash = infoHash(value);
      if (hash !== undefined) infoHashes.add(hash);
    }
  }
  if (port === undefined || !/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
    return fail("bad-port");
  if (infoHashes.size === 0) return fail("no-info-hash");
  const announce = { port: Number(port), infoHashes: [...infoHashes] };
  return ok(cookie === undefined ? announce : { ...announce, cookie });
}
