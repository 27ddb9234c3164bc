import { deepEqual, equal, ok } from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { test } from "node:test";
import { concat, fromHex, type Ms, minutes, ms, must, Prng, utf8 } from "@dure/base";
import { type DhtItem, itemTarget, peersOf } from "../../krpc/index.ts";
import type { PendingPut } from "./messages.ts";
import {
  announce,
  Bench,
  decoded,
  get,
  getPeers,
  key,
  ownId,
  put,
  query,
  viewOf4,
} from "./testing/asking.ts";

const here = "81.2.69.142";
const there = "99.1.2.3";
const unhex = (text: string) => must(fromHex(text), "hex");

const mutable = (sequence: number, text: string, salt = ""): DhtItem & { type: "mutable" } => ({
  type: "mutable",
  value: utf8(`${text.length}:${text}`),
  publicKey: new Uint8Array(32).fill(9),
  signature: new Uint8Array(64).fill(sequence),
  sequence,
  salt: utf8(salt),
});
const immutable = (bytes: number): DhtItem => {
  const digits = `${bytes}`.length;
  return { type: "immutable", value: utf8(`${bytes - digits - 1}:`.padEnd(bytes, "x")) };
};

/** A node with room for tokens: nobody is limited. */
const open = (options = {}) => new Bench({ answersPerSource: Infinity, answerRate: Infinity, ...options });

/** Puts as a client does: a get for the token, and the host's verdict on the signature. */
function stored(bench: Bench, item: DhtItem, { cas, from = here, good = true }: Attempt = {}) {
  const token = bench.heard(from, get(itemTarget(item))).token ?? new Uint8Array();
  const answer = bench.ask(from, put(item, token, cas));
  if (answer === undefined) return "silence";
  if ("kind" in answer) return answer.kind === "error" ? answer.code : "ok";
  return verdict(bench, answer, good);
}
interface Attempt {
  readonly cas?: number;
  readonly from?: string;
  readonly good?: boolean;
}

function verdict(bench: Bench, { job }: PendingPut, good: boolean) {
  const bytes = bench.responder.verified(bench.now, job, good);
  if (bytes === undefined) return "silence";
  const answer = decoded(bytes);
  return answer.kind === "error" ? answer.code : "ok";
}

test("a ping is answered with our id, the asker's address and our version (BEP 5, BEP 42)", () => {
  const bench = open({ version: utf8("DU01") });
  const answer = bench.ask({ ip: here, port: 7000 }, query({ type: "ping" }));
  deepEqual(answer, {
    kind: "response",
    transaction: utf8("aa"),
    version: utf8("DU01"),
    id: ownId,
    seenAs: { ip: here, port: 7000 },
    body: {},
  });
});

test("find_node is told nodes of the question's family, or of those it wants (BEP 32)", () => {
  const asked = (want?: { nodes4: boolean; nodes6: boolean }) =>
    query({ type: "find-node", target: key(1), want });
  const four = open();
  const six = new Bench({}, viewOf4({ family: 6 }));
  deepEqual(Object.keys(four.heard(here, asked())), ["nodes"]);
  deepEqual(Object.keys(six.heard("2a00::1", asked())), ["nodes6"]);
  deepEqual(Object.keys(four.heard(here, asked({ nodes4: false, nodes6: true }))), ["nodes6"]);
  deepEqual(Object.keys(four.heard(here, asked({ nodes4: true, nodes6: true }))), ["nodes", "nodes6"]);
  deepEqual(four.heard(here, asked({ nodes4: false, nodes6: false })), {});
});

test("an unknown method is answered like find_node when it has a target, else with error 204 (BEP 5)", () => {
  const bench = open();
  const asked = (target: Uint8Array | undefined) =>
    query({ type: "unknown", method: "vote", target, want: undefined });
  deepEqual(Object.keys(bench.heard(here, asked(key(1)))), ["nodes"]);
  equal(bench.outcome(here, asked(undefined)), 204);
});

test("wrong arguments are told: 203 in general, 205 for a value and 207 for a salt too big (BEP 5, BEP 44)", () => {
  const bench = open();
  for (const code of [203, 205, 207] as const) {
    equal(bench.outcome(here, query({ type: "malformed", method: "put", code })), code);
  }
});

test("a read-only asker is served as any other (BEP 43)", () => {
  const bench = open();
  equal(bench.outcome(here, query({ type: "ping" }, { readOnly: true })), "ok");
});

