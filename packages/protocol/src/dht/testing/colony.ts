import type { Address, Prng } from "@dure/base";
import { type DhtKey, decodeKrpc, encodeKrpc, nodeIdFor, type QueryBody } from "../../krpc/index.ts";
import { CompactNode } from "../compact-node.ts";
import { compareDistance } from "../distance.ts";
import type { Network } from "./network.ts";

/**
 * Nodes of one owner. Each answers as the protocol has it, names the members closest to whatever is asked, gives
 * tokens, confirms what is stored, and hands out nothing of it.
 */
export class Colony {
  readonly members: CompactNode[] = [];
  readonly #network: Network;
  readonly #prng: Prng;

  constructor(network: Network) {
    this.#network = network;
    this.#prng = network.prng.split("colony");
  }

  add(id: DhtKey, address: Address): void {
    const member = CompactNode.of(id, address);
    this.members.push(member);
    this.#network.attach(address, (from, bytes) => this.#answer(member, from, bytes));
  }

  /** Each member makes itself known to these nodes, by asking them something. */
  visit(member: CompactNode, nodes: readonly Address[]): void {
    for (const to of nodes) {
      const body: QueryBody = { type: "find-node", target: this.#prng.bytes(20), want: undefined };
      const query = {
        kind: "query",
        transaction: this.#prng.bytes(4),
        version: undefined,
        id: member.id,
        readOnly: false,
        body,
      } as const;
      this.#network.carry(member.address, to, encodeKrpc(query));
    }
  }

  #answer(member: CompactNode, from: Address, bytes: Uint8Array): void {
    const heard = decodeKrpc(bytes);
    if (!heard.ok || heard.value.kind !== "query") return;
    const { body, transaction } = heard.value;
    const target =
      body.type === "get-peers"
        ? body.infoHash
        : "target" in body && body.target
          ? body.target
          : heard.value.id;
    const closest = closestOf(this.members, target, 8);
    const nodes = new Uint8Array(closest.length * 26);
    for (const [index, node] of closest.entries()) nodes.set(node.compact, index * 26);
    const response = {
      kind: "response",
      transaction,
      version: undefined,
      id: member.id,
      seenAs: from,
      body: { nodes, token: Uint8Array.of(1, 2, 3, 4) },
    } as const;
    this.#network.carry(member.address, from, encodeKrpc(response));
  }
}

/** The id closest to a target among so many that an address may have by BEP 42. */
export function craftedId(target: DhtKey, ip: string, prng: Prng, tries: number): DhtKey {
  let best = nodeIdFor(ip, prng.bytes(20));
  for (let index = 1; index < tries; index += 1) {
    const id = nodeIdFor(ip, prng.bytes(20));
    if (compareDistance(target, id, best) < 0) best = id;
  }
  return best;
}

function closestOf(nodes: readonly CompactNode[], target: DhtKey, count: number): CompactNode[] {
  const best: CompactNode[] = [];
  for (const node of nodes) {
    let place = best.length;
    while (place > 0 && compareDistance(target, node.compact, best[place - 1]!.compact) < 0) place -= 1;
    if (place >= count) continue;
    best.splice(place, 0, node);
    if (best.length > count) best.pop();
  }
  return best;
}
