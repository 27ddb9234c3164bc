import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { ms, utf8 } from "@dure/base";
import { fuzzCodec } from "@dure/base/testing";
import { type DhtItem, decodeKrpc, encodeKrpc, itemTarget, type QueryBody } from "../../krpc/index.ts";
import { announce, Bench, get, getPeers, key, put, query } from "./testing/asking.ts";

const from = { ip: "81.2.69.142", port: 6881 };

const immutable: DhtItem = { type: "immutable", value: utf8("12:Hello World!") };
const mutable: DhtItem = {
  type: "mutable",
  value: utf8("li1ei2ee"),
  publicKey: new Uint8Array(32).fill(1),
  signature: new Uint8Array(64).fill(2),
  sequence: 3,
  salt: utf8("salt"),
};

test("whatever a datagram's mutations leave of a query, the answer is a message, or a signature to check, or silence", () => {
  const bench = new Bench({ answersPerSource: Infinity, answerRate: Infinity, version: utf8("DU01") });
  const tokenOf = (target: Uint8Array) => bench.heard(from, get(target)).token ?? new Uint8Array();
  const target = key(1);
  const want = { nodes4: true, nodes6: true };
  const bodies: QueryBody[] = [
    { type: "ping" },
    { type: "find-node", target, want },
    { type: "sample-infohashes", target, want },
    { type: "unknown", method: "vote", target, want },
  ];
  const samples = [
    ...bodies.map((body) => query(body)),
    getPeers(target, { scrape: true, noSeed: true, want }),
    announce(target, tokenOf(target), { seed: true }),
    get(itemTarget(mutable), 1),
    put(immutable, tokenOf(itemTarget(immutable))),
    put(mutable, tokenOf(itemTarget(mutable)), 3),
  ].map((asked) => encodeKrpc(asked));
  const kinds = new Map<string, number>();
  const count = (kind: string) => kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  fuzzCodec({
    name: "responder",
    seed: 12,
    samples,
    runs: 20_000,
    decode: (bytes) => {
      const asked = decodeKrpc(bytes);
      if (!asked.ok || asked.value.kind !== "query") {
        count("no query");
        return;
      }
      bench.now = ms(bench.now + 1);
      const answer = bench.responder.answer(bench.now, from, asked.value, bench.view);
      if (!(answer instanceof Uint8Array)) {
        count("signature");
        const done = answer && bench.responder.verified(bench.now, answer.job, answer.job % 2 === 0);
        ok(done !== undefined && decodeKrpc(done).ok);
        return;
      }
      const told = decodeKrpc(answer);
      ok(told.ok && told.value.kind !== "query");
      equal(answer.length <= 1400, true);
      count(told.value.kind === "error" ? `${told.value.code}` : "response");
    },
  });
  // The campaign is worth something only if it gets as far as the stores.
  for (const kind of ["no query", "response", "signature", "203", "204"]) {
    ok((kinds.get(kind) ?? 0) >= 20, `${kind}: ${kinds.get(kind)}`);
  }
  ok(bench.responder.status().topics > 0 && bench.responder.status().items > 0);
});
