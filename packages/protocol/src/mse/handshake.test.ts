import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { concat, fromHex, hex, must, Prng, peerId, utf8 } from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import fc from "fast-check";
import { encodeHandshake } from "../peer-wire/index.ts";
import { publicKey, sharedSecret } from "./diffie-hellman.ts";
import { MseIncoming, type MseMethod, MseOutgoing } from "./index.ts";
import { directionCipher, maskTorrent, syncMark, torrentMark } from "./keys.ts";
import { converse, marksOf, pair, Side, torrentOf } from "./testing/pair.ts";
import { libtorrentAnswers, libtorrentBegins, vectorChance, vectorHash } from "./testing/vectors.ts";

const both: readonly MseMethod[] = ["rc4", "plain"];
const id = must(peerId(new Uint8Array(20).fill(0x41)), "an id");
const greeting = encodeHandshake({ infoHash: vectorHash, peerId: id, extended: true, fast: true });

const outgoing = (chance = vectorChance) =>
  new Side(
    new MseOutgoing({
      infoHash: vectorHash,
      chance,
      methods: ["rc4"],
      initialPayload: greeting,
    }),
  );
const incoming = (methods: readonly MseMethod[] = both) =>
  new Side(new MseIncoming({ torrents: marksOf(vectorHash), chance: () => vectorChance, methods }));

test("libtorrent's answer is understood, cut at every byte", () => {
  const whole = outgoing().hear(libtorrentAnswers);
  // Our key and padding; two marks, the options with 7 bytes of padding, the length of IA, and IA.
  deepEqual(whole.transcript, ["says 129", `says ${40 + 14 + 7 + 2 + 68}`, "rc4, rest "]);
  const cuts = cutEverywhere(libtorrentAnswers, (bytes) => outgoing().hear(bytes).over);
  ok(!cuts.includes(true), "no part of it is enough");
  for (let at = 1; at < libtorrentAnswers.length; at += 1) {
    const side = outgoing().hear(libtorrentAnswers.subarray(0, at)).hear(libtorrentAnswers.subarray(at));
    deepEqual(side.transcript, whole.transcript);
  }
});

test("libtorrent's opening is understood, cut at every byte: its handshake is the payload", () => {
  for (let at = 1; at <= libtorrentBegins.length; at += 1) {
    const side = incoming().hear(libtorrentBegins.subarray(0, at));
    const tail = libtorrentBegins.slice(at);
    const early = side.over;
    if (!early && tail.length > 0) side.hear(tail);
    const end = must(side.end, "established");
    if (early) end.receive?.apply(tail); // through before all of IA is in: the rest is for the payload's cipher
    const heard = early ? concat([end.rest, tail]) : end.rest;
    deepEqual([end.infoHash, end.method, heard.length], [vectorHash, "rc4", 68], `cut at ${at}`);
    equal(hex(heard.subarray(0, 20)), hex(greeting.subarray(0, 20)));
    equal(hex(heard.subarray(28, 48)), vectorHash);
  }
});

test("any paddings in any chunks: both sides come to the same ciphers", () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom(1, 7, 96, 700, 5000), fc.boolean(), (seed, most, rc4) => {
      const prng = new Prng(seed);
      const hello = prng.bytes(prng.below(200));
      const sides = pair(prng, {
        offered: rc4 ? ["rc4"] : both,
        chosen: rc4 ? both : ["plain"],
        initialPayload: hello,
      });
      converse(sides, () => prng.between(1, most));
      const { a, b } = { a: must(sides.a.end, "a"), b: must(sides.b.end, "b") };
      deepEqual([a.method, b.method], [rc4 ? "rc4" : "plain", a.method]);
      equal(b.infoHash, torrentOf(7));
      // B may be through before all of IA has come: the rest of it is under the cipher still.
      const sent = sides.a.said.slice(sides.a.said.length - (hello.length - b.rest.length));
      if (hello.length > b.rest.length) b.receive?.apply(sent);
      else sent.fill(0);
      deepEqual(concat([b.rest, hello.length > b.rest.length ? sent : new Uint8Array(0)]), hello);
      for (const [from, to] of [[a, b] as const, [b, a] as const]) {
        const text = prng.bytes(1000);
        const wire = text.slice();
        from.send?.apply(wire);
        equal(hex(wire) === hex(text), !rc4, "plain where that was chosen");
        to.receive?.apply(wire);
        deepEqual(wire, text);
      }
    }),
    { numRuns: 60 },
  );
});

