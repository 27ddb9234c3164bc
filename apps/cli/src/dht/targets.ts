import { fromHex, type InfoHash, must, utf8 } from "@dure/base";
import type { DhtKey } from "@dure/host-node";
import { krpcLimits, mutableTarget, parseInfoHash, parseMagnet } from "@dure/protocol";
import { usageError } from "../errors.ts";

const publicKeyBytes = 32;

/** Twenty bytes, as hex digits. */
export function readKey(text: string): DhtKey {
  const key = fromHex(text);
  if (key?.length !== 20) throw usageError("dht.bad-key", { value: text });
  return key;
}

/** An info-hash, or a magnet link that holds one. */
export function readInfoHash(text: string): InfoHash {
  const magnet = /^magnet:/i.test(text) ? parseMagnet(text) : undefined;
  const found = magnet?.ok === true ? magnet.value.infoHash : parseInfoHash(text);
  if (found === null || found === undefined) throw usageError("dht.bad-info-hash", { value: text });
  return found;
}

/** The target of an item: itself, or a public key that with the salt makes one (BEP 44). */
export function readTarget(text: string, salt: Uint8Array): DhtKey {
  const bytes = fromHex(text);
  if (bytes?.length === 20) return bytes;
  if (bytes?.length === publicKeyBytes) return mutableTarget(bytes, salt);
  throw usageError("dht.bad-target", { value: text });
}

/** A salt as it is typed: its UTF-8 bytes. */
export function readSalt(text: string | undefined): Uint8Array {
  const salt = utf8(text ?? "");
  const max = krpcLimits.saltBytesMax;
  if (salt.length > max) throw usageError("dht.salt-too-long", { max, bytes: salt.length });
  return salt;
}

/** Who publishes, and which of their items: a public key in hex, or the magnet link that `dure publish` prints (BEP 46). */
export interface Publisher {
  readonly publicKey: Uint8Array;
  readonly salt: Uint8Array;
  /** From a link, beside the publisher. */
  readonly trackers: readonly string[];
  readonly peers: readonly string[];
}

export function readPublisher(text: string, salt: string | undefined): Publisher {
  if (!/^magnet:/i.test(text)) {
    const publicKey = fromHex(text);
    if (publicKey?.length !== publicKeyBytes) throw usageError("follow.bad-publisher", { value: text });
    return { publicKey, salt: readSalt(salt), trackers: [], peers: [] };
  }
  const parsed = parseMagnet(text);
  if (!parsed.ok) throw usageError("torrent.bad-magnet", { reason: parsed.reason });
  const magnet = parsed.value;
  if (magnet.publicKey === undefined) throw usageError("follow.no-publisher");
  if (salt !== undefined && magnet.salt !== undefined) throw usageError("follow.two-salts");
  const own = must(fromHex(magnet.salt ?? ""), "the parser reads hex alone");
  const peers = [...magnet.peers.map(({ ip, port }) => ({ host: ip.includes(":") ? `[${ip}]` : ip, port }))];
  return {
    publicKey: must(fromHex(magnet.publicKey), "the parser reads hex alone"),
    salt: magnet.salt === undefined ? readSalt(salt) : own,
    trackers: magnet.trackers,
    peers: [...peers, ...magnet.peerHosts].map(({ host, port }) => `${host}:${port}`),
  };
}
