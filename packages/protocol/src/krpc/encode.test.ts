import { deepEqual, equal, notEqual, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { type Address, utf8 } from "@dure/base";
import fc from "fast-check";
import { decodeBencode, encodeBencode } from "../bencode/index.ts";
import {
  type DhtItem,
  decodeKrpc,
  encodeKrpc,
  type KrpcMessage,
  type KrpcQuery,
  type KrpcResponse,
  type QueryBody,
  type ResponseBody,
  Slab,
} from "./index.ts";

const bytes = (minLength: number, maxLength = minLength) => fc.uint8Array({ minLength, maxLength });
const whole = (stride: number, most: number) =>
  fc
    .array(bytes(stride), { maxLength: most })
    .map((parts) => Uint8Array.from(parts.flatMap((part) => [...part])));
const id = bytes(20);
const sequence = fc.maxSafeNat();
const port = fc.integer({ min: 1, max: 65_535 });
const want = fc.constantFrom(
  undefined,
  { nodes4: true, nodes6: false },
  { nodes4: false, nodes6: true },
  { nodes4: true, nodes6: true },
);
const token = bytes(0, 128);
const address: fc.Arbitrary<Address> = fc.record(
  {
    ip: fc.oneof(fc.ipV4(), fc.constantFrom("::1", "2001:db8::5", "fe80::1:2")),
    port: fc.integer({ min: 0, max: 65_535 }),
  },
  { noNullPrototype: true },
);
const value = fc
  .oneof(
    fc.maxSafeInteger(),
    bytes(0, 100),
    fc.array(bytes(0, 10), { maxLength: 5 }),
    fc.constant({ ih: new Uint8Array(20) }),
  )
  .map((item) => encodeBencode(item));
const immutable = fc.record({ type: fc.constant("immutable" as const), value }, { noNullPrototype: true });
const mutable = (salt: fc.Arbitrary<Uint8Array>) =>
  fc.record(
    {
      type: fc.constant("mutable" as const),
      value,
      publicKey: bytes(32),
      signature: bytes(64),
      sequence,
      salt,
    },
    { noNullPrototype: true },
  );

function body<Type extends QueryBody["type"], Fields>(
  type: Type,
  fields: { [Key in keyof Fields]: fc.Arbitrary<Fields[Key]> },
): fc.Arbitrary<{ type: Type } & Fields> {
  return fc
    .record(fields, { noNullPrototype: true })
    .map((values) => ({ type, ...values }) as { type: Type } & Fields); // record gives what it was told
}

const queryBody: fc.Arbitrary<QueryBody> = fc.oneof(
  body("ping", {}),
  body("find-node", { target: id, want }),
  body("get-peers", { infoHash: id, want, noSeed: fc.boolean(), scrape: fc.boolean() }),
  body("announce-peer", { infoHash: id, token, port, seed: fc.boolean() }),
  body("announce-peer", {
    infoHash: id,
    token,
    port: fc.constant(undefined),
    fallbackPort: port,
    seed: fc.boolean(),
  }),
  body("get", { target: id, want, sequence: fc.option(sequence, { nil: undefined }) }),
  body("put", {
    token,
    item: fc.oneof<fc.Arbitrary<DhtItem>[]>(immutable, mutable(bytes(0, 64))),
    cas: fc.option(sequence, { nil: undefined }),
  }),
  body("sample-infohashes", { target: id, want }),
  body("unknown", {
    method: fc.constantFrom("vote", "x", "m".repeat(32)),
    target: fc.option(id, { nil: undefined }),
    want,
  }),
);

const peers = (stride: 6 | 18) =>
  whole(stride, 30).map((list) =>
    list.map((byte, index) => (index % stride === stride - 1 ? byte | 1 : byte)),
  );
const responseBody: fc.Arbitrary<ResponseBody> = fc
  .record(
    {
      nodes: whole(26, 20),
      nodes6: whole(38, 20),
      values: peers(6),
      values6: peers(18).filter((list) => list.length > 0),
      token,
      bloomSeeds: bytes(256),
      bloomPeers: bytes(256),
      item: fc.oneof<fc.Arbitrary<DhtItem>[]>(immutable, mutable(fc.constant(new Uint8Array()))),
      sequence,
      samples: fc.array(id, { maxLength: 20 }),
      interval: fc.integer({ min: 0, max: 21_600 }),
      storedCount: sequence,
    },
    { requiredKeys: [], noNullPrototype: true },
  )
  .map(withOneSequence)
  .map(withoutEmptyList);

// On the wire a mutable item and `sequence` are one field.
function withOneSequence(fields: ResponseBody): ResponseBody {
  return fields.item?.type === "mutable" ? { ...fields, sequence: fields.item.sequence } : fields;
}

// A list without IPv4 peers beside IPv6 ones reads as IPv6 peers alone.
function withoutEmptyList(fields: ResponseBody): ResponseBody {
  const { values, ...rest } = fields;
  return values?.length === 0 && rest.values6 !== undefined ? rest : fields;
}

const common = { transaction: bytes(1, 20), version: fc.option(bytes(0, 16), { nil: undefined }) };
const seenAs = fc.option(address, { nil: undefined });
const anyMessage: fc.Arbitrary<KrpcMessage> = fc.oneof(
  fc.record(
    { kind: fc.constant("query" as const), ...common, id, readOnly: fc.boolean(), body: queryBody },
    { noNullPrototype: true },
  ),
  fc.record(
    { kind: fc.constant("response" as const), ...common, id, seenAs, body: responseBody },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      kind: fc.constant("error" as const),
      ...common,
      code: fc.integer({ min: 201, max: 302 }),
      message: fc.constantFrom("", "Invalid token", "토큰이 틀렸습니다"),
      id: fc.option(id, { nil: undefined }),
      seenAs,
    },
    { noNullPrototype: true },
  ),
);

