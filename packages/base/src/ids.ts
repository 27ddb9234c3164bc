import { must } from "./assert.ts";
import { fromHex, hex } from "./bytes.ts";

declare const infoHashBrand: unique symbol;
declare const peerIdBrand: unique symbol;
declare const pieceBrand: unique symbol;

/** A v1 info-hash or a truncated v2 one: 40 lower-case hex digits, so that it can be a map's key. */
export type InfoHash = string & { readonly [infoHashBrand]: true };
/** The 20 bytes of BEP 20, as 40 lower-case hex digits. */
export type PeerId = string & { readonly [peerIdBrand]: true };
/** The index of a piece, checked against its torrent's piece count. */
export type PieceIndex = number & { readonly [pieceBrand]: true };

/** From 40 hex digits (either case) or 20 bytes; undefined for anything else. */
export function infoHash(from: string | Uint8Array): InfoHash | undefined {
  return id20(from) as InfoHash | undefined; // brand: id20 checked the form
}

export function peerId(from: string | Uint8Array): PeerId | undefined {
  return id20(from) as PeerId | undefined; // brand: id20 checked the form
}

export function idBytes(id: InfoHash | PeerId): Uint8Array<ArrayBuffer> {
  return must(fromHex(id), "an id is hex");
}

function id20(from: string | Uint8Array): string | undefined {
  if (typeof from !== "string") return from.length === 20 ? hex(from) : undefined;
  return /^[0-9a-fA-F]{40}$/.test(from) ? from.toLowerCase() : undefined;
}
