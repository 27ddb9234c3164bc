import { assert, utf8 } from "@dure/base";
import { krpcLimits } from "./limits.ts";
import type { KrpcError, KrpcMessage, KrpcQuery, KrpcResponse } from "./messages.ts";
import { Slab } from "./slab.ts";
import { queryBytesBound, writeId, writeQuery } from "./write-query.ts";
import { responseBytesBound, writeResponse } from "./write-response.ts";
import { Writer } from "./writer.ts";

/**
 * The datagram of a message of ours, keys sorted (the wire is drawn above `decodeKrpc`). With a `slab` it is a piece of
 * that; without, it has memory of its own. Throws on what `decodeKrpc` would not give back.
 */
export function encodeKrpc(message: KrpcMessage, slab?: Slab): Uint8Array<ArrayBuffer> {
  const bound = envelopeBytesBound + bodyBytesBound(message);
  const memory = slab ?? new Slab(bound);
  const writer = new Writer(memory.reserve(bound), memory.used);
  switch (message.kind) {
    case "query":
      writeQueryMessage(writer, message);
      break;
    case "response":
      writeResponseMessage(writer, message);
      break;
    case "error":
      writeErrorMessage(writer, message);
      break;
  }
  return memory.commit(writer.end);
}

// Everything but the body: the fixed text, a transaction, a version, an address and an id at their longest.
const envelopeBytesBound = 160;

// What is reserved too much is given back, so a generous bound costs nothing.
function bodyBytesBound(message: KrpcMessage): number {
  if (message.kind === "query") return queryBytesBound(message.body);
  if (message.kind === "response") return responseBytesBound(message.body);
  return 32 + message.message.length * 3;
}

function writeQueryMessage(writer: Writer, message: KrpcQuery): void {
  writer.text("d1:ad");
  const method = writeQuery(writer, message.id, message.body);
  assert(method.length > 0 && method.length <= krpcLimits.methodBytesMax, "a method has 1 to 32 characters");
  writer.text("e1:q");
  writer.text(`${method.length}:${method}`);
  if (message.readOnly) writer.text("2:roi1e");
  writeCommon(writer, message);
  writer.text("1:y1:qe");
}

function writeResponseMessage(writer: Writer, message: KrpcResponse): void {
  writer.text("d");
  writeSeenAs(writer, message);
  writer.text("1:rd");
  writeResponse(writer, message.id, message.body);
  writer.text("e");
  writeCommon(writer, message);
  writer.text("1:y1:re");
}

function writeErrorMessage(writer: Writer, message: KrpcError): void {
  assert(
    message.message.length <= krpcLimits.errorTextMax,
    "the text of an error has at most 100 characters",
  );
  writer.text("d1:el");
  writer.integer(message.code);
  writer.string(utf8(message.message));
  writer.text("e");
  writeSeenAs(writer, message);
  if (message.id !== undefined) {
    writer.text("1:rd");
    writeId(writer, message.id);
    writer.text("e");
  }
  writeCommon(writer, message);
  writer.text("1:y1:ee");
}

function writeSeenAs(writer: Writer, message: KrpcResponse | KrpcError): void {
  if (message.seenAs === undefined) return;
  writer.text("2:ip");
  writer.address(message.seenAs);
}

function writeCommon(writer: Writer, message: KrpcMessage): void {
  const { transaction, version } = message;
  const { transactionBytesMax, versionBytesMax } = krpcLimits;
  assert(
    transaction.length > 0 && transaction.length <= transactionBytesMax,
    "a transaction has 1 to 20 bytes",
  );
  writer.text("1:t");
  writer.string(transaction);
  if (version === undefined) return;
  assert(version.length <= versionBytesMax, "a version has at most 16 bytes");
  writer.text("1:v");
  writer.string(version);
}