test("what is encoded is decoded to the same message", () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const result = decodeKrpc(encodeKrpc(message));
      ok(result.ok, result.ok ? "" : result.reason);
      deepEqual(result.value, message);
    }),
    { numRuns: 1000 },
  );
});

test("keys are written in the order of BEP 3: the bencode encoder, which sorts, writes the same", () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const datagram = encodeKrpc(message);
      const tree = decodeBencode(datagram);
      ok(tree.ok);
      deepEqual(encodeBencode(tree.value), datagram);
    }),
    { numRuns: 500 },
  );
});

test("messages written one after the other into a slab stay as they were", () => {
  fc.assert(
    fc.property(fc.array(anyMessage, { minLength: 1, maxLength: 20 }), (messages) => {
      const slab = new Slab(2000);
      const pieces = messages.map((message) => encodeKrpc(message, slab));
      deepEqual(
        pieces,
        messages.map((message) => encodeKrpc(message)),
      );
    }),
    { numRuns: 50 },
  );
});

test("small messages share a slab, and a used up one is left to its readers", () => {
  const slab = new Slab(2000);
  const first = encodeKrpc(query({ type: "ping" }), slab);
  const second = encodeKrpc(query({ type: "ping" }), slab);
  equal(second.buffer, first.buffer);
  equal(second.byteOffset, first.byteOffset + first.byteLength);
  let last = second;
  for (let count = 0; count < 100; count += 1) last = encodeKrpc(query({ type: "ping" }), slab);
  notEqual(last.buffer, first.buffer);
  deepEqual(first, second);
});

test("a message longer than a slab gets memory of its own size", () => {
  const nodes = new Uint8Array(26 * 20);
  const datagram = encodeKrpc(response({ nodes }), new Slab(64));
  const result = decodeKrpc(datagram);
  ok(result.ok && result.value.kind === "response");
  deepEqual(result.value.body.nodes, nodes);
});

test("an announce beside implied_port carries the port for nodes that ask for one (BEP 5)", () => {
  const announce = { type: "announce-peer", infoHash: key(20), token: key(2), seed: false } as const;
  const text = (body: QueryBody) => Buffer.from(encodeKrpc(query(body))).toString("latin1");
  ok(text({ ...announce, port: undefined, fallbackPort: 6881 }).includes("12:implied_porti1e9:info_hash"));
  ok(text({ ...announce, port: undefined, fallbackPort: 6881 }).includes("4:porti6881e"));
  ok(!text({ ...announce, port: undefined }).includes("4:port"));
  ok(!text({ ...announce, port: 6881 }).includes("implied"));
});

