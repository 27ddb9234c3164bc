import { byteAt } from "@dure/base";
import { utpLimits } from "./limits.ts";
import { seqAdd, seqDistance } from "./sequence.ts";

const span = utpLimits.spanPacketsMax;
const nothing = new Uint8Array(0);

/** Bytes that all connections of an endpoint keep ahead of missing packets. */
export class ReorderBudget {
  bytes = 0;
  readonly bytesMax: number;

  constructor(bytesMax: number = utpLimits.reorderBytesMax) {
    this.bytesMax = bytesMax;
  }
}

/** Packets that came before their turn. Those that cannot be kept are forgotten: they will be sent again. */
export class Reorder {
  readonly #budget: ReorderBudget;
  #packets: (Uint8Array | undefined)[] = []; // made with the first gap; a ring by sequence number
  #bytes = 0;
  #count = 0;
  #lastSeq = 0;

  constructor(budget: ReorderBudget) {
    this.#budget = budget;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#count;
  }

  /** Copies a packet that lies `distance` past the one that is expected. */
  keep(expected: number, distance: number, payload: Uint8Array): "kept" | "known" | "refused" {
    if (distance >= span) return "refused";
    if (this.#budget.bytes + payload.length > this.#budget.bytesMax) return "refused";
    if (this.#packets.length === 0) this.#packets = new Array<Uint8Array | undefined>(span).fill(undefined);
    const seq = seqAdd(expected, distance);
    if (this.#packets[seq % span] !== undefined) return "known";
    this.#packets[seq % span] = payload.length === 0 ? nothing : payload.slice();
    if (this.#count === 0 || seqDistance(expected, this.#lastSeq) < distance) this.#lastSeq = seq;
    this.#count += 1;
    this.#add(payload.length);
    return "kept";
  }

  take(seq: number): Uint8Array | undefined {
    if (this.#count === 0) return undefined;
    const packet = this.#packets[seq % span];
    if (packet === undefined) return undefined;
    this.#packets[seq % span] = undefined;
    this.#count -= 1;
    this.#add(-packet.length);
    return packet;
  }

  /** The selective acknowledgement for `expected` - 1 (BEP 29): the first bit is `expected` + 1. */
  mask(expected: number): Uint8Array<ArrayBuffer> {
    const words = Math.ceil(seqDistance(expected, this.#lastSeq) / 32);
    const mask = new Uint8Array(Math.min(Math.max(words, 1) * 4, utpLimits.selectiveAckBytesMax));
    for (let bit = 0; bit < mask.length * 8; bit += 1) {
      if (this.#packets[seqAdd(expected, bit + 1) % span] === undefined) continue;
      mask[bit >>> 3] = byteAt(mask, bit >>> 3) | (1 << (bit & 7));
    }
    return mask;
  }

  clear(): void {
    this.#packets = [];
    this.#count = 0;
    this.#add(-this.#bytes);
  }

  #add(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.bytes += bytes;
  }
}
