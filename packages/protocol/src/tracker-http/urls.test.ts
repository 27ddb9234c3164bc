import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { hex, infoHash, must, peerId, utf8 } from "@dure/base";
import fc from "fast-check";
import type { AnnounceRequest } from "../tracker/index.ts";
import { decodeHttpTrackerRequest } from "./requests.ts";
import { announceUrl, scrapeUrl } from "./urls.ts";

const request: AnnounceRequest = {
  infoHash: must(infoHash("123456789abcdef123456789abcdef123456789a"), "a hash"),
  peerId: must(peerId(utf8("-DU0001-~._ab+ &=%/?")), "an id"),
  port: 6881,
  uploaded: 1,
  downloaded: 2,
  left: 3,
  event: "started",
  key: 0xab,
  numwant: 80,
  trackerId: "x\u00ff",
};

test("every byte that a query cannot hold is percent-encoded", () => {
  equal(
    announceUrl("http://t.example/announce", request),
    "http://t.example/announce?info_hash=%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%124Vx%9A" +
      "&peer_id=-DU0001-~._ab%2B%20%26%3D%25%2F%3F&port=6881&uploaded=1&downloaded=2&left=3&compact=1&no_peer_id=1" +
      "&key=000000AB&event=started&numwant=80&trackerid=x%FF",
  );
});

test("a regular announce names no event, and leaves out what it does not say", () => {
  const url = announceUrl("http://t.example/announce", {
    ...request,
    event: "none",
    numwant: undefined,
    trackerId: undefined,
  });
  ok(!/event|numwant|trackerid/.test(url));
});

test("a query that the tracker's URL has stays in front, byte for byte", () => {
  const joined = (tracker: string) => announceUrl(tracker, request).split("info_hash")[0];
  equal(joined("https://t.example/announce?passkey=a%2fB&x"), "https://t.example/announce?passkey=a%2fB&x&");
  equal(joined("https://t.example/announce?"), "https://t.example/announce?");
  equal(joined("https://t.example/announce?a=b&"), "https://t.example/announce?a=b&");
  equal(joined("https://t.example/announce#part"), "https://t.example/announce?");
  equal(joined("https://t.example/한 글/announce"), "https://t.example/%ED%95%9C%20%EA%B8%80/announce?");
});

test("the scrape URL is the announce URL with one word changed in the last part of its path (BEP 48)", () => {
  equal(scrapeUrl("http://t.example/announce"), "http://t.example/scrape");
  equal(scrapeUrl("http://t.example/x/announce"), "http://t.example/x/scrape");
  equal(scrapeUrl("http://t.example/announce.php"), "http://t.example/scrape.php");
  equal(scrapeUrl("http://t.example/announce?x2%0644"), "http://t.example/scrape?x2%0644");
  equal(scrapeUrl("http://t.example/announce?x=2/4"), "http://t.example/scrape?x=2/4");
  equal(scrapeUrl("http://announce.example/announce#x"), "http://announce.example/scrape");
});

test("where the last part does not begin with announce there is no scrape", () => {
  for (const url of [
    "http://t.example/a",
    "http://t.example/announce/x",
    "http://t.example/x%064announce",
    "http://announce",
    "http://announce?x=/announce",
    "announce",
    "",
  ]) {
    equal(scrapeUrl(url), undefined, url);
  }
});

test("each info-hash of a scrape is a field of its own", () => {
  const hashes = [request.infoHash, must(infoHash("00".repeat(20)), "a hash")];
  const url = must(scrapeUrl("http://t.example/announce?k=v", hashes), "a scrape URL");
  const read = decodeHttpTrackerRequest(url.replace("http://t.example", ""));
  deepEqual(read, { ok: true, value: { type: "scrape", path: "/scrape", infoHashes: hashes } });
});

test("what we ask, our own tracker reads back", () => {
  const bytes20 = fc.uint8Array({ minLength: 20, maxLength: 20 });
  const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  const requests = fc.record(
    {
      infoHash: bytes20.map((bytes) => must(infoHash(hex(bytes)), "20 bytes")),
      peerId: bytes20.map((bytes) => must(peerId(hex(bytes)), "20 bytes")),
      port: fc.integer({ min: 1, max: 65_535 }),
      uploaded: count,
      downloaded: count,
      left: count,
      event: fc.constantFrom("none", "started", "completed", "stopped", "paused"),
      key: fc.integer({ min: 0, max: 0xffff_ffff }),
      numwant: fc.option(fc.integer({ min: 0, max: 1000 }), { nil: undefined }),
      trackerId: fc.option(fc.string({ unit: "binary-ascii", maxLength: 50 }), { nil: undefined }),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(requests, (sent) => {
      const url = announceUrl("http://t.example/pass/announce?k=v", sent);
      const read = decodeHttpTrackerRequest(url.slice("http://t.example".length));
      const rest = { type: "announce", path: "/pass/announce", compact: true, peerIds: false };
      deepEqual(read, { ok: true, value: { ...sent, ...rest } });
    }),
  );
});
