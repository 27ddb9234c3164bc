import { createHash } from "node:crypto";
import type { Ms } from "@dure/base";

/**
 * What happened, as one number: every segment, every datagram and every final byte on a disk, with its time and place.
 * Two runs of one seed are the same run exactly when this is the same.
 */
export class ReplayHash {
  readonly #hash = createHash("sha1");
  readonly #head = new Float64Array(4);
  readonly #headBytes = new Uint8Array(this.#head.buffer);
  #events = 0;

  /** How much the hash covers. */
  get events(): number {
    return this.#events;
  }

  add(kind: "segment" | "datagram" | "file", now: Ms, id: number, bytes: Uint8Array): void {
    this.#head[0] = kind === "segment" ? 1 : kind === "datagram" ? 2 : 3;
    this.#head[1] = now;
    this.#head[2] = id;
    this.#head[3] = bytes.length;
    this.#hash.update(this.#headBytes);
    this.#hash.update(bytes);
    this.#events += 1;
  }

  /** Of everything until now; more may be added. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }
}
