import type { IncomingMessage } from "node:http";
import type { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createInflate, createInflateRaw } from "node:zlib";
import { concat } from "@dure/base";
import { HttpFault } from "./http-fault.ts";

/** What packed bytes may exceed the plain ones by: headers, and a server that packs badly. */
const packingSlackBytes = 64 * 1024;

/**
 * The plain bytes of a reply, at most `bytesMax`, whatever the server claims and however it is packed. Both ends of the
 * decompressor are counted: a bomb is stopped by what comes out, endless empty blocks by what goes in.
 */
export async function readBody(response: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  const encoding = (response.headers["content-encoding"] ?? "").trim().toLowerCase();
  const plain = encoding === "" || encoding === "identity";
  const wireBytesMax = plain ? bytesMax : bytesMax + packingSlackBytes;
  if (Number(response.headers["content-length"] ?? 0) > wireBytesMax) throw tooLong(bytesMax);
  const wire = limit(response, wireBytesMax);
  if (plain) return gather(wire);
  if (!["gzip", "x-gzip", "deflate"].includes(encoding)) {
    throw new HttpFault("bad-reply", "an encoding that was not asked for");
  }
  const first = await wire.next();
  if (first.done === true) return new Uint8Array(0);
  const unpacker = unpackerFor(encoding, first.value);
  return pipeline(resumed(first.value, wire), unpacker, (output) => gather(limit(output, bytesMax)));
}

async function* limit(source: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLong(bytesMax);
    yield chunk;
  }
}

async function* resumed(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

async function gather(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []; // bounded by the limit it is read through
  for await (const chunk of source) chunks.push(chunk);
  return concat(chunks);
}

/** "deflate" is the zlib format (RFC 9110, 8.4.1.2), yet some servers send it bare; the first byte tells. */
function unpackerFor(encoding: string, first: Uint8Array): Transform {
  if (encoding !== "deflate") return createGunzip();
  return ((first[0] ?? 0) & 0x0f) === 8 ? createInflate() : createInflateRaw();
}

function tooLong(bytesMax: number): HttpFault {
  return new HttpFault("too-long", `more than ${bytesMax} bytes`);
}
