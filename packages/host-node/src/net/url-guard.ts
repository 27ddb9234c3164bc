import { canonicalIp, ipScope, parseIp } from "@dure/base";
import type { UrlTrust } from "@dure/carrier";

/**
 * CONTRACT.md, "Local URLs": which resolved addresses a URL may reach. Asked about every address that is connected to,
 * after the name was resolved, so that a name which changes its mind (DNS rebinding) gains nothing.
 */
export function mayReach(ip: string, trust: UrlTrust): boolean {
  if (ipScope(ip) === "multicast") return false; // no connection and no tracker lives there
  return trust === "stranger" ? isPublic(ip) : true;
}

/** As `mayReach`, for HTTP: a tracker that the user named is local only under a tracker's path. */
export function mayReachUrl(ip: string, url: URL, trust: UrlTrust): boolean {
  const trackerPath = /\/(announce|scrape)$/.test(url.pathname);
  return mayReach(ip, trust === "named-tracker" && !trackerPath ? "stranger" : trust);
}

/** The user named the first URL; where it redirects to is a stranger's word. */
export function trustAfterRedirect(trust: UrlTrust): UrlTrust {
  return trust === "any" ? "any" : "stranger";
}

/** Addresses that lead into the public network and nowhere else. */
function isPublic(ip: string): boolean {
  if (ipScope(ip) !== "global") return false;
  const bytes = parseIp(canonicalIp(ip) ?? "");
  if (bytes === undefined) return false;
  if (bytes.length === 4) return !reservedFor4(bytes);
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  if (a === 0x00 && b === 0x64) return c === 0xff && d === 0x9b && bytes[4] === 0 && bytes[5] === 0; // not 64:ff9b:1::/48
  if ((a & 0xe0) !== 0x20) return false; // all public unicast is 2000::/3 (RFC 4291)
  if (a === 0x20 && b === 0x02) return false; // 6to4 carries any IPv4 address (RFC 3056)
  if (a === 0x20 && b === 0x01 && c < 0x02) return false; // 2001::/23: Teredo, ORCHID, benchmarks (RFC 2928)
  if (a === 0x3f && b === 0xff && c < 0x10) return false; // documentation (RFC 9637)
  return !(a === 0x20 && b === 0x01 && c === 0x0d && d === 0xb8); // documentation (RFC 3849)
}

/** What RFC 6890 reserves beyond `ipScope`: documentation and the 6to4 anycast relay. */
function reservedFor4(bytes: Uint8Array): boolean {
  const [a = 0, b = 0, c = 0] = bytes;
  return (
    (a === 198 && b === 51 && c === 100) ||
    (a === 203 && b === 0 && c === 113) ||
    (a === 192 && b === 88 && c === 99)
  );
}