test("the answering side takes what it likes best of what is offered", () => {
  const chosen = (offered: readonly MseMethod[], wanted: readonly MseMethod[]) => {
    const sides = pair(new Prng(1), { offered, chosen: wanted });
    converse(sides, () => 64);
    return [sides.a.end?.method, sides.b.end?.method ?? sides.b.failure];
  };
  deepEqual(chosen(both, ["rc4", "plain"]), ["rc4", "rc4"]);
  deepEqual(chosen(both, ["plain", "rc4"]), ["plain", "plain"]);
  deepEqual(chosen(["rc4"], ["plain", "rc4"]), ["rc4", "rc4"]);
  deepEqual(chosen(["plain"], ["rc4"]), [undefined, "no-common-method"]);
});

test("the plain protocol is told from a key by its first twenty bytes, however they come", () => {
  const side = incoming();
  for (const byte of greeting.subarray(0, 19)) side.hear(Uint8Array.of(byte));
  equal(side.over, false);
  side.hear(greeting.subarray(19));
  equal(hex(side.plain ?? new Uint8Array(0)), hex(greeting));
  deepEqual(outgoing().hear(greeting).failure, "plain-answer");
});

const big = (value: bigint) => must(fromHex(value.toString(16).padStart(192, "0")), "hex");
const prime = BigInt(
  `0xffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd${"ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563"}`,
);

test("a key that makes a secret everyone knows is refused, from either side", () => {
  for (const key of [0n, 1n, prime - 1n, prime, prime + 1n, (1n << 768n) - 1n]) {
    equal(incoming().hear(big(key)).failure, "degenerate-key");
    equal(outgoing().hear(big(key)).failure, "degenerate-key");
  }
  for (const key of [2n, prime - 2n]) {
    equal(incoming().hear(big(key)).failure, undefined);
    equal(outgoing().hear(big(key)).failure, undefined);
  }
});

/** What a stranger who knows our secret's half sends: each part may be wrong. */
interface Opening {
  readonly padding?: number;
  readonly torrent?: number;
  readonly vc?: number;
  readonly provide?: number;
  readonly optionsPadding?: number;
  readonly initialBytes?: number;
}
const strangersSecret = new Uint8Array(20).fill(9);
const torrent = torrentOf(5);
const answering = (chance = vectorChance) =>
  new Side(new MseIncoming({ torrents: marksOf(torrent), chance: () => chance, methods: both }));

function openingOf(shape: Opening, chance = vectorChance): Uint8Array {
  const theirs = publicKey(chance.secret);
  const shared = sharedSecret(strangersSecret, theirs);
  ok(shared.ok);
  const padded = Math.min(shape.optionsPadding ?? 0, 512);
  const hidden = new Uint8Array(14 + padded + 2);
  const view = new DataView(hidden.buffer);
  hidden[7] = shape.vc ?? 0;
  view.setUint32(8, shape.provide ?? 3);
  view.setUint16(12, shape.optionsPadding ?? 0);
  view.setUint16(14 + padded, shape.initialBytes ?? 0);
  directionCipher("a", shared.value, torrent).apply(hidden);
  return concat([
    publicKey(strangersSecret),
    new Uint8Array(shape.padding ?? 0).fill(1),
    syncMark(shared.value),
    maskTorrent(torrentMark(torrentOf(shape.torrent ?? 5)), shared.value),
    hidden,
  ]);
}

test("an opening is refused for its first wrong part, and taken at each limit", () => {
  const outcome = (shape: Opening) => {
    const side = answering().hear(openingOf(shape));
    return side.failure ?? side.end?.method;
  };
  equal(outcome({}), "rc4");
  equal(outcome({ padding: 512, optionsPadding: 512 }), "rc4");
  equal(outcome({ padding: 513 }), "no-sync");
  equal(outcome({ torrent: 6 }), "unknown-torrent");
  equal(outcome({ vc: 1 }), "bad-vc");
  equal(outcome({ optionsPadding: 513 }), "padding-too-long");
  equal(outcome({ optionsPadding: 65_535 }), "padding-too-long");
  equal(outcome({ provide: 0 }), "no-common-method");
  equal(outcome({ provide: 0xfffffffc }), "no-common-method");
  equal(outcome({ provide: 0xffffffff }), "rc4");
});

test("an IA of 65,535 bytes is payload that comes when it comes: nothing of it is waited for", () => {
  const side = answering().hear(openingOf({ initialBytes: 65_535, provide: 1 }));
  equal(side.end?.method, "plain");
  const receive = must(side.end?.receive, "IA is ciphered though the payload is not");
  receive.apply(new Uint8Array(65_534));
  equal(receive.spent, false);
  receive.apply(new Uint8Array(2));
  equal(receive.spent, true);
});

