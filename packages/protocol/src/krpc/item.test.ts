import { deepEqual, equal, ok } from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { test } from "node:test";
import { concat, fromHex, hex, latin1, must, utf8 } from "@dure/base";
import { encodeBencode } from "../bencode/index.ts";
import {
  type DhtItem,
  immutableTarget,
  isItemValue,
  itemTarget,
  mutableTarget,
  readTorrentValue,
  signedBytes,
  torrentValue,
} from "./index.ts";

const none = new Uint8Array();
const value = utf8("12:Hello World!");
const publicKey = bytes("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548");

// BEP 44, "Test Vectors".
const vectors = [
  {
    name: "without a salt",
    salt: none,
    signed: "3:seqi1e1:v12:Hello World!",
    target: "4a533d47ec9c7d95b1ad75f576cffc641853b750",
    signature:
      "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff" +
      "1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01",
  },
  {
    name: "with a salt",
    salt: utf8("foobar"),
    signed: "4:salt6:foobar3:seqi1e1:v12:Hello World!",
    target: "411eba73b6f087ca51a3795d9c8c938d365e32c1",
    signature:
      "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d" +
      "df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08",
  },
];

for (const { name, salt, signed, target, signature } of vectors) {
  test(`the mutable item of BEP 44 ${name}: what is signed, its signature and its target`, () => {
    const item: DhtItem = {
      type: "mutable",
      value,
      publicKey,
      signature: bytes(signature),
      sequence: 1,
      salt,
    };
    equal(latin1(signedBytes(item)), signed);
    equal(hex(itemTarget(item)), target);
    ok(isSigned(signedBytes(item), item.signature));
    ok(!isSigned(signedBytes({ ...item, sequence: 2 }), item.signature));
    ok(!isSigned(signedBytes({ ...item, salt: utf8("x") }), item.signature));
  });
}

test("the immutable item of BEP 44 has its target", () => {
  equal(hex(immutableTarget(value)), "e5f96f6f38320f0f33959cb4d3d656452117aadb");
  equal(hex(itemTarget({ type: "immutable", value })), "e5f96f6f38320f0f33959cb4d3d656452117aadb");
});

test("the targets of BEP 46 are those of its keys and salts", () => {
  const publisher = bytes("8543d3e6115f0f98c944077a4493dcd543e49c739fd998550a1f614ab36ed63e");
  equal(hex(mutableTarget(publisher, none)), "cc3f9d90b572172053626f9980ce261a850d050b");
  equal(hex(mutableTarget(publisher, bytes("6e"))), "59ee7c2cb9b4f7eb1986ee2d18fd2fdb8a56554f");
});

test("the largest sequence number is signed digit by digit", () => {
  const item = { value: utf8("i0e"), sequence: Number.MAX_SAFE_INTEGER, salt: none };
  equal(latin1(signedBytes(item)), "3:seqi9007199254740991e1:vi0e");
});

test("the value of a torrent's item is written and read (BEP 46)", () => {
  const infoHash = utf8("mnopqrstuvwxyz123456");
  equal(latin1(torrentValue(infoHash)), "d2:ih20:mnopqrstuvwxyz123456e");
  deepEqual(torrentValue(infoHash), encodeBencode({ ih: infoHash }));
  deepEqual(readTorrentValue(torrentValue(infoHash)), infoHash);
  deepEqual(readTorrentValue(encodeBencode({ a: 1, ih: infoHash, z: [] })), infoHash);
  const others = [
    "",
    "le",
    "de",
    "d2:ihi1ee",
    "d2:ih19:0123456789012345678e",
    "d2:ih20:mnopqrstuvwxyz123456",
    "12:Hello World!",
  ];
  for (const other of others) equal(readTorrentValue(utf8(other)), undefined, other);
  equal(readTorrentValue(utf8("d2:ih20:mnopqrstuvwxyz1234561:a0:e")), undefined); // unsorted
});

test("a value is one bencoded thing in its only spelling, of 32 levels at most", () => {
  for (const text of ["0:", "i-1e", "le", "de", "d0:0:1:a0:2:aa0:1:b0:e", "i99999999999999999999e"]) {
    ok(isItemValue(utf8(text)), text);
  }
  for (const text of [
    "",
    "i01e",
    "i-0e",
    "01:a",
    "1:ab",
    "1:a0:",
    "l",
    "d1:a0:0:0:e",
    "d1:a0:1:a0:e",
    "d2:aa0:1:a0:e",
    "x",
  ]) {
    ok(!isItemValue(utf8(text)), text);
  }
  const nested = (levels: number) => utf8("l".repeat(levels) + "e".repeat(levels));
  ok(isItemValue(nested(32)));
  ok(!isItemValue(nested(33)));
});

function isSigned(message: Uint8Array, signature: Uint8Array): boolean {
  // RFC 8410: the fixed head of an ed25519 key in its DER form.
  const der = concat([bytes("302a300506032b6570032100"), publicKey]);
  const key = createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
  return verify(null, message, key, signature);
}

function bytes(text: string): Uint8Array {
  return must(fromHex(text), "hex");
}
