import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { fromLatin1, hex, infoHash, must, peerId } from "@dure/base";
import fc from "fast-check";
import {
  clientName,
  decodeHandshake,
  encodeHandshake,
  handshakeBytes,
  startsLikeHandshake,
} from "./handshake.ts";

const hash = must(infoHash("aa".repeat(20)), "a hash");
const idOf = (text: string) => must(peerId(fromLatin1(text.padEnd(20, "x"))), "20 bytes");

test("the handshake is laid out as in BEP 3, its reserved bits as in BEP 5, 6 and 10", () => {
  const bytes = encodeHandshake({ infoHash: hash, peerId: idOf("-DU0100-"), extended: true, fast: true });
  equal(bytes.length, handshakeBytes);
  equal(hex(bytes.subarray(0, 20)), hex(fromLatin1("\x13BitTorrent protocol")));
  equal(hex(bytes.subarray(20, 28)), "0000000000100004");
  equal(hex(bytes.subarray(28, 48)), "aa".repeat(20));
  const plain = { infoHash: hash, peerId: idOf("-DU0100-"), extended: false, fast: false };
  equal(hex(encodeHandshake({ ...plain, dht: true }).subarray(20, 28)), "0000000000000001");
  equal(hex(bytes.subarray(48)), hex(fromLatin1("-DU0100-xxxxxxxxxxxx")));
});

test("a handshake is read back, whatever else is reserved", () => {
  const bytes20 = fc.uint8Array({ minLength: 20, maxLength: 20 });
  const reserved = fc.uint8Array({ minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(
      bytes20,
      bytes20,
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      reserved,
      (topic, id, extended, fast, dht, noise) => {
        const sent = {
          infoHash: must(infoHash(topic), "20 bytes"),
          peerId: must(peerId(id), "20 bytes"),
          extended,
          fast,
          dht,
        };
        const bytes = encodeHandshake(sent);
        for (let index = 0; index < 8; index += 1) {
          const ours = index === 5 ? 0x10 : index === 7 ? 0x05 : 0;
          bytes[20 + index] = (bytes[20 + index] ?? 0) | ((noise[index] ?? 0) & ~ours);
        }
        deepEqual(decodeHandshake(bytes), sent);
      },
    ),
  );
});

test("another protocol is known by its first byte that differs", () => {
  const bytes = encodeHandshake({ infoHash: hash, peerId: idOf("a"), extended: false, fast: false });
  for (let length = 0; length <= bytes.length; length += 1)
    ok(startsLikeHandshake(bytes.subarray(0, length)));
  for (let index = 0; index < 20; index += 1) {
    const other = bytes.slice();
    other[index] = (other[index] ?? 0) ^ 1;
    equal(startsLikeHandshake(other.subarray(0, index)), true);
    equal(startsLikeHandshake(other.subarray(0, index + 1)), false);
  }
  equal(startsLikeHandshake(fromLatin1("GET / HTTP/1.1\r\n")), false);
});

test("programs are named by their peer ids (BEP 20)", () => {
  const names: [string, string][] = [
    ["-qB4630-", "qBittorrent 4.6.3"],
    ["-LT2080-", "libtorrent 2.0.8"],
    ["-TR3000-", "Transmission 3.0"],
    ["-WW0113-", "WebTorrent 0.1.1.3"],
    ["-DU0100-", "Dure 0.1"],
    ["-ZZ1234-", "ZZ 1.2.3.4"],
    ["-qB46A0-", "qBittorrent 4.6.10"],
    ["A2-1-36-0-", "aria2 1.36.0"],
    ["M7-2-3--", "BitTorrent 7.2.3"],
    ["Q1-0-0--", "Q 1.0.0"],
  ];
  for (const [id, name] of names) equal(clientName(idOf(id)), name);
  equal(clientName(idOf("\x00\x01\x02strange")), hex(fromLatin1("\x00\x01\x02stran")));
});
