import { concat, hex, latin1 } from "@dure/base";
import { Framer } from "../framer.ts";
import { type HashSpan, messageId, type PeerMessage } from "../message.ts";

/** What a framer makes of these chunks, as text; the last line is a violation or `end`. Chunks are spoilt once they are drained. */
export function hear(chunks: readonly Uint8Array[]): string[] {
  const framer = new Framer();
  const heard: string[] = [];
  let block: Uint8Array | undefined;
  let head = "";
  for (const given of chunks) {
    const chunk = given.slice();
    framer.feed(chunk);
    for (let event = framer.next(); event !== undefined; event = framer.next()) {
      switch (event.type) {
        case "handshake": {
          const { infoHash, peerId, extended, fast } = event.handshake;
          heard.push(`handshake ${infoHash} ${peerId}${extended ? " extended" : ""}${fast ? " fast" : ""}`);
          break;
        }
        case "message":
          heard.push(plain(event.message));
          break;
        case "block-start":
          head = `block ${event.piece}:${event.begin}+${event.length}`;
          block = new Uint8Array(event.length);
          break;
        case "block-data":
          block?.set(chunk.subarray(event.from, event.to), event.at);
          break;
        case "block-end":
          heard.push(`${head} ${latin1(block ?? new Uint8Array())}`);
          block = undefined;
          break;
        case "violation":
          heard.push(`violation ${event.reason}`);
          return heard;
      }
    }
    chunk.fill(0xdd); // the host reads into the same buffer again
  }
  heard.push("end");
  return heard;
}

export function plain(message: PeerMessage): string {
  switch (message.type) {
    case "have":
    case "suggest":
    case "allowed-fast":
      return `${message.type} ${message.piece}`;
    case "request":
    case "cancel":
    case "reject":
      return `${message.type} ${message.piece}:${message.begin}+${message.length}`;
    case "bitfield":
      return `bitfield ${hex(message.bytes)}`;
    case "port":
      return `port ${message.port}`;
    case "extended":
      return `extended ${message.id} ${latin1(message.payload)}`;
    case "hash-request":
    case "hash-reject":
      return `${message.type} ${hashPlace(message)}`;
    case "hashes":
      return `hashes ${hashPlace(message)} ${hex(message.hashes)}`;
    case "unknown":
      return `unknown ${message.id}`;
    default:
      return message.type;
  }
}

function hashPlace(span: HashSpan): string {
  const { piecesRoot, baseLayer, index, length, proofLayers } = span;
  return `${hex(piecesRoot)} layer ${baseLayer} ${index}+${length} proofs ${proofLayers}`;
}

export function uint32(value: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

export function blockMessage(block: {
  piece: number;
  begin: number;
  bytes: Uint8Array;
}): Uint8Array<ArrayBuffer> {
  return concat([
    uint32(9 + block.bytes.length),
    Uint8Array.of(messageId.piece),
    uint32(block.piece),
    uint32(block.begin),
    block.bytes,
  ]);
}
