import { createHash, type Hash, hash as hashOnce } from "node:crypto";
import { must } from "@dure/base";
import { merkleLimits, rootOf } from "@dure/protocol";

/** What a piece is hashed with: SHA-1, or a tree over its blocks (BEP 52). */
export type PieceHash = Hash | MerkleHash;

/** The tree over blocks that come in any portions. Pads are not part of it. */
export class MerkleHash {
  /** Leaves that the tree is balanced to. */
  readonly #width: number;
  readonly #leaves: Buffer[] = []; // bounded by the width
  #block: Hash | undefined;
  #filled = 0;

  constructor(width: number) {
    this.#width = width;
  }

  update(bytes: Uint8Array): this {
    const { blockBytes } = merkleLimits;
    for (let at = 0; at < bytes.length; ) {
      const count = Math.min(blockBytes - this.#filled, bytes.length - at);
      const part = bytes.subarray(at, at + count);
      at += count;
      if (count === blockBytes) this.#leaves.push(sha256(part));
      else this.#gather(part);
    }
    return this;
  }

  digest(): Buffer {
    if (this.#block !== undefined) this.#leaves.push(this.#block.digest());
    this.#block = undefined;
    const row = { hashes: Buffer.concat(this.#leaves), height: 0 };
    return Buffer.from(rootOf(row, this.#width, sha256));
  }

  #gather(part: Uint8Array): void {
    this.#block ??= createHash("sha256");
    this.#block.update(part);
    this.#filled += part.length;
    if (this.#filled < merkleLimits.blockBytes) return;
    this.#leaves.push(must(this.#block, "it is being filled").digest());
    this.#block = undefined;
    this.#filled = 0;
  }
}

function sha256(bytes: Uint8Array): Buffer {
  return hashOnce("sha256", bytes, "buffer");
}
