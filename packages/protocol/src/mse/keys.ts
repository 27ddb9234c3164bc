import { byteAt, concat, fromLatin1, type InfoHash, idBytes } from "@dure/base";
import { sha1 } from "@noble/hashes/legacy.js";
import { Rc4 } from "./rc4.ts";

/** HASH of the specification: SHA-1 of what follows one another. */
function hash(label: string, ...parts: readonly Uint8Array[]): Uint8Array {
  return sha1(concat([fromLatin1(label), ...parts]));
}

/** Tells the other side where our padding ends. */
export function syncMark(secret: Uint8Array): Uint8Array {
  return hash("req1", secret);
}

/** Names a torrent to whoever knows it. */
export function torrentMark(infoHash: InfoHash): Uint8Array {
  return hash("req2", idBytes(infoHash));
}

/** HASH('req2', SKEY) xor HASH('req3', S), and with the mask once more its undoing. */
export function maskTorrent(mark: Uint8Array, secret: Uint8Array): Uint8Array {
  const mask = hash("req3", secret);
  return mark.map((byte, index) => byte ^ byteAt(mask, index));
}

/** `a`: from who began the connection. `b`: from who answered. */
export function directionCipher(direction: "a" | "b", secret: Uint8Array, infoHash: InfoHash): Rc4 {
  return new Rc4(hash(direction === "a" ? "keyA" : "keyB", secret, idBytes(infoHash)));
}

/** Takes the same time wherever they differ. */
export function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index += 1) difference |= byteAt(a, index) ^ byteAt(b, index);
  return difference === 0;
}
