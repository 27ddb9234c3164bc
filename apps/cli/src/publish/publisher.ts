import type { KeyObject } from "node:crypto";
import { equalBytes, hex, type InfoHash, idBytes } from "@dure/base";
import type { DhtHandle, Versions } from "@dure/host-node";
import { formatMagnet, mutableTarget, torrentValue } from "@dure/protocol";
import { newestOf } from "../dht/get.ts";
import { storeItem } from "../dht/store-item.ts";

export interface PublisherParts {
  readonly dht: DhtHandle;
  readonly versions: Versions;
  readonly privateKey: KeyObject;
  readonly salt: Uint8Array;
  readonly infoHash: InfoHash;
}

export type Publication =
  | { readonly type: "stored"; readonly nodes: number; readonly sequence: number; readonly conflicts: number }
  /** No node answered, or none took it. */
  | { readonly type: "unreachable" | "refused" }
  /** A newer version was published under the key, by somebody else. */
  | { readonly type: "overtaken"; readonly sequence: number };

/** The item that says which torrent is current (BEP 46): put once, and the same again as often as it is to live on. */
export class Publisher {
  readonly publicKey: string;
  readonly target: string;
  /** What the item names. */
  readonly infoHash: InfoHash;
  readonly #parts: PublisherParts;
  readonly #key: Uint8Array;
  readonly #value: Uint8Array;
  #sequence: number | undefined;

  static async open(parts: PublisherParts): Promise<Publisher> {
    const { rawPublicKey } = await import("@dure/host-node/keys");
    return new Publisher(parts, rawPublicKey(parts.privateKey));
  }

  private constructor(parts: PublisherParts, publicKey: Uint8Array) {
    this.infoHash = parts.infoHash;
    this.#parts = parts;
    this.#key = publicKey;
    this.#value = torrentValue(idBytes(parts.infoHash));
    this.publicKey = hex(publicKey);
    this.target = hex(mutableTarget(publicKey, parts.salt));
  }

  /** What followers are given. */
  get magnet(): string {
    const { salt } = this.#parts;
    return formatMagnet({
      infoHash: null,
      infoHashV2: null,
      name: null,
      totalBytes: null,
      trackers: [],
      webSeeds: [],
      peers: [],
      peerHosts: [],
      select: null,
      publicKey: this.publicKey,
      ...(salt.length === 0 ? {} : { salt: hex(salt) }),
    });
  }

  async put(): Promise<Publication> {
    const { dht, versions, salt, privateKey, infoHash } = this.#parts;
    const target = mutableTarget(this.#key, salt);
    const { item: seen, report: looked } = await newestOf(dht, target, { salt });
    if (looked.responses === 0) return { type: "unreachable" };
    const same = seen !== undefined && equalBytes(seen.value, this.#value);
    const sequence = this.#sequence ?? this.#next(seen?.sequence, same);
    if (seen !== undefined && (seen.sequence > sequence || (seen.sequence === sequence && !same)))
      return { type: "overtaken", sequence: seen.sequence };
    const { mutableItem } = await import("@dure/host-node/keys");
    const item = mutableItem({ value: this.#value, privateKey, sequence, salt });
    // First on record: a number that was given is not given to another torrent, whatever happens now.
    versions.publish({ publicKey: this.#key, salt }, { sequence, infoHash: idBytes(infoHash) });
    this.#sequence = sequence;
    const { report, newer, conflicts } = await storeItem(dht, item, seen?.sequence);
    if (newer !== undefined) return { type: "overtaken", sequence: newer.sequence };
    if (report.stored > 0) return { type: "stored", nodes: report.stored, sequence, conflicts };
    return { type: report.responses === 0 ? "unreachable" : "refused" };
  }

  /** One more than anything that was seen or given, unless it is this torrent that was published last. */
  #next(seen: number | undefined, same: boolean): number {
    const { versions, salt, infoHash } = this.#parts;
    const item = { publicKey: this.#key, salt };
    const newest = Math.max(seen ?? 0, versions.newest(item) ?? 0);
    const last = versions.published(item);
    const again = last?.sequence === newest && equalBytes(last.infoHash, idBytes(infoHash));
    if (same ? seen === newest : again && seen !== newest) return newest;
    return newest + 1;
  }
}
