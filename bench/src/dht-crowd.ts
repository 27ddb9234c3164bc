import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";

const nodesTold = 8;
const port = 6881;
// How many share exactly so many bits with the server's id: enough for the widest buckets, and for `k` of the deep ones.
const sharedMax = 20;
const countAt = (shared: number): number => Math.max(12, 160 >> shared);

export interface CrowdNode {
  /** Bits that its id shares with the server's. */
  readonly shared: number;
  readonly id: Buffer;
  readonly ip: string;
  readonly port: number;
}

/**
 * Nodes to fill the server's table with: real sockets, each with an address in a /24 of its own, that answer whatever they
 * are asked as a node would, naming one another.
 */
export async function openCrowd(serverId: Buffer): Promise<readonly CrowdNode[]> {
  const nodes: CrowdNode[] = []; // some 600
  for (let shared = 0; shared <= sharedMax; shared += 1) {
    for (let index = 0; index < countAt(shared); index += 1) {
      const place = nodes.length;
      nodes.push({
        shared,
        id: idBeside(serverId, shared),
        ip: `127.${64 + (place >> 8)}.${place & 255}.1`,
        port,
      });
    }
  }
  await Promise.all(nodes.map((node) => openNode(node, nodes)));
  return nodes;
}

/** Whom to look up so that every bucket is met early: one of each, again and again; the small ones are then full. */
export function targetsAmong(crowd: readonly CrowdNode[]): readonly CrowdNode[] {
  const turn = new Map<number, number>(); // one for each bucket
  const inTurns = crowd.map((node) => {
    const taken = turn.get(node.shared) ?? 0;
    turn.set(node.shared, taken + 1);
    return { node, taken };
  });
  return inTurns.sort((a, b) => a.taken - b.taken || a.node.shared - b.node.shared).map(({ node }) => node);
}

async function openNode(node: CrowdNode, others: readonly CrowdNode[]): Promise<void> {
  const socket = createSocket({ type: "udp4", lookup: literal });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ address: node.ip, port: node.port, exclusive: true }, resolve);
  });
  socket.on("message", (datagram, from) => {
    const reply = replyTo(datagram, node.id, others);
    if (reply !== undefined) socket.send(reply, from.port, from.address, () => {}); // lost is lost
  });
}

/**
 * The answer to a query, whatever it asks: the node's id, those of `others` that are closest to what it asks about, and
 * a token. Undefined for what is no query.
 */
export function replyTo(datagram: Buffer, id: Buffer, others: readonly CrowdNode[]): Buffer | undefined {
  const transaction = queryTransaction(datagram);
  if (transaction === undefined) return undefined;
  const closest = closestTo(targetOf(datagram) ?? id, others);
  return replyOf(id, Buffer.concat(closest.map(compactOf)), transaction);
}

/** Reckoned anew each time: the crowd is asked while it is made known, and hardly afterwards. */
function closestTo(target: Buffer, others: readonly CrowdNode[]): readonly CrowdNode[] {
  const near = others.map((node) => ({ node, far: distance(target, node.id) }));
  near.sort((a, b) => a.far.compare(b.far));
  return near.slice(0, nodesTold).map(({ node }) => node);
}

function distance(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, index) => byte ^ (b[index] ?? 0)));
}

function targetOf(query: Buffer): Buffer | undefined {
  for (const name of ["6:target20:", "9:info_hash20:"]) {
    const at = query.indexOf(name);
    if (at >= 0) return query.subarray(at + name.length, at + name.length + 20);
  }
  return undefined;
}

/** `t` of a query, with its length; undefined when it is no query. */
function queryTransaction(datagram: Buffer): Buffer | undefined {
  if (!datagram.includes("1:y1:q")) return undefined;
  const at = datagram.lastIndexOf("1:t");
  const colon = datagram.indexOf(":", at + 3);
  const length = Number(datagram.toString("latin1", at + 3, colon));
  if (at < 0 || !(length >= 1 && length <= 20)) return undefined;
  return datagram.subarray(at + 3, colon + 1 + length);
}

function replyOf(id: Buffer, nodes: Buffer, transaction: Buffer): Buffer {
  const text = (part: string): Buffer => Buffer.from(part, "latin1");
  return Buffer.concat([
    ...[text("d1:rd2:id20:"), id, text(`5:nodes${nodes.length}:`), nodes, text("5:token2:ok")],
    ...[text("e1:t"), transaction, text("1:y1:re")],
  ]);
}

/** A random id that shares exactly `shared` leading bits. */
export function idBeside(id: Buffer, shared: number): Buffer {
  const other = randomBytes(id.length);
  id.copy(other, 0, 0, shared >> 3);
  const bit = 0x80 >> (shared & 7);
  const kept = ~(2 * bit - 1) & 0xff; // the bits of this byte before the one that differs
  const own = id[shared >> 3] ?? 0;
  const drawn = other[shared >> 3] ?? 0;
  other[shared >> 3] = (own & kept) | (~own & bit) | (drawn & (bit - 1));
  return other;
}

function compactOf({ id, ip }: CrowdNode): Buffer {
  return Buffer.concat([id, Buffer.from(ip.split(".").map(Number)), Buffer.from([port >> 8, port & 255])]);
}

/** For sockets that are only given IP literals: without it each send waits a turn. */
export function literal(
  host: string,
  _options: object,
  done: (error: null, address: string, family: number) => void,
): void {
  done(null, host, 4);
}
