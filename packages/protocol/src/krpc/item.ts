import { concat, utf8 } from "@dure/base";
import { sha1 } from "@noble/hashes/legacy.js";
import { Fields } from "./fields.ts";
import { nodeIdBytes } from "./limits.ts";
import type { DhtItem, DhtKey } from "./messages.ts";
import { dictByte, Names, skipValue } from "./scan.ts";

/*
 * BEP 44: items are stored under
 *
 *   immutable   sha1(v)
 *   mutable     sha1(k + salt)
 *
 * and the signature of a mutable one is over `4:salt<n>:<salt>3:seqi<seq>e1:v<v>`, without the salt's part when the
 * salt is empty. `v` is the bencoded value, byte for byte.
 */

/** Lists and dictionaries open at once within a value. */
const valueLevelsMax = 32;

/** Whether the bytes are one bencoded value in its only spelling, as what is hashed and signed must be. Of any length. */
export function isItemValue(bytes: Uint8Array): boolean {
  return skipValue(bytes, 0, valueLevelsMax, true) === bytes.length;
}

/** The key under which an item is stored. */
export function itemTarget(item: DhtItem): DhtKey {
  return item.type === "immutable" ? immutableTarget(item.value) : mutableTarget(item.publicKey, item.salt);
}

export function immutableTarget(value: Uint8Array): DhtKey {
  return sha1(value);
}

export function mutableTarget(publicKey: Uint8Array, salt: Uint8Array): DhtKey {
  return sha1(salt.length === 0 ? publicKey : concat([publicKey, salt]));
}

/** What the signature of a mutable item is over. */
export function signedBytes(item: {
  readonly value: Uint8Array;
  readonly sequence: number;
  readonly salt: Uint8Array;
}): Uint8Array {
  const salt = item.salt.length === 0 ? [] : [utf8(`4:salt${item.salt.length}:`), item.salt];
  return concat([...salt, utf8(`3:seqi${item.sequence}e1:v`), item.value]);
}

/** BEP 46: the value of an item that names the current version of a torrent, `d2:ih20:<info-hash>e`. */
export function torrentValue(infoHash: DhtKey): Uint8Array {
  return concat([utf8("d2:ih20:"), infoHash, utf8("e")]);
}

/** The info-hash that BEP 46's value names: a view. Undefined when the value is another. */
export function readTorrentValue(value: Uint8Array): DhtKey | undefined {
  if (value[0] !== dictByte || !isItemValue(value)) return undefined;
  return new Fields(value, 0, torrentNames).bytes(0, nodeIdBytes, nodeIdBytes);
}

const torrentNames = new Names(["ih"]);