test("who announces with the token it was given is told to those who ask (BEP 5)", () => {
  const bench = open();
  const token = bench.token(here, key(1));
  equal(token.length, 8);
  equal(bench.outcome(here, announce(key(1), token, { port: 4000 })), "ok");
  const body = bench.heard(there, getPeers(key(1)));
  deepEqual(peersOf(body), [{ ip: here, port: 4000 }]);
  equal(body.nodes?.length, 8 * 26, "nodes are told as well (BEP 32)");
  deepEqual(bench.responder.status(), { topics: 1, peers: 1, items: 0, answered: 3, dropped: 0 });
});

test("an announce with implied_port is kept with the port it was sent from (BEP 5)", () => {
  const bench = open();
  const from = { ip: here, port: 7001 };
  bench.outcome(from, announce(key(1), bench.token(from, key(1)), { port: undefined }));
  deepEqual(peersOf(bench.heard(there, getPeers(key(1)))), [{ ip: here, port: 7001 }]);
});

test("an announce with another's token, an old one, that of another key or none gets error 203", () => {
  const bench = open();
  const token = bench.token(here, key(1));
  equal(bench.outcome(there, announce(key(1), token)), 203);
  equal(bench.outcome(here, announce(key(2), token)), 203);
  equal(bench.outcome(here, announce(key(1), new Uint8Array())), 203);
  bench.now = ms(bench.now + minutes(10));
  equal(bench.outcome(here, announce(key(1), token)), 203);
  equal(bench.responder.status().topics, 0);
});

test("an announce of port 0 gets error 203", () => {
  const bench = open();
  equal(bench.outcome(here, announce(key(1), bench.token(here, key(1)), { port: 0 })), 203);
});

test("peers of one family are not told to the other (BEP 32)", () => {
  const bench = open();
  bench.announced(here, key(1));
  bench.announced("2a00::7", key(1));
  deepEqual(peersOf(bench.heard(there, getPeers(key(1), { want: { nodes4: true, nodes6: true } }))), [
    { ip: here, port: 6881 },
  ]);
  deepEqual(peersOf(bench.heard("2a00::9", getPeers(key(1)))), [{ ip: "2a00::7", port: 6881 }]);
});

test("a seed asks for no seeds (BEP 33)", () => {
  const bench = open();
  bench.announced(here, key(1), 6881, true);
  bench.announced(there, key(1), 6881, false);
  equal(peersOf(bench.heard("9.9.9.9", getPeers(key(1)))).length, 2);
  deepEqual(peersOf(bench.heard("9.9.9.9", getPeers(key(1), { noSeed: true }))), [{ ip: there, port: 6881 }]);
});

test("filters are told of a stored topic when they are asked for, and only then (BEP 33)", () => {
  const bench = open();
  bench.announced(here, key(1), 6881, true);
  const told = bench.heard(there, getPeers(key(1), { scrape: true }));
  deepEqual([told.bloomSeeds?.length, told.bloomPeers?.length], [256, 256]);
  equal(bench.heard(there, getPeers(key(1))).bloomSeeds, undefined);
  equal(bench.heard(there, getPeers(key(2), { scrape: true })).bloomSeeds, undefined);
});

test("an answer has at most 50 peers, and no answer about peers more than 1,024 bytes (BEP 32)", () => {
  const bench = open({ version: utf8("DU01") });
  for (let index = 0; index < 200; index += 1) {
    bench.announced(`62.1.${index}.1`, key(1));
    bench.announced(`2a00:${index + 1}::1`, key(1));
  }
  equal(peersOf(bench.heard(here, getPeers(key(1)))).length, 50);
  const both = { nodes4: true, nodes6: true };
  for (const want of [undefined, both]) {
    for (const scrape of [false, true]) {
      for (const ip of [here, "2a00::1"]) {
        const asked = { ...getPeers(key(1), { want, scrape }), transaction: new Uint8Array(20) };
        const view = ip === here ? bench.view : viewOf4({ family: 6 });
        const bytes = bench.responder.answer(bench.now, { ip, port: 1 }, asked, view);
        ok(bytes instanceof Uint8Array && bytes.length <= 1024 && bytes.length > 1024 - 21 - 38 * 8);
        const answer = decoded(bytes);
        ok(answer.kind === "response" && peersOf(answer.body).length >= 2, "and some peers among it");
      }
    }
  }
});

test("a topic that would not be kept gives no token (BEP 33), and an announce with an older one gets error 202", () => {
  const bench = open({ topicsMax: 1 });
  const far = ownId.map((byte) => ~byte);
  const early = bench.token(here, far);
  equal(early.length, 8);
  bench.announced(there, key(1));
  equal(bench.heard(here, getPeers(far)).token, undefined);
  equal(bench.outcome(here, announce(far, early)), 202);
});

