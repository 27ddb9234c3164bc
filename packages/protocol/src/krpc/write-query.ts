import { assert } from "@dure/base";
import { isItemValue } from "./item.ts";
import { krpcLimits, nodeIdBytes, publicKeyBytes, signatureBytes } from "./limits.ts";
import type { DhtItem, DhtKey, QueryBody, Want } from "./messages.ts";
import type { Writer } from "./writer.ts";

/** At least what `writeQuery` writes. */
export function queryBytesBound(body: QueryBody): number {
  switch (body.type) {
    case "announce-peer":
      return argumentsBytesBound + body.token.length;
    case "put":
      return argumentsBytesBound + body.token.length + itemBytesBound(body.item);
    case "unknown":
      return argumentsBytesBound + body.method.length;
    default:
      return argumentsBytesBound;
  }
}

/** What an item takes at most, with its keys. */
export function itemBytesBound(item: DhtItem): number {
  return 256 + item.value.length + (item.type === "mutable" ? item.salt.length : 0);
}

// Ids, integers and flags at their longest, with their keys and the method's name.
const argumentsBytesBound = 256;

/** The content of `a`, keys sorted; gives the method's name. */
export function writeQuery(writer: Writer, id: DhtKey, body: QueryBody): string {
  switch (body.type) {
    case "ping":
      writeId(writer, id);
      return "ping";
    case "find-node":
      writeId(writer, id);
      writeTarget(writer, body.target);
      writeWant(writer, body.want);
      return "find_node";
    case "get-peers":
      writeGetPeers(writer, id, body);
      return "get_peers";
    case "announce-peer":
      writeAnnouncePeer(writer, id, body);
      return "announce_peer";
    case "get":
      writeId(writer, id);
      if (body.sequence !== undefined) writeNatural(writer, "3:seq", body.sequence);
      writeTarget(writer, body.target);
      writeWant(writer, body.want);
      return "get";
    case "put":
      writePut(writer, id, body);
      return "put";
    case "sample-infohashes":
      writeId(writer, id);
      writeTarget(writer, body.target);
      writeWant(writer, body.want);
      return "sample_infohashes";
    case "unknown":
      writeId(writer, id);
      if (body.target !== undefined) writeTarget(writer, body.target);
      writeWant(writer, body.want);
      return body.method;
    case "malformed":
      assert(false, "what was malformed is not written again");
  }
}

/** What a value, its key and its signature need to be: limits that a storing node of another make checks too. */
export function assertItem(item: DhtItem): void {
  assert(item.value.length <= krpcLimits.valueBytesMax, "a value has at most 1,000 bytes");
  assert(isItemValue(item.value), "a value is bencode");
  if (item.type === "immutable") return;
  assert(item.publicKey.length === publicKeyBytes, "a public key has 32 bytes");
  assert(item.signature.length === signatureBytes, "a signature has 64 bytes");
  assert(item.salt.length <= krpcLimits.saltBytesMax, "a salt has at most 64 bytes");
}

export function writeId(writer: Writer, id: DhtKey): void {
  assert(id.length === nodeIdBytes, "an id has 20 bytes");
  writer.text("2:id");
  writer.string(id);
}

/** An integer that is never negative on the wire: a port, a sequence number, a count. */
export function writeNatural(writer: Writer, key: string, value: number): void {
  assert(value >= 0, "not negative");
  writer.text(key);
  writer.integer(value);
}

type BodyOf<Type extends QueryBody["type"]> = Extract<QueryBody, { readonly type: Type }>;

function writeGetPeers(writer: Writer, id: DhtKey, body: BodyOf<"get-peers">): void {
  assert(body.infoHash.length === nodeIdBytes, "an info-hash has 20 bytes");
  writeId(writer, id);
  writer.text("9:info_hash");
  writer.string(body.infoHash);
  if (body.noSeed) writer.text("6:noseedi1e");
  if (body.scrape) writer.text("6:scrapei1e");
  writeWant(writer, body.want);
}

function writeAnnouncePeer(writer: Writer, id: DhtKey, body: BodyOf<"announce-peer">): void {
  assert(body.infoHash.length === nodeIdBytes, "an info-hash has 20 bytes");
  assert(body.token.length <= krpcLimits.tokenBytesMax, "a token that was accepted");
  writeId(writer, id);
  if (body.port === undefined) writer.text("12:implied_porti1e");
  writer.text("9:info_hash");
  writer.string(body.infoHash);
  const port = body.port ?? body.fallbackPort;
  if (port !== undefined) {
    assert(port >= 1 && port <= 65_535, "a port that can be listened on");
    writeNatural(writer, "4:port", port);
  }
  if (body.seed) writer.text("4:seedi1e");
  writer.text("5:token");
  writer.string(body.token);
}

function writePut(writer: Writer, id: DhtKey, body: BodyOf<"put">): void {
  const { item, token } = body;
  assertItem(item);
  assert(token.length <= krpcLimits.tokenBytesMax, "a token that was accepted");
  if (body.cas !== undefined) writeNatural(writer, "3:cas", body.cas);
  writeId(writer, id);
  if (item.type === "mutable") {
    writer.text("1:k");
    writer.string(item.publicKey);
    if (item.salt.length > 0) {
      writer.text("4:salt");
      writer.string(item.salt);
    }
    writeNatural(writer, "3:seq", item.sequence);
    writer.text("3:sig");
    writer.string(item.signature);
  }
  writer.text("5:token");
  writer.string(token);
  writer.text("1:v");
  writer.raw(item.value);
}

function writeTarget(writer: Writer, target: DhtKey): void {
  assert(target.length === nodeIdBytes, "a target has 20 bytes");
  writer.text("6:target");
  writer.string(target);
}

function writeWant(writer: Writer, want: Want | undefined): void {
  if (want === undefined) return;
  assert(want.nodes4 || want.nodes6, "who wants no family leaves `want` out");
  writer.text(want.nodes4 ? (want.nodes6 ? "4:wantl2:n42:n6e" : "4:wantl2:n4e") : "4:wantl2:n6e");
}