const wrongQueries: readonly (readonly [string, QueryBody])[] = [
  ["a target has 20 bytes", { type: "find-node", target: key(19), want: undefined }],
  ["leaves `want` out", { type: "find-node", target: key(20), want: { nodes4: false, nodes6: false } }],
  [
    "an info-hash has 20",
    { type: "get-peers", infoHash: key(21), want: undefined, noSeed: false, scrape: false },
  ],
  ["an info-hash has 20", { type: "announce-peer", infoHash: key(0), token: key(1), port: 1, seed: false }],
  [
    "a token that was accepted",
    { type: "announce-peer", infoHash: key(20), token: key(129), port: 1, seed: false },
  ],
  ["a port that can be", { type: "announce-peer", infoHash: key(20), token: key(1), port: 0, seed: false }],
  [
    "a port that can be",
    { type: "announce-peer", infoHash: key(20), token: key(1), port: 65_536, seed: false },
  ],
  ["a token that was accepted", { type: "put", token: key(129), item: text("1:x"), cas: undefined }],
  ["not negative", { type: "put", token: key(1), item: text("1:x"), cas: -1 }],
  ["integers only", { type: "get", target: key(20), want: undefined, sequence: 0.5 }],
  ["a value is bencode", { type: "put", token: key(1), item: text("1:xy"), cas: undefined }],
  [
    "at most 1,000 bytes",
    { type: "put", token: key(1), item: text(`998:${"x".repeat(998)}`), cas: undefined },
  ],
  [
    "a public key has 32",
    { type: "put", token: key(1), item: signed({ publicKey: key(31) }), cas: undefined },
  ],
  [
    "a signature has 64",
    { type: "put", token: key(1), item: signed({ signature: key(65) }), cas: undefined },
  ],
  ["at most 64 bytes", { type: "put", token: key(1), item: signed({ salt: key(65) }), cas: undefined }],
  ["1 to 32 characters", { type: "unknown", method: "", target: undefined, want: undefined }],
  ["1 to 32 characters", { type: "unknown", method: "m".repeat(33), target: undefined, want: undefined }],
  ["is not written again", { type: "malformed", method: "get", code: 203 }],
];

for (const [belief, wrong] of wrongQueries) {
  test(`our own mistake is thrown: ${wrong.type}, ${belief}`, () => {
    throws(() => encodeKrpc(query(wrong)), new RegExp(belief));
  });
}

const wrongResponses: readonly (readonly [string, ResponseBody])[] = [
  ["whole entries", { nodes: key(25) }],
  ["whole entries", { nodes6: key(26) }],
  ["whole entries", { values: key(7) }],
  ["whole entries", { values6: key(6) }],
  ["at most 128 bytes", { token: key(129) }],
  ["256 bytes", { bloomSeeds: key(255) }],
  ["256 bytes", { bloomPeers: key(257) }],
  ["an info-hash has 20", { samples: [key(20), key(19)] }],
  ["six hours", { interval: 21_601 }],
  ["not negative", { storedCount: -1 }],
  ["a value is bencode", { item: text("") }],
];

for (const [belief, wrong] of wrongResponses) {
  test(`our own mistake is thrown: an answer, ${belief}, ${Object.keys(wrong)[0]}`, () => {
    throws(() => encodeKrpc(response(wrong)), new RegExp(belief));
  });
}

test("an envelope of ours that nobody would accept is thrown", () => {
  const ping = query({ type: "ping" });
  throws(() => encodeKrpc({ ...ping, transaction: key(0) }), /a transaction has 1 to 20 bytes/);
  throws(() => encodeKrpc({ ...ping, transaction: key(21) }), /a transaction has 1 to 20 bytes/);
  throws(() => encodeKrpc({ ...ping, version: key(17) }), /a version has at most 16 bytes/);
  throws(() => encodeKrpc({ ...ping, id: key(19) }), /an id has 20 bytes/);
  const error = {
    kind: "error",
    transaction: key(2),
    version: undefined,
    id: undefined,
    seenAs: undefined,
  } as const;
  throws(() => encodeKrpc({ ...error, code: 201, message: "e".repeat(101) }), /at most 100 characters/);
  throws(() => encodeKrpc({ ...error, code: 201, message: "", id: key(19) }), /an id has 20 bytes/);
});

function query(of: QueryBody): KrpcQuery {
  return { kind: "query", transaction: key(2), version: undefined, id: key(20), readOnly: false, body: of };
}

function response(of: ResponseBody): KrpcResponse {
  return {
    kind: "response",
    transaction: key(2),
    version: undefined,
    id: key(20),
    seenAs: undefined,
    body: of,
  };
}

function key(length: number): Uint8Array {
  return new Uint8Array(length);
}

function text(bencoded: string): DhtItem {
  return { type: "immutable", value: utf8(bencoded) };
}

function signed(fields: Partial<Extract<DhtItem, { type: "mutable" }>>): DhtItem {
  return {
    type: "mutable",
    value: utf8("1:x"),
    publicKey: key(32),
    signature: key(64),
    sequence: 1,
    salt: key(0),
    ...fields,
  };
}
