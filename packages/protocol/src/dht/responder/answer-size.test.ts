import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { type Family, Prng } from "@dure/base";
import { encodeKrpc, type KrpcResponse, type ResponseBody } from "../../krpc/index.ts";
import { bytesOfAnswer, fitNodes, roomForValues } from "./answer-size.ts";
import { key } from "./testing/asking.ts";

test("the size of an answer is known before it is written, to the byte", () => {
  const prng = new Prng(6, "sizes");
  for (let run = 0; run < 2000; run += 1) {
    const answer = randomAnswer(prng);
    equal(bytesOfAnswer(answer), encodeKrpc(answer).length, `seed 6, run ${run}`);
  }
});

test("as many peers as fit are found to fit, and one more would not", () => {
  const prng = new Prng(7, "room");
  for (let run = 0; run < 2000; run += 1) {
    const answer = randomAnswer(prng);
    const family: Family = prng.chance(0.5) ? 4 : 6;
    const bytesMax = prng.between(400, 2000);
    const room = roomForValues(answer, { bytesMax, family });
    const written = (count: number) => {
      const name = family === 4 ? "values" : "values6";
      const values = new Uint8Array(count * (family === 4 ? 6 : 18)).fill(1);
      return encodeKrpc({ ...answer, body: { ...answer.body, [name]: values } }).length;
    };
    ok(room === 0 || written(room) <= bytesMax, `run ${run}`);
    ok(written(room + 1) > bytesMax, `run ${run}`);
  }
});

test("nodes are left out until an answer fits: those of the other family first, then the farthest", () => {
  const nodes = Uint8Array.from({ length: 8 * 26 }, (_, index) => index);
  const nodes6 = Uint8Array.from({ length: 8 * 38 }, (_, index) => index);
  const answer = (value: number): KrpcResponse => ({
    ...plain,
    body: { nodes, nodes6, item: { type: "immutable", value: new Uint8Array(value).fill(0x30) } },
  });
  const fitted = (value: number, family: Family) => fitNodes(answer(value), { bytesMax: 1400, family });
  const rest = bytesOfAnswer(answer(0));
  deepEqual(Object.keys(fitted(1400 - rest, 4)), ["nodes", "nodes6", "item"]);
  const { nodes: all, nodes6: none } = fitted(1400 - rest + 1, 4);
  deepEqual(all, nodes);
  equal(none, undefined);
  const six = fitted(1400 - rest + 1, 6);
  deepEqual([six.nodes, six.nodes6], [undefined, nodes6]);
  const four = 1400 - rest + "6:nodes6304:".length + 304;
  deepEqual(fitted(four, 4).nodes, nodes);
  deepEqual(fitted(four + 1, 4).nodes, nodes.subarray(0, 7 * 26));
  deepEqual(fitted(four + 26, 4).nodes, nodes.subarray(0, 7 * 26));
  deepEqual(fitted(four + 27, 4).nodes, nodes.subarray(0, 6 * 26));
});

const plain: KrpcResponse = {
  kind: "response",
  transaction: Uint8Array.of(1),
  version: undefined,
  id: key(1),
  seenAs: undefined,
  body: {},
};

function randomAnswer(prng: Prng): KrpcResponse {
  const some = <T>(value: () => T) => (prng.chance(0.5) ? value() : undefined);
  const parts: { -readonly [Key in keyof ResponseBody]: ResponseBody[Key] | undefined } = {
    nodes: some(() => new Uint8Array(26 * prng.below(9))),
    nodes6: some(() => new Uint8Array(38 * prng.below(9))),
    token: some(() => prng.bytes(8)),
    bloomSeeds: some(() => prng.bytes(256)),
    bloomPeers: some(() => prng.bytes(256)),
    samples: some(() => Array.from({ length: prng.below(21) }, () => prng.bytes(20))),
    interval: some(() => prng.below(21_601)),
    storedCount: some(() => prng.below(2001)),
    sequence: some(() => prng.below(100_000)),
  };
  const value = new TextEncoder().encode(`i${prng.below(100_000)}e`);
  const mutable = {
    publicKey: prng.bytes(32),
    signature: prng.bytes(64),
    sequence: prng.below(99_999),
    salt: new Uint8Array(),
  };
  const kind = prng.below(4);
  if (kind === 0) parts.item = { type: "immutable", value };
  if (kind === 1) parts.item = { type: "mutable", value, ...mutable };
  if (parts.item !== undefined) parts.sequence = undefined;
  return {
    ...plain,
    transaction: prng.bytes(prng.between(1, 20)),
    version: some(() => prng.bytes(prng.between(1, 16))),
    seenAs: some(() => ({ ip: prng.chance(0.5) ? "81.2.69.142" : "2001:db8::1", port: 6881 })),
    // Cast: what is undefined is taken out.
    body: Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined)) as ResponseBody,
  };
}
