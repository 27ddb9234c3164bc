import { fail, type InfoHash, infoHash, ok, type PeerId, peerId, type Result } from "@dure/base";
import { type AnnounceEvent, type AnnounceRequest, scrapeHashesMax } from "../tracker/index.ts";
import { percentDecode, percentDecodeText } from "./percent.ts";

/*
 * A tracker's side of HTTP: the target of `GET /announce?...` or `GET /scrape?...` (BEP 3, 7, 23, 48).
 * The path may have parts before its last (`/PASSKEY/announce`), which are handed on.
 */

export type HttpTrackerRequest =
  | ({
      readonly type: "announce";
      readonly path: string;
      /** BEP 23 suggests compact replies unless `compact=0`. */
      readonly compact: boolean;
      readonly peerIds: boolean;
    } & AnnounceRequest)
  | { readonly type: "scrape"; readonly path: string; readonly infoHashes: readonly InfoHash[] };

export type HttpTrackerRequestError =
  | "too-long"
  | "not-ascii"
  | "bad-percent"
  | "unknown-path"
  | "too-many-fields"
  | "duplicate-field"
  | "bad-info-hash"
  | "too-many-info-hashes"
  | "bad-peer-id"
  | "bad-port"
  | "bad-uploaded"
  | "bad-downloaded"
  | "bad-left"
  | "bad-event"
  | "bad-numwant"
  | "bad-key"
  | "bad-tracker-id";

export const httpTargetCharactersMax = 8192;
const fieldsMax = 100;
const keyCharactersMax = 64;
const trackerIdBytesMax = 256;
const events: readonly AnnounceEvent[] = ["none", "started", "completed", "stopped", "paused"];

/** `target` is what stands between `GET ` and ` HTTP/1.1`. */
export function decodeHttpTrackerRequest(
  target: string,
): Result<HttpTrackerRequest, HttpTrackerRequestError> {
  if (target.length > httpTargetCharactersMax) return fail("too-long");
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  const fields = readFields(mark < 0 ? "" : target.slice(mark + 1));
  if (!fields.ok) return fields;
  if (path.endsWith("/announce")) return decodeAnnounce(path, fields.value);
  if (path.endsWith("/scrape")) return decodeScrape(path, fields.value.infoHashes);
  return fail("unknown-path");
}

interface Fields {
  /** In the order they stand, still percent-encoded. */
  readonly infoHashes: readonly string[];
  /** Everything else, still percent-encoded: each name once. */
  readonly values: ReadonlyMap<string, string>;
}

function readFields(query: string): Result<Fields, HttpTrackerRequestError> {
  const infoHashes: string[] = [];
  const values = new Map<string, string>(); // bounded by fieldsMax
  const parts = query.split("&", fieldsMax + 1).filter((part) => part !== "");
  if (parts.length > fieldsMax) return fail("too-many-fields");
  for (const part of parts) {
    const equals = part.indexOf("=");
    const name = percentDecodeText(equals < 0 ? part : part.slice(0, equals));
    if (!name.ok) return name;
    const value = equals < 0 ? "" : part.slice(equals + 1);
    if (name.value === "info_hash") infoHashes.push(value);
    else if (values.has(name.value)) return fail("duplicate-field");
    else values.set(name.value, value);
  }
  return ok({ infoHashes, values });
}

function decodeAnnounce(path: string, fields: Fields): Result<HttpTrackerRequest, HttpTrackerRequestError> {
  const hash = fields.infoHashes.length === 1 ? infoHashOf(fields.infoHashes[0]) : undefined;
  if (hash === undefined) return fail("bad-info-hash");
  const id = peerIdOf(fields.values.get("peer_id"));
  if (id === undefined) return fail("bad-peer-id");
  const port = numberOf(fields, "port");
  if (port === undefined || port < 1 || port > 65_535) return fail("bad-port");
  const totals = decodeTotals(fields);
  if (!totals.ok) return totals;
  const details = decodeDetails(fields);
  if (!details.ok) return details;
  return ok({
    type: "announce",
    path,
    infoHash: hash,
    peerId: id,
    port,
    ...totals.value,
    ...details.value,
    compact: fields.values.get("compact") !== "0",
    peerIds: fields.values.get("no_peer_id") !== "1",
  });
}