test("what is denied is neither kept nor told, and gets no token", () => {
  const banned = key(1);
  let denied = false;
  const bench = open({ denied: (asked: Uint8Array) => denied && asked[0] === banned[0] });
  bench.announced(there, banned);
  bench.announced(there, key(2));
  const token = bench.token(here, banned);
  denied = true;
  deepEqual(Object.keys(bench.heard(here, getPeers(banned, { scrape: true }))), ["nodes"]);
  equal(bench.outcome(here, announce(banned, token)), 201);
  const sample = bench.heard(here, query({ type: "sample-infohashes", target: key(3), want: undefined }));
  deepEqual(sample.samples, [key(2)]);
  const item = immutable(20);
  const none = open({ denied: () => true });
  deepEqual(Object.keys(none.heard(here, get(itemTarget(item)))), ["nodes"]);
  equal(none.outcome(here, put(item, open().token(here, itemTarget(item)))), 201);
});

test("samples come with their count, the time until others, and nodes near the target (BEP 51)", () => {
  const bench = open();
  const ask = (ip = here, over = {}) =>
    bench.heard(ip, query({ type: "sample-infohashes", target: key(3), want: undefined, ...over }));
  deepEqual(ask(), { nodes: bench.view.closest4(key(3)), samples: [], interval: 21_600, storedCount: 0 });
  for (let index = 0; index < 30; index += 1) bench.announced(`62.1.${index}.1`, key(index));
  const told = ask();
  deepEqual([told.samples?.length, told.storedCount, told.interval], [20, 30, 21_600]);
  bench.now = ms(bench.now + 60_500);
  equal(ask().interval, 21_540);
  const both = ask(here, { want: { nodes4: true, nodes6: true } });
  deepEqual([both.nodes?.length, both.nodes6], [8 * 26, undefined], "1,024 bytes have no room for more");
});

test("an immutable item is kept under its hash and given back (BEP 44)", () => {
  const bench = open();
  const item = { type: "immutable", value: utf8("12:Hello World!") } as const;
  equal(stored(bench, item), "ok");
  const target = unhex("e5f96f6f38320f0f33959cb4d3d656452117aadb"); // test 3 of the BEP
  deepEqual(bench.heard(there, get(target)).item, item);
  equal(bench.heard(there, get(target)).sequence, undefined);
  equal(stored(bench, item, { from: there }), "ok", "put again by another");
});

// Tests 1 and 2 of BEP 44.
const helloKey = unhex("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548");
const hello = (salt: string, signature: string): DhtItem & { type: "mutable" } => ({
  ...{ type: "mutable", value: utf8("12:Hello World!"), publicKey: helloKey, sequence: 1 },
  signature: unhex(signature),
  salt: utf8(salt),
});
const vectors = [
  {
    item: hello(
      "",
      "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01",
    ),
    target: unhex("4a533d47ec9c7d95b1ad75f576cffc641853b750"),
  },
  {
    item: hello(
      "foobar",
      "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17ddf9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08",
    ),
    target: unhex("411eba73b6f087ca51a3795d9c8c938d365e32c1"),
  },
];

for (const { item, target } of vectors) {
  test(`a mutable item ${item.salt.length > 0 ? "with" : "without"} salt is kept once its signature is checked (BEP 44)`, () => {
    const bench = open();
    const token = bench.heard(here, get(target)).token ?? new Uint8Array();
    const pending = bench.ask(here, put(item, token));
    ok(pending !== undefined && "job" in pending);
    equal(bench.heard(there, get(target)).item, undefined, "not before");
    const der = concat([unhex("302a300506032b6570032100"), pending.publicKey]);
    const publicKey = createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
    equal(verify(null, pending.message, publicKey, pending.signature), true);
    equal(verdict(bench, pending, true), "ok");
    deepEqual(bench.heard(there, get(target)).item, { ...item, salt: new Uint8Array() });
  });
}

test("a wrong signature gets error 206, and nothing is kept (BEP 44)", () => {
  const bench = open();
  equal(stored(bench, mutable(1, "a"), { good: false }), 206);
  equal(bench.responder.status().items, 0);
});

test("a value of 1,000 bytes is kept, one of 1,001 gets error 205 (BEP 44)", () => {
  const bench = open();
  equal(stored(bench, immutable(1000)), "ok");
  // A decoded query has no such value; a caller of ours might.
  equal(bench.outcome(here, put(immutable(1001), new Uint8Array(8))), 205);
});

