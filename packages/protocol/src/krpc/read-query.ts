import { latin1 } from "@dure/base";
import { slot } from "./body-names.ts";
import type { Fields } from "./fields.ts";
import { krpcLimits, nodeIdBytes } from "./limits.ts";
import type { DhtKey, QueryBody, Want } from "./messages.ts";
import { type ItemFault, readPutItem } from "./read-item.ts";
import { Names } from "./scan.ts";

/** What is asked, out of the arguments in `a`. Wrong arguments of a known method make it `malformed`. */
export function readQuery(method: Uint8Array, fields: Fields): QueryBody {
  switch (methodNames.find(method, 0, method.length)) {
    case 0:
      return { type: "ping" };
    case 1:
      return readFindNode(fields);
    case 2:
      return readGetPeers(fields);
    case 3:
      return readAnnouncePeer(fields);
    case 4:
      return readGet(fields);
    case 5:
      return readPut(fields);
    case 6:
      return readSampleInfohashes(fields);
    default:
      return readUnknown(method, fields);
  }
}

const methodNames = new Names([
  "ping",
  "find_node",
  "get_peers",
  "announce_peer",
  "get",
  "put",
  "sample_infohashes",
]);

function readFindNode(fields: Fields): QueryBody {
  const target = readKey(fields, slot.target);
  return target === undefined
    ? malformed("find_node")
    : { type: "find-node", target, want: readWant(fields) };
}

function readGetPeers(fields: Fields): QueryBody {
  const infoHash = readKey(fields, slot.infoHash);
  if (infoHash === undefined) return malformed("get_peers");
  const noSeed = fields.flag(slot.noSeed);
  return { type: "get-peers", infoHash, want: readWant(fields), noSeed, scrape: fields.flag(slot.scrape) };
}

// Any `implied_port` but 0 says that `port` does not count, so that may be missing or wrong (BEP 5).
function readAnnouncePeer(fields: Fields): QueryBody {
  const infoHash = readKey(fields, slot.infoHash);
  const token = fields.bytes(slot.token, 0, krpcLimits.tokenBytesMax);
  if (infoHash === undefined || token === undefined) return malformed("announce_peer");
  const port = fields.integer(slot.port, 1, 65_535);
  const seed = fields.flag(slot.seed);
  const implied = fields.integer(slot.impliedPort, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) ?? 0;
  if (implied === 0) {
    if (port === undefined) return malformed("announce_peer");
    return { type: "announce-peer", infoHash, token, port, seed };
  }
  const fallback = port === undefined ? {} : { fallbackPort: port };
  return { type: "announce-peer", infoHash, token, port: undefined, ...fallback, seed };
}

// A sequence number out of range reads as absent: the value is then sent, which is never wrong (BEP 44: MAY, SHOULD).
function readGet(fields: Fields): QueryBody {
  const target = readKey(fields, slot.target);
  if (target === undefined) return malformed("get");
  const sequence = fields.integer(slot.sequence, 0, Number.MAX_SAFE_INTEGER);
  return { type: "get", target, want: readWant(fields), sequence };
}

// A `cas` that cannot be read is refused: to ignore it would overwrite what the sender wanted kept.
function readPut(fields: Fields): QueryBody {
  const token = fields.bytes(slot.token, 0, krpcLimits.tokenBytesMax);
  const cas = fields.integer(slot.cas, 0, Number.MAX_SAFE_INTEGER);
  if (token === undefined || (cas === undefined && fields.has(slot.cas))) return malformed("put");
  const item = readPutItem(fields);
  return typeof item === "number" ? malformed("put", item) : { type: "put", token, item, cas };
}

function readSampleInfohashes(fields: Fields): QueryBody {
  const target = readKey(fields, slot.target);
  if (target === undefined) return malformed("sample_infohashes");
  return { type: "sample-infohashes", target, want: readWant(fields) };
}

function readUnknown(method: Uint8Array, fields: Fields): QueryBody {
  const target = readKey(fields, slot.target) ?? readKey(fields, slot.infoHash);
  return { type: "unknown", method: latin1(method), target, want: readWant(fields) };
}

function malformed(method: string, code: ItemFault = 203): QueryBody {
  return { type: "malformed", method, code };
}

function readKey(fields: Fields, index: number): DhtKey | undefined {
  return fields.bytes(index, nodeIdBytes, nodeIdBytes);
}

const families = new Names(["n4", "n6"]);

// BEP 32: other strings may stand in the list and are ignored. A list that names no family reads as absent.
function readWant(fields: Fields): Want | undefined {
  if (!fields.has(slot.want)) return undefined;
  const mask = fields.mask(slot.want, families);
  return mask === 0 ? undefined : { nodes4: (mask & 1) !== 0, nodes6: (mask & 2) !== 0 };
}