function decodeTotals(
  fields: Fields,
): Result<Pick<AnnounceRequest, "uploaded" | "downloaded" | "left">, HttpTrackerRequestError> {
  // Clients leave out what is zero, but a tracker has to know who is a seed.
  const uploaded = numberOf(fields, "uploaded", 0);
  if (uploaded === undefined) return fail("bad-uploaded");
  const downloaded = numberOf(fields, "downloaded", 0);
  if (downloaded === undefined) return fail("bad-downloaded");
  const left = numberOf(fields, "left");
  return left === undefined ? fail("bad-left") : ok({ uploaded, downloaded, left });
}

function decodeDetails(
  fields: Fields,
): Result<Pick<AnnounceRequest, "event" | "numwant" | "key" | "trackerId">, HttpTrackerRequestError> {
  const event = eventOf(fields.values.get("event"));
  if (event === undefined) return fail("bad-event");
  const numwant = fields.values.get("numwant") === "-1" ? -1 : numberOf(fields, "numwant", -1);
  if (numwant === undefined) return fail("bad-numwant");
  const key = keyOf(fields.values.get("key") ?? "");
  if (key === undefined) return fail("bad-key");
  const trackerId = trackerIdOf(fields.values.get("trackerid"));
  if (!trackerId.ok) return trackerId;
  return ok({ event, numwant: numwant < 0 ? undefined : numwant, key, trackerId: trackerId.value });
}

function decodeScrape(
  path: string,
  encoded: readonly string[],
): Result<HttpTrackerRequest, HttpTrackerRequestError> {
  if (encoded.length > scrapeHashesMax) return fail("too-many-info-hashes");
  const infoHashes: InfoHash[] = [];
  for (const text of encoded) {
    const hash = infoHashOf(text);
    if (hash === undefined) return fail("bad-info-hash");
    infoHashes.push(hash);
  }
  // A scrape of everything would be the whole memory of the tracker in one reply.
  return infoHashes.length === 0 ? fail("bad-info-hash") : ok({ type: "scrape", path, infoHashes });
}

function infoHashOf(text: string | undefined): InfoHash | undefined {
  const bytes = percentDecode(text ?? "");
  return bytes.ok ? infoHash(bytes.value) : undefined;
}

function peerIdOf(text: string | undefined): PeerId | undefined {
  const bytes = percentDecode(text ?? "");
  return bytes.ok ? peerId(bytes.value) : undefined;
}

/** Counts past 2^53 (a client that writes -1 in 64 bits) become "very many". */
function numberOf(fields: Fields, name: string, absent?: number): number | undefined {
  const text = fields.values.get(name);
  if (text === undefined || text === "") return absent;
  if (!/^[0-9]{1,20}$/.test(text)) return undefined;
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}

function eventOf(text: string | undefined): AnnounceEvent | undefined {
  // BEP 3: `empty` is the same as not being present.
  if (text === undefined || text === "" || text === "empty") return "none";
  return events.find((event) => event === text);
}

/** 32 bits in hex by custom; any other short text is hashed to as much, for it is only compared. */
function keyOf(encoded: string): number | undefined {
  const text = percentDecodeText(encoded);
  if (!text.ok || text.value.length > keyCharactersMax) return undefined;
  if (/^[0-9a-fA-F]{1,8}$/.test(text.value)) return Number.parseInt(text.value, 16);
  let hash = 0;
  for (const character of text.value) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) | 0;
  return hash >>> 0;
}

function trackerIdOf(encoded: string | undefined): Result<string | undefined, HttpTrackerRequestError> {
  if (encoded === undefined) return ok(undefined);
  const text = percentDecodeText(encoded);
  return text.ok && text.value.length <= trackerIdBytesMax ? text : fail("bad-tracker-id");
}