test("a salt of 64 bytes is kept, one of 65 gets error 207 (BEP 44)", () => {
  const bench = open();
  equal(stored(bench, mutable(1, "a", "s".repeat(64))), "ok");
  equal(bench.outcome(here, put(mutable(1, "a", "s".repeat(65)), new Uint8Array(8))), 207);
});

test("a put with another's token or one of another target gets error 203 (BEP 44)", () => {
  const bench = open();
  const item = immutable(20);
  const token = bench.heard(here, get(itemTarget(item))).token ?? new Uint8Array();
  equal(bench.outcome(there, put(item, token)), 203);
  equal(bench.outcome(here, put(immutable(21), token)), 203);
  equal(bench.outcome(here, put(item, token)), "ok");
});

test("a higher sequence number replaces, a lower one gets error 302 (BEP 44)", () => {
  const bench = open();
  equal(stored(bench, mutable(5, "a")), "ok");
  equal(stored(bench, mutable(6, "b")), "ok");
  equal(stored(bench, mutable(5, "a")), 302);
  deepEqual(bench.heard(there, get(itemTarget(mutable(0, "")))).item, mutable(6, "b"));
});

test("an equal sequence number with the same value begins its two hours again; with another value it gets error 302 (BEP 44)", () => {
  const bench = open();
  const target = itemTarget(mutable(5, "a"));
  stored(bench, mutable(5, "a"));
  bench.now = ms(bench.now + minutes(100));
  const token = bench.heard(there, get(target)).token ?? new Uint8Array();
  equal(bench.outcome(there, put(mutable(5, "a"), token)), "ok", "no signature is checked twice");
  equal(stored(bench, mutable(5, "b")), 302);
  bench.now = ms(bench.now + minutes(119));
  deepEqual(bench.heard(there, get(target)).item, mutable(5, "a"));
  bench.now = ms(bench.now + minutes(1));
  equal(bench.heard(there, get(target)).item, undefined);
});

test("a cas that is not the stored sequence number gets error 301, whatever the number put (BEP 44)", () => {
  const bench = open();
  equal(stored(bench, mutable(5, "a"), { cas: 3 }), "ok", "ignored when nothing is stored");
  for (const sequence of [4, 5, 6]) equal(stored(bench, mutable(sequence, "b"), { cas: 4 }), 301);
  equal(stored(bench, mutable(6, "b"), { cas: 5 }), "ok");
});

test("of two puts with the same cas, checked at the same time, one is stored and one gets error 301 (BEP 44)", () => {
  const bench = open();
  stored(bench, mutable(1, "a"));
  const target = itemTarget(mutable(1, "a"));
  const attempts = [here, there].map((from, index) => {
    const token = bench.heard(from, get(target)).token ?? new Uint8Array();
    return bench.ask(from, put(mutable(2 + index, "b"), token, 1)) as PendingPut;
  });
  deepEqual(
    attempts.map((pending) => verdict(bench, pending, true)),
    ["ok", 301],
  );
});

test("a get with a sequence number is told the value only when it is newer, else the number alone (BEP 44)", () => {
  const bench = open();
  stored(bench, mutable(5, "a"));
  const target = itemTarget(mutable(5, "a"));
  deepEqual(bench.heard(there, get(target, 4)).item, mutable(5, "a"));
  for (const sequence of [5, 6]) {
    const { item, sequence: told, token } = bench.heard(there, get(target, sequence));
    deepEqual([item, told, token?.length], [undefined, 5, 8]);
  }
});

test("an item of 1,000 bytes is answered within 1,400, with as many nodes as fit", () => {
  const bench = open({ version: utf8("DU01") });
  const item = mutable(Number.MAX_SAFE_INTEGER, "x".repeat(996));
  equal(item.value.length, 1000);
  equal(stored(bench, item), "ok");
  const want = { nodes4: true, nodes6: true };
  const asked = query({ type: "get", target: itemTarget(item), want, sequence: undefined });
  const bytes = bench.responder.answer(bench.now, { ip: there, port: 1 }, asked, bench.view);
  ok(bytes instanceof Uint8Array && bytes.length <= 1400);
  const { body } = decoded(bytes) as { body: { nodes?: Uint8Array } };
  ok((body.nodes?.length ?? 0) >= 4 * 26);
});

test("65 puts wait for a signature: the first is given up, without an answer", () => {
  const bench = open();
  const items = Array.from({ length: 65 }, (_, index) => mutable(1, "a", `${index}`));
  const jobs = items.map((item) => {
    const token = bench.heard(here, get(itemTarget(item))).token ?? new Uint8Array();
    return bench.ask(here, put(item, token)) as PendingPut;
  });
  const [first, ...others] = jobs.map((pending) => verdict(bench, pending, true));
  equal(first, "silence");
  deepEqual(new Set(others), new Set(["ok"]));
  equal(verdict(bench, must(jobs[1], "a job"), true), "silence", "a verdict counts once");
});

