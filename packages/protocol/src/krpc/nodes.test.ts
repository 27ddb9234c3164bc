import { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";
import { concat, fromLatin1, utf8 } from "@dure/base";
import fc from "fast-check";
import {
  compactNodeBytes,
  compactPeerBytes,
  type KrpcNode,
  peersOf,
  readNodes,
  writeNodes,
} from "./index.ts";

const id = utf8("abcdefghij0123456789");

test("a node is its id, its address and its port (BEP 5, 32)", () => {
  deepEqual(readNodes(concat([id, Uint8Array.of(1, 2, 3, 4, 0x1a, 0xe1)]), 4), [
    { id, address: { ip: "1.2.3.4", port: 6881 } },
  ]);
  const ip6 = Uint8Array.of(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
  deepEqual(readNodes(concat([id, ip6, Uint8Array.of(0xff, 0xff)]), 6), [
    { id, address: { ip: "2001:db8::1", port: 65_535 } },
  ]);
  deepEqual(
    [compactNodeBytes(4), compactNodeBytes(6), compactPeerBytes(4), compactPeerBytes(6)],
    [26, 38, 6, 18],
  );
});

test("a node of port 0 and a trailing fragment are left out", () => {
  const node = (port: number) => concat([id, Uint8Array.of(1, 2, 3, 4, port >>> 8, port & 0xff)]);
  const list = concat([node(0), node(1), node(256), node(0), id]);
  deepEqual(
    readNodes(list, 4).map(({ address }) => address.port),
    [1, 256],
  );
  deepEqual(readNodes(new Uint8Array(), 4), []);
  deepEqual(readNodes(new Uint8Array(37), 6), []);
});

test("the ids are views of the list", () => {
  const list = concat([id, Uint8Array.of(1, 2, 3, 4, 0, 1)]);
  equal(readNodes(list, 4)[0]?.id.buffer, list.buffer);
});

test("what is written is read back", () => {
  const port = fc.integer({ min: 1, max: 65_535 });
  const nodesOf = (ip: fc.Arbitrary<string>): fc.Arbitrary<KrpcNode[]> => {
    const address = fc.record({ ip, port }, { noNullPrototype: true });
    const bytes = fc.uint8Array({ minLength: 20, maxLength: 20 });
    return fc.array(fc.record({ id: bytes, address }, { noNullPrototype: true }), { maxLength: 20 });
  };
  fc.assert(fc.property(nodesOf(fc.ipV4()), (nodes) => deepEqual(readNodes(writeNodes(nodes, 4), 4), nodes)));
  const ip6 = fc.constantFrom("::1", "2001:db8::", "fe80::1:0:0:1");
  fc.assert(fc.property(nodesOf(ip6), (nodes) => deepEqual(readNodes(writeNodes(nodes, 6), 6), nodes)));
});

test("a list of two families and an id of another length are our own mistakes", () => {
  const address = { ip: "1.2.3.4", port: 1 };
  throws(() => writeNodes([{ id, address }], 6), /one family/);
  throws(() => writeNodes([{ id: id.subarray(1), address }], 4), /20 bytes/);
});

test("the peers of an answer are those of both lists, IPv4 first", () => {
  const values = fromLatin1("axje.uidhtnm");
  const values6 = concat([new Uint8Array(15), Uint8Array.of(1, 0, 80)]);
  deepEqual(peersOf({ values6, values }), [
    { ip: "97.120.106.101", port: 0x2e75 },
    { ip: "105.100.104.116", port: 0x6e6d },
    { ip: "::1", port: 80 },
  ]);
  deepEqual(peersOf({}), []);
});
