import { assert } from "@dure/base";
import { bloomBytes, krpcLimits, nodeIdBytes } from "./limits.ts";
import type { DhtKey, ResponseBody } from "./messages.ts";
import { compactNodeBytes, compactPeerBytes } from "./nodes.ts";
import { assertItem, itemBytesBound, writeId, writeNatural } from "./write-query.ts";
import type { Writer } from "./writer.ts";

/** At least what `writeResponse` writes. */
export function responseBytesBound(body: ResponseBody): number {
  const strings = lengthOf(body.nodes) + lengthOf(body.nodes6) + lengthOf(body.token);
  const blooms = lengthOf(body.bloomSeeds) + lengthOf(body.bloomPeers);
  const peers = 2 * (lengthOf(body.values) + lengthOf(body.values6)); // each with its length before it
  const item = body.item === undefined ? 0 : itemBytesBound(body.item);
  const samples = (body.samples?.length ?? 0) * nodeIdBytes;
  return 320 + strings + blooms + peers + item + samples;
}

/** The content of `r`, keys sorted by their bytes: capitals come first. */
export function writeResponse(writer: Writer, id: DhtKey, body: ResponseBody): void {
  if (body.bloomPeers !== undefined) writeBloom(writer, "4:BFpe", body.bloomPeers);
  if (body.bloomSeeds !== undefined) writeBloom(writer, "4:BFsd", body.bloomSeeds);
  writeId(writer, id);
  if (body.interval !== undefined) {
    assert(body.interval <= krpcLimits.sampleIntervalMax, "an interval of at most six hours (BEP 51)");
    writeNatural(writer, "8:interval", body.interval);
  }
  const item = body.item;
  if (item !== undefined) assertItem(item);
  if (item?.type === "mutable") writeString(writer, "1:k", item.publicKey);
  if (body.nodes !== undefined) writeEntries(writer, "5:nodes", body.nodes, compactNodeBytes(4));
  if (body.nodes6 !== undefined) writeEntries(writer, "6:nodes6", body.nodes6, compactNodeBytes(6));
  if (body.storedCount !== undefined) writeNatural(writer, "3:num", body.storedCount);
  if (body.samples !== undefined) writeSamples(writer, body.samples);
  const sequence = item?.type === "mutable" ? item.sequence : body.sequence;
  if (sequence !== undefined) writeNatural(writer, "3:seq", sequence);
  if (item?.type === "mutable") writeString(writer, "3:sig", item.signature);
  if (body.token !== undefined) {
    assert(body.token.length <= krpcLimits.tokenBytesMax, "a token has at most 128 bytes");
    writeString(writer, "5:token", body.token);
  }
  if (item !== undefined) {
    writer.text("1:v");
    writer.raw(item.value);
  }
  if (body.values !== undefined || body.values6 !== undefined) writeValues(writer, body);
}

function writeBloom(writer: Writer, key: string, bytes: Uint8Array): void {
  assert(bytes.length === bloomBytes, "a bloom filter has 256 bytes (BEP 33)");
  writeString(writer, key, bytes);
}

function writeEntries(writer: Writer, key: string, bytes: Uint8Array, entryBytes: number): void {
  assert(bytes.length % entryBytes === 0, "whole entries");
  writeString(writer, key, bytes);
}

function writeSamples(writer: Writer, samples: readonly DhtKey[]): void {
  writer.text(`7:samples${samples.length * nodeIdBytes}:`);
  for (const key of samples) {
    assert(key.length === nodeIdBytes, "an info-hash has 20 bytes");
    writer.raw(key);
  }
}

function writeValues(writer: Writer, body: ResponseBody): void {
  writer.text("6:valuesl");
  if (body.values !== undefined) writer.strings(body.values, compactPeerBytes(4));
  if (body.values6 !== undefined) writer.strings(body.values6, compactPeerBytes(6));
  writer.text("e");
}

function writeString(writer: Writer, key: string, bytes: Uint8Array): void {
  writer.text(key);
  writer.string(bytes);
}

function lengthOf(bytes: Uint8Array | undefined): number {
  return bytes?.length ?? 0;
}