test("padding without an end is refused at its 533rd byte, and its 521st by who connected", () => {
  const endless = (side: Side) => {
    side.hear(publicKey(strangersSecret));
    let count = 0;
    for (; !side.over && count < 2000; count += 1) side.hear(Uint8Array.of(1));
    return [side.failure, count];
  };
  deepEqual(endless(answering()), ["no-sync", 533]);
  deepEqual(endless(outgoing()), ["no-sync", 521]);
  const flood = new Uint8Array(1 << 20).fill(1);
  flood.set(publicKey(strangersSecret));
  equal(answering().hear(flood).failure, "no-sync");
  equal(outgoing().hear(flood).failure, "no-sync");
});

/** An answer of who was connected to, to our outgoing side. */
interface Answer {
  readonly select?: number;
  readonly padding?: number;
  readonly keyPadding?: number;
}

function answerOf(shape: Answer, chance = vectorChance): Uint8Array {
  const shared = sharedSecret(strangersSecret, publicKey(chance.secret));
  ok(shared.ok);
  const hidden = new Uint8Array(14 + Math.min(shape.padding ?? 0, 512));
  const view = new DataView(hidden.buffer);
  view.setUint32(8, shape.select ?? 2);
  view.setUint16(12, shape.padding ?? 0);
  directionCipher("b", shared.value, vectorHash).apply(hidden);
  return concat([publicKey(strangersSecret), new Uint8Array(shape.keyPadding ?? 0), hidden]);
}

test("an answer is refused for a method that was not offered and for padding that is too long", () => {
  const outcome = (shape: Answer) => {
    const side = outgoing().hear(answerOf(shape));
    return side.failure ?? side.end?.method;
  };
  equal(outcome({}), "rc4");
  equal(outcome({ padding: 512, keyPadding: 512 }), "rc4");
  equal(outcome({ keyPadding: 513 }), "no-sync");
  equal(outcome({ select: 1 }), "no-common-method");
  equal(outcome({ select: 3 }), "no-common-method");
  equal(outcome({ select: 0 }), "no-common-method");
  equal(outcome({ padding: 513 }), "padding-too-long");
});

test("the payload may follow the options at once, in one chunk of any size", () => {
  const text = utf8("after the options".repeat(200));
  const shared = sharedSecret(strangersSecret, publicKey(vectorChance.secret));
  ok(shared.ok);
  const opening = openingOf({});
  const cipher = directionCipher("a", shared.value, torrent);
  cipher.apply(new Uint8Array(16)); // the options and the length of IA
  const wire = text.slice();
  cipher.apply(wire);
  equal(hex(must(answering().hear(concat([opening, wire])).end, "established").rest), hex(text));
});

/** A secret that costs nothing to calculate with: what is tried is the parser. */
const cheap = { ...vectorChance, secret: new Uint8Array(20).fill(5, 19) };

test("10,000 openings and answers of strangers: no throw, no waiting, no memory", () => {
  const openings = [{}, { padding: 512, optionsPadding: 512 }, { initialBytes: 65_535 }, { provide: 1 }];
  const reasons = new Set<string>();
  const result = (side: Side) => {
    if (side.failure !== undefined) reasons.add(side.failure);
    return side.failure === undefined
      ? ({ ok: true, value: side.transcript } as const)
      : ({ ok: false, reason: side.failure } as const);
  };
  fuzzCodec({
    name: "mse-incoming",
    seed: 1,
    runs: 5000,
    samples: [...openings.map((shape) => openingOf(shape, cheap)), greeting, libtorrentBegins],
    decode: (bytes) => result(answering(cheap).hear(bytes)),
  });
  const answers = [{}, { padding: 512, keyPadding: 100 }, { keyPadding: 512 }];
  fuzzCodec({
    name: "mse-outgoing",
    seed: 2,
    runs: 5000,
    samples: [...answers.map((shape) => answerOf(shape, cheap)), libtorrentAnswers, greeting],
    decode: (bytes) => result(outgoing(cheap).hear(bytes)),
  });
  for (const reason of ["no-sync", "unknown-torrent", "bad-vc", "plain-answer"])
    ok(reasons.has(reason), reason);
});

test("a torrent is found among two hundred, and one that was taken away is not", () => {
  const marks = marksOf(...Array.from({ length: 200 }, (_, index) => torrentOf(index)));
  equal(marks.find(torrentMark(torrentOf(77))), torrentOf(77));
  marks.delete(torrentOf(77));
  equal(marks.find(torrentMark(torrentOf(77))), undefined);
  equal(marks.find(new Uint8Array(19)), undefined);
});
