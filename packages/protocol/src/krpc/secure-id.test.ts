import { equal, notEqual, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { fromHex, hex, must, Prng, utf8 } from "@dure/base";
import { crc32c, isNodeIdValid, nodeIdFor } from "./index.ts";

// BEP 42, "test vectors": address, last byte, id.
const vectors: readonly (readonly [string, number, string])[] = [
  ["124.31.75.21", 1, "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"],
  ["21.75.31.124", 86, "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"],
  ["65.23.51.170", 22, "a5d43220bc8f112a3d426c84764f8c2a1150e616"],
  ["84.124.73.14", 65, "1b0321dd1bb1fe518101ceef99462b947a01ff41"],
  ["43.213.53.83", 90, "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"],
];

for (const [ip, last, text] of vectors) {
  test(`the id of BEP 42 for ${ip} is made and believed, and not from another address`, () => {
    const id = must(fromHex(text), "hex");
    equal(id[19], last);
    ok(isNodeIdValid(id, ip));
    equal(hex(nodeIdFor(ip, id)), text); // the free bits are those of the vector
    for (const [other] of vectors) equal(isNodeIdValid(id, other), other === ip);
  });
}

test("of the prefix exactly 21 bits count", () => {
  const id = must(fromHex(vectors[0]?.[2] ?? ""), "hex");
  for (let bit = 0; bit < 160; bit += 1) {
    const changed = Uint8Array.from(id);
    changed[bit >>> 3] = (changed[bit >>> 3] ?? 0) ^ (0x80 >>> (bit & 7));
    const counts = bit < 21 || bit >= 157; // r is the low three bits of the last byte
    equal(isNodeIdValid(changed, "124.31.75.21"), !counts, `bit ${bit}`);
  }
});

test("an IPv6 address binds by its upper 64 bits", () => {
  const random = new Prng(1).bytes(20);
  const id = nodeIdFor("2001:4860:1234:5678::1", random);
  ok(isNodeIdValid(id, "2001:4860:1234:5678:ffff::2"));
  ok(!isNodeIdValid(id, "2001:4860:1234:5679::1"));
  equal(hex(id.subarray(3)), hex(random.subarray(3)));
});

test("ids that were made are valid for their address, and random ones hardly ever", () => {
  const prng = new Prng(42);
  let lucky = 0;
  for (let run = 0; run < 2000; run += 1) {
    const ip = `${prng.between(11, 99)}.${prng.below(256)}.${prng.below(256)}.${prng.below(256)}`;
    const random = prng.bytes(20);
    ok(isNodeIdValid(nodeIdFor(ip, random), ip), ip);
    if (isNodeIdValid(random, ip)) lucky += 1;
  }
  ok(lucky <= 1, `${lucky} of 2,000; 1 in 2^21 is expected`);
});

test("local addresses are exempt, others are not", () => {
  const id = new Uint8Array(20).fill(0xaa);
  const local = [
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.1.1",
    "127.0.0.1",
    "::1",
    "fe80::1",
    "fd00::1",
  ];
  for (const ip of local) ok(isNodeIdValid(id, ip), ip);
  for (const ip of ["8.8.8.8", "172.32.0.1", "0.0.0.0", "224.0.0.1", "2001:4860::1"])
    ok(!isNodeIdValid(id, ip), ip);
});

test("what is no id or no address is not valid", () => {
  ok(!isNodeIdValid(new Uint8Array(19), "127.0.0.1"));
  ok(!isNodeIdValid(new Uint8Array(20), "localhost"));
  throws(() => nodeIdFor("localhost", new Uint8Array(20)), /an IP literal/);
  throws(() => nodeIdFor("1.2.3.4", new Uint8Array(19)), /as many random bytes/);
});

test("random bytes are not written to, also when they are a Node buffer", () => {
  const random = Buffer.alloc(20, 7);
  const id = nodeIdFor("124.31.75.21", random);
  notEqual(hex(id), hex(random));
  ok(random.every((byte) => byte === 7));
});

test("crc32c is Castagnoli's (RFC 3720, B.4)", () => {
  equal(crc32c(utf8("123456789")), 0xe306_9283);
  equal(crc32c(new Uint8Array(32)), 0x8a91_36aa);
  equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8_ab43);
  equal(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index)), 0x46dd_794e);
  equal(crc32c(new Uint8Array()), 0);
});
