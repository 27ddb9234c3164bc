import { randomBytes } from "node:crypto";

/*
 * The load's datagrams, apart from our own codec: what measures it must not be made by it.
 *
 *   d1:ad2:id20:<id>[6:target20:<t>|9:info_hash20:<t>]e1:q4:ping1:t4:<transaction>1:y1:qe
 */

export type QueryKind = "ping" | "find_node" | "get_peers";

const targetName: Readonly<Record<QueryKind, string>> = {
  ping: "",
  find_node: "6:target20:",
  get_peers: "9:info_hash20:",
};
const targetBytes = 20;
/** Enough for a target at any offset to be one of its own. */
const chance = randomBytes(1 << 16);

/** A query of one node that is sent again and again, each time with another target and transaction. */
export class QueryTemplate {
  readonly kind: QueryKind;
  readonly #bytes: Buffer;
  readonly #targetAt: number;
  readonly #transactionAt: number;

  constructor(kind: QueryKind, id: Buffer) {
    const hasTarget = kind !== "ping";
    const head = Buffer.concat([Buffer.from("d1:ad2:id20:"), id, Buffer.from(targetName[kind])]);
    const body = Buffer.concat([
      head,
      Buffer.alloc(hasTarget ? targetBytes : 0),
      Buffer.from(`e1:q${kind.length}:${kind}1:t4:`),
    ]);
    this.kind = kind;
    this.#bytes = Buffer.concat([body, Buffer.alloc(4), Buffer.from("1:y1:qe")]);
    this.#targetAt = hasTarget ? head.length : -1;
    this.#transactionAt = body.length;
  }

  /** The same memory each time: the kernel has copied it when `send` returns. */
  with(transaction: number): Buffer {
    if (this.#targetAt >= 0) {
      const offset = Math.floor(Math.random() * (chance.length - targetBytes));
      chance.copy(this.#bytes, this.#targetAt, offset, offset + targetBytes);
    }
    this.#bytes.writeUInt32BE(transaction, this.#transactionAt);
    return this.#bytes;
  }
}

const beforeTransaction = Buffer.from("1:t4:");
const response = Buffer.from("1:y1:re");
const beforeId = Buffer.from("2:id20:");
const beforeNodes = Buffer.from("5:nodes");
const beforeToken = Buffer.from("5:token");
const nodeBytes = 26;
/** What each of the three tells of its table: `k` of BEP 5. */
const nodesMin = 8;

/** Our transaction in a datagram; -1 when it has none of ours. */
export function transactionOf(datagram: Buffer): number {
  const at = datagram.lastIndexOf(beforeTransaction);
  return at < 0 || at + 9 > datagram.length ? -1 : datagram.readUInt32BE(at + 5);
}

/** Whether it answers such a query as BEP 5 asks, from a table that is not empty. */
export function isAnswer(kind: QueryKind, datagram: Buffer): boolean {
  if (datagram.compare(response, 0, response.length, datagram.length - response.length) !== 0) return false;
  if (!datagram.includes(beforeId)) return false;
  if (kind === "ping") return true;
  return tellsNodes(datagram) && (kind === "find_node" || datagram.includes(beforeToken));
}

function tellsNodes(datagram: Buffer): boolean {
  let at = datagram.indexOf(beforeNodes);
  if (at < 0) return false;
  let length = 0;
  for (at += beforeNodes.length; ; at += 1) {
    const digit = (datagram[at] ?? 0) - 48;
    if (digit < 0 || digit > 9) break;
    length = length * 10 + digit;
  }
  return length % nodeBytes === 0 && length >= nodesMin * nodeBytes && at + length < datagram.length;
}
