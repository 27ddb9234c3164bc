import { fromLatin1, type InfoHash, idBytes, utf8 } from "@dure/base";
import type { AnnounceRequest } from "../tracker/index.ts";
import { percentEncode } from "./percent.ts";

/** The URL to GET for an announce. A query that the tracker's URL has (a passkey, say) stays in front, byte for byte. */
export function announceUrl(tracker: string, request: AnnounceRequest): string {
  const fields = [
    `info_hash=${percentEncode(idBytes(request.infoHash))}`,
    `peer_id=${percentEncode(idBytes(request.peerId))}`,
    `port=${request.port}`,
    `uploaded=${request.uploaded}`,
    `downloaded=${request.downloaded}`,
    `left=${request.left}`,
    "compact=1", // BEP 23; trackers that cannot will send dictionaries
    "no_peer_id=1",
    `key=${request.key.toString(16).toUpperCase().padStart(8, "0")}`,
  ];
  if (request.event !== "none") fields.push(`event=${request.event}`);
  if (request.numwant !== undefined) fields.push(`numwant=${request.numwant}`);
  // A tracker id is bytes, spelled here one character each.
  if (request.trackerId !== undefined) {
    fields.push(`trackerid=${percentEncode(fromLatin1(request.trackerId))}`);
  }
  return withQuery(tracker, fields);
}

/** The URL to GET for the counts of some swarms, or undefined where the tracker's URL allows no scrape (BEP 48). */
export function scrapeUrl(tracker: string, infoHashes: readonly InfoHash[] = []): string | undefined {
  const [, beforeQuery = "", query = ""] = /^([^?#]*)(\?[^#]*)?/.exec(tracker) ?? [];
  const slash = beforeQuery.lastIndexOf("/");
  const file = beforeQuery.slice(slash + 1);
  // As everywhere: only the last part of the path counts, and it must begin with the word.
  if (!file.startsWith("announce") || slash < beforeQuery.indexOf("//") + 2) return undefined;
  const scrape = `${beforeQuery.slice(0, slash + 1)}scrape${file.slice("announce".length)}${query}`;
  return withQuery(
    scrape,
    infoHashes.map((hash) => `info_hash=${percentEncode(idBytes(hash))}`),
  );
}

function withQuery(url: string, fields: readonly string[]): string {
  const base = asciiUrl(url.replace(/#.*$/s, ""));
  if (fields.length === 0) return base;
  const joint = !base.includes("?") ? "?" : /[?&]$/.test(base) ? "" : "&";
  return base + joint + fields.join("&");
}

/** Characters that no request line may hold are encoded; what is encoded already stays as it is. */
function asciiUrl(url: string): string {
  return url.replace(/[^\x21-\x7e]/gu, (character) => percentEncode(utf8(character)));
}
