import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { fromUtf8, infoHash, must, utf8 } from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import { decodeHttpTrackerRequest } from "./requests.ts";

const hash = "info_hash=aaaaaaaaaaaaaaaaaaaa";
const base = `/announce?${hash}&peer_id=bbbbbbbbbbbbbbbbbbbb&port=6881&left=0`;

const reasonOf = (target: string) => {
  const read = decodeHttpTrackerRequest(target);
  return read.ok ? "none" : read.reason;
};

test("an announce with the least that a tracker needs", () => {
  const read = decodeHttpTrackerRequest(base);
  ok(read.ok && read.value.type === "announce");
  const { infoHash: _, peerId: __, ...rest } = read.value;
  deepEqual(rest, {
    type: "announce",
    path: "/announce",
    port: 6881,
    uploaded: 0,
    downloaded: 0,
    left: 0,
    event: "none",
    numwant: undefined,
    key: 0,
    trackerId: undefined,
    compact: true,
    peerIds: true,
  });
});

test("details are read as clients write them", () => {
  const read = decodeHttpTrackerRequest(
    `${base}&uploaded=18446744073709551615&event=empty&numwant=-1&key=Xy-1&compact=0&no_peer_id=1&supportcrypto=1&ip=1.2.3.4&trackerid=a%20b`,
  );
  ok(read.ok && read.value.type === "announce");
  const { uploaded, event, numwant, compact, peerIds, trackerId } = read.value;
  deepEqual(
    [uploaded, event, numwant, compact, peerIds, trackerId],
    [2 ** 53 - 1, "none", undefined, false, false, "a b"],
  );
});

test("keys that are not hex still tell two clients apart", () => {
  const keyOf = (key: string) => {
    const read = decodeHttpTrackerRequest(`${base}&key=${key}`);
    return read.ok && read.value.type === "announce" && read.value.key;
  };
  equal(keyOf("FFFFFFFF"), 0xffff_ffff);
  ok(keyOf("one-client") !== keyOf("another"));
});

test("each mistake has its reason", () => {
  equal(reasonOf(`/announce?${"x".repeat(9000)}`), "too-long");
  equal(reasonOf(`${base}&é=1`), "not-ascii");
  equal(reasonOf(`${base}&%zz=1`), "bad-percent");
  equal(reasonOf("/other?x=1"), "unknown-path");
  equal(reasonOf(`${base}${"&a".repeat(101)}`), "too-many-fields");
  equal(reasonOf(`${base}&left=1`), "duplicate-field");
  equal(reasonOf("/announce"), "bad-info-hash");
  equal(reasonOf(`${base}&${hash}`), "bad-info-hash");
  equal(reasonOf(base.replace("info_hash=a", "info_hash=")), "bad-info-hash");
  equal(reasonOf(base.replace("info_hash=aaa", "info_hash=%a")), "bad-info-hash");
  equal(reasonOf(base.replace("peer_id=b", "peer_id=")), "bad-peer-id");
  equal(reasonOf(base.replace("peer_id=bbb", "peer_id=%b")), "bad-peer-id");
  equal(reasonOf(base.replace("&peer_id=bbbbbbbbbbbbbbbbbbbb", "")), "bad-peer-id");
  equal(reasonOf(base.replace("6881", "0")), "bad-port");
  equal(reasonOf(base.replace("6881", "65536")), "bad-port");
  equal(reasonOf(base.replace("&port=6881", "")), "bad-port");
  equal(reasonOf(`${base}&uploaded=-1`), "bad-uploaded");
  equal(reasonOf(`${base}&downloaded=x`), "bad-downloaded");
  equal(reasonOf(base.replace("&left=0", "")), "bad-left");
  equal(reasonOf(`${base}&event=other`), "bad-event");
  equal(reasonOf(`${base}&numwant=-2`), "bad-numwant");
  equal(reasonOf(`${base}&key=${"k".repeat(65)}`), "bad-key");
  equal(reasonOf(`${base}&key=%`), "bad-key");
  equal(reasonOf(`${base}&trackerid=%`), "bad-tracker-id");
  equal(reasonOf(`${base}&trackerid=${"k".repeat(257)}`), "bad-tracker-id");
  equal(reasonOf("/scrape"), "bad-info-hash");
  equal(reasonOf("/scrape?info_hash=x"), "bad-info-hash");
  equal(reasonOf(`/scrape?${new Array(75).fill(hash).join("&")}`), "too-many-info-hashes");
});

test("limits hold at n and give way at n + 1", () => {
  const padded = (length: number) => `${base}&x=${"y".repeat(length - base.length - 3)}`;
  equal(reasonOf(padded(8192)), "none");
  equal(reasonOf(padded(8193)), "too-long");
  equal(reasonOf(`/scrape?${new Array(74).fill(hash).join("&")}`), "none");
});

test("a space may be a plus, and empty fields are nothing", () => {
  const read = decodeHttpTrackerRequest("/scrape?&&info_hash=+aaaaaaaaaaaaaaaaaa%2b&");
  const expected = must(infoHash(utf8(" aaaaaaaaaaaaaaaaaa+")), "20 bytes");
  deepEqual(read.ok && read.value.type === "scrape" && read.value.infoHashes, [expected]);
});

test("a request cut anywhere is read or refused, never fatal", () => {
  cutEverywhere(utf8(`${base}&key=ab&event=started&numwant=1`), (bytes) =>
    decodeHttpTrackerRequest(fromUtf8(bytes)),
  );
});

test("10,000 mutated requests are read or refused, and most reasons are met", () => {
  const tally = fuzzCodec({
    name: "http-tracker-request",
    seed: 1,
    samples: [
      utf8(`${base}&uploaded=1&downloaded=2&key=ab&event=started&numwant=10&trackerid=ab`),
      utf8(`${base}&event=completed&compact=0&no_peer_id=1`),
      utf8(`/pass/scrape?${hash}&info_hash=%00%01aaaaaaaaaaaaaaaaaa`),
    ],
    decode: (bytes) => decodeHttpTrackerRequest(fromUtf8(bytes)),
  });
  ok(tally.accepted > 500, `${tally.accepted} accepted`);
  ok(tally.reasons.size >= 12, [...tally.reasons.keys()].join(" "));
});
