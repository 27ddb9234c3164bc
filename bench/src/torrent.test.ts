import { equal } from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { bencode } from "../../interop/clients/index.ts";
import { makeTorrent } from "./torrent.ts";

test("bencode writes keys in byte order and lengths in bytes (BEP 3)", () => {
  const text = bencode({ b: [1, "x"], a: "né", "a b": Buffer.from([0xff]) }).toString("latin1");
  equal(text, "d1:a3:n\xc3\xa93:a b1:\xff1:bli1e1:xee");
});

test("the info-hash is that of the info dictionary as it stands in the torrent", () => {
  const { torrent, infoHash } = makeTorrent({
    name: "a",
    bytes: 5,
    pieceBytes: 4,
    hashes: Buffer.alloc(40, 1),
  });
  const info = torrent.subarray("d4:info".length, -1);
  equal(infoHash, createHash("sha1").update(info).digest("hex"));
  equal(info.toString("latin1"), `d6:lengthi5e4:name1:a12:piece lengthi4e6:pieces40:${"\x01".repeat(40)}e`);
});
