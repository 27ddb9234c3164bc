import type { Family } from "@dure/base";
import type { KrpcResponse, ResponseBody } from "../../krpc/index.ts";

/** The parts of an answer that can be left out for the sake of its size. */
export interface Fitting {
  readonly bytesMax: number;
  /** Nodes of the other family are left out first (BEP 33: "only returning the mandatory node lists"). */
  readonly family: Family;
}

/** The body with as many nodes as the answer has room for, the closest ones. */
export function fitNodes(answer: KrpcResponse, { bytesMax, family }: Fitting): ResponseBody {
  const { body } = answer;
  let excess = bytesOfAnswer(answer) - bytesMax;
  if (excess <= 0) return body;
  const { nodes, nodes6, ...rest } = body;
  const own = family === 4 ? nodes : nodes6;
  const other = family === 4 ? nodes6 : nodes;
  if (own !== undefined && other !== undefined) excess -= bytesOfNodes(family === 4 ? 6 : 4, other);
  const kept = own ?? other;
  if (kept === undefined) return rest;
  const keptFamily = own === undefined ? (family === 4 ? 6 : 4) : family;
  const size = keptFamily === 4 ? 26 : 38;
  const count = Math.max(0, Math.floor((kept.length - Math.max(0, excess)) / size));
  const cut = kept.subarray(0, count * size);
  return keptFamily === 4 ? { ...rest, nodes: cut } : { ...rest, nodes6: cut };
}

/** How many peers still fit. */
export function roomForValues(answer: KrpcResponse, { bytesMax, family }: Fitting): number {
  const room = bytesMax - bytesOfAnswer(answer) - "6:valuesle".length;
  return Math.max(0, Math.floor(room / (family === 4 ? "6:".length + 6 : "18:".length + 18)));
}

/** The length of the datagram, `values` aside: what `encodeKrpc` writes. */
export function bytesOfAnswer(answer: KrpcResponse): number {
  const { body, version, seenAs } = answer;
  let bytes = "d1:rd2:id20:e1:t1:y1:re".length + answer.id.length + bytesOfString(answer.transaction.length);
  if (version !== undefined) bytes += "1:v".length + bytesOfString(version.length);
  if (seenAs !== undefined) bytes += "2:ip".length + bytesOfString(seenAs.ip.includes(":") ? 18 : 6);
  if (body.nodes !== undefined) bytes += bytesOfNodes(4, body.nodes);
  if (body.nodes6 !== undefined) bytes += bytesOfNodes(6, body.nodes6);
  if (body.token !== undefined) bytes += "5:token".length + bytesOfString(body.token.length);
  if (body.bloomSeeds !== undefined) bytes += "4:BFsd".length + bytesOfString(body.bloomSeeds.length);
  if (body.bloomPeers !== undefined) bytes += "4:BFpe".length + bytesOfString(body.bloomPeers.length);
  if (body.samples !== undefined) bytes += "7:samples".length + bytesOfString(20 * body.samples.length);
  if (body.interval !== undefined) bytes += "8:intervalie".length + digitsOf(body.interval);
  if (body.storedCount !== undefined) bytes += "3:numie".length + digitsOf(body.storedCount);
  const sequence = body.item?.type === "mutable" ? body.item.sequence : body.sequence;
  if (sequence !== undefined) bytes += "3:seqie".length + digitsOf(sequence);
  if (body.item === undefined) return bytes;
  bytes += "1:v".length + body.item.value.length;
  return body.item.type === "immutable" ? bytes : bytes + "1:k32:".length + 32 + "3:sig64:".length + 64;
}

function bytesOfNodes(family: Family, nodes: Uint8Array): number {
  return (family === 4 ? "5:nodes" : "6:nodes6").length + bytesOfString(nodes.length);
}

function bytesOfString(length: number): number {
  return digitsOf(length) + ":".length + length;
}

// Without making the text: this is asked some twenty times an answer.
function digitsOf(natural: number): number {
  let digits = 1;
  for (let rest = natural; rest >= 10; rest = Math.floor(rest / 10)) digits += 1;
  return digits;
}
