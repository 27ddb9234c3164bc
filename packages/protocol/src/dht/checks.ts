import { type Address, formatAddress, type Ms, ms } from "@dure/base";
import type { KrpcResponse } from "../krpc/index.ts";
import type { Asker, Purpose } from "./asker.ts";
import { CompactNode } from "./compact-node.ts";
import { keyBeside, sharedBits } from "./distance.ts";
import type { Endpoint } from "./endpoint.ts";

/** Nodes that wait to be asked whether they live. At the top new ones are refused: a flood of senders is no news. */
const waitingMax = 64;
/** Two a second, whoever sends us what: nobody is flooded through us. */
const checkWait = 500;

/**
 * Asks nodes we were told of, or that asked us, whether they are there: the table takes only those that answer. Also
 * the way in for addresses whose ids are not known.
 */
export class Checks implements Asker {
  readonly #endpoint: Endpoint;
  readonly #waiting = new Map<string, { readonly to: Address; readonly node: CompactNode | undefined }>(); // bounded by waitingMax
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  get full(): boolean {
    return this.#waiting.size >= waitingMax;
  }

  /** A node that asked us, or was named to us: asked where the table is thin. Lookups fill the rest of wide buckets. */
  suggest(node: CompactNode): void {
    const { table, family } = this.#endpoint;
    if (this.full || node.family !== family || node.reach === "impossible") return;
    if (table.isThinFor(node) && table.wants(node)) {
      this.#waiting.set(formatAddress(node.address), { to: node.address, node });
    }
  }

  /** Named by another node. */
  suggestCompact(nodes: Uint8Array | undefined): void {
    const size = this.#endpoint.family === 4 ? 26 : 38;
    for (let at = 0; nodes !== undefined && at + size <= nodes.length; at += size) {
      this.suggest(new CompactNode(new Uint8Array(nodes.subarray(at, at + size))));
    }
  }

  /** An address somebody told us. */
  suggestAddress(address: Address): void {
    if (!this.full) this.#waiting.set(formatAddress(address), { to: address, node: undefined });
  }

  wake(now: Ms): void {
    if (now < this.#nextAt) return;
    for (const [key, { to, node }] of this.#waiting) {
      this.#waiting.delete(key);
      if (node !== undefined && !this.#endpoint.table.wants(node)) continue;
      if (this.#endpoint.awaits(to)) continue;
      this.#endpoint.ask(now, { asker: this, to, node, candidate: undefined }, { type: "ping" });
      this.#nextAt = now + checkWait;
      return;
    }
  }

  deadline(): Ms | undefined {
    return this.#waiting.size === 0 ? undefined : ms(Math.max(0, this.#nextAt));
  }

  /** As good as a ping, and it may name somebody for a bucket that has room. */
  askStalest(now: Ms, node: CompactNode): void {
    const { table, prng } = this.#endpoint;
    const target = keyBeside(table.ownId, sharedBits(table.ownId, node.compact), prng.bytes(20));
    const purpose = { asker: this, to: node.address, node, candidate: undefined };
    this.#endpoint.ask(now, purpose, { type: "find-node", target, want: undefined });
  }

  // The endpoint has told the table already.
  answered(_now: Ms, _purpose: Purpose, response: KrpcResponse): void {
    this.suggestCompact(response.body.nodes ?? response.body.nodes6);
  }

  refused(): void {}
  slow(): void {}
  silent(): void {}
}