test("a put's bytes are our own while its signature is checked", () => {
  const bench = open();
  const item = mutable(1, "a");
  const token = bench.heard(here, get(itemTarget(item))).token ?? new Uint8Array();
  const asked = put(item, token);
  const pending = bench.ask(here, asked) as PendingPut;
  const before = { ...pending, publicKey: pending.publicKey.slice() };
  const target = itemTarget(item);
  for (const bytes of [item.value, item.publicKey, item.signature, asked.transaction]) bytes.fill(0);
  deepEqual(pending, before);
  const answer = decoded(must(bench.responder.verified(bench.now, pending.job, true), "an answer"));
  deepEqual(answer.transaction, utf8("aa"));
  deepEqual(bench.heard(here, get(target)).item, mutable(1, "a"));
});

test("what nobody can be answered at gets nothing", () => {
  const bench = open();
  const asked = query({ type: "ping" });
  for (const ip of ["0.0.0.0", "224.0.0.1", "255.255.255.255"]) equal(bench.outcome(ip, asked), "silence");
  equal(bench.outcome({ ip: here, port: 0 }, asked), "silence");
  equal(bench.responder.banned(bench.now, { ip: here, port: 0 }), false);
});

test("the sixth query of a second gets nothing, the fifty-first in ten seconds a ban of five minutes", () => {
  const bench = new Bench();
  const ask = (from = here) => bench.outcome(from, query({ type: "ping" }));
  const answers = Array.from({ length: 50 }, () => ask());
  equal(answers.filter((answer) => answer === "ok").length, 5);
  equal(bench.responder.banned(bench.now, { ip: here, port: 1 }), false);
  ask();
  equal(bench.responder.banned(bench.now, { ip: here, port: 1 }), true);
  equal(ask(there), "ok");
  bench.now = ms(bench.now + minutes(5));
  equal(bench.responder.banned(bench.now, { ip: here, port: 1 }), false);
  equal(ask(), "ok");
  equal(bench.responder.status().dropped, 47);
});

test("local addresses are answered without limit, unless they are to count", () => {
  const asked = query({ type: "ping" });
  const answersOf = (bench: Bench) => {
    let answers = 0;
    for (let index = 0; index < 1000; index += 1)
      if (bench.outcome("127.0.0.1", asked) === "ok") answers += 1;
    return answers;
  };
  equal(answersOf(new Bench()), 1000);
  equal(answersOf(new Bench({ countLocal: true })), 5);
});

test("when the bytes for all are used up, those who brought a token or have answered us are still served", () => {
  const known = "9.9.9.9";
  const bench = new Bench({}, viewOf4({ knows: ({ ip }) => ip === known }));
  const asked = query({ type: "find-node", target: key(1), want: undefined });
  const holder = bench.token(there, key(1));
  equal(bench.announced(here, key(1)), "ok");
  const prng = new Prng(1, "forged");
  const flood = () => {
    let answers = 0;
    for (let packet = 0; packet < 200; packet += 1) {
      if (bench.outcome(`62.${prng.below(256)}.${prng.below(256)}.1`, asked) === "ok") answers += 1;
    }
    return answers;
  };
  bench.now = ms(bench.now + 2000);
  ok(flood() < 30);
  equal(flood(), 0);
  equal(bench.outcome("8.8.8.8", asked), "silence");
  equal(bench.outcome(known, asked), "ok");
  equal(bench.outcome(here, asked), "ok", "it brought a token before");
  equal(bench.outcome(there, announce(key(1), holder)), "ok", "it brings one now");
  equal(bench.outcome(there, asked), "ok", "and is known since");
});

test("the next thing to expire is the deadline, and waking then drops it", () => {
  const bench = open();
  equal(bench.responder.deadline(), undefined);
  const began = bench.now;
  stored(bench, immutable(20));
  bench.announced(here, key(1));
  equal(bench.responder.deadline(), began + minutes(30));
  const wake = (now: Ms) => {
    bench.responder.wake(now);
    const { topics, items } = bench.responder.status();
    return [topics, items];
  };
  deepEqual(wake(ms(began + minutes(30) - 1)), [1, 1]);
  deepEqual(wake(ms(began + minutes(30))), [0, 1]);
  equal(bench.responder.deadline(), began + minutes(120));
  deepEqual(wake(ms(began + minutes(120))), [0, 0]);
  equal(bench.responder.deadline(), undefined);
});
