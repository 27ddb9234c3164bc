import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { concat, infoHash, must, peerId, utf8 } from "@dure/base";
import { collectedHeapBytes, fuzzCodec } from "@dure/base/testing";
import fc from "fast-check";
import { Framer } from "./framer.ts";
import { encodeHandshake } from "./handshake.ts";
import { peerWireLimits } from "./limits.ts";
import { messageId } from "./message.ts";
import { blockMessage, hear, plain, uint32 } from "./testing/hearing.ts";
import { anyMessage, everyMessage } from "./testing/messages.ts";
import { encodeMessage } from "./writer.ts";

const hash = must(infoHash("aa".repeat(20)), "a hash");
const id = must(peerId("bb".repeat(20)), "an id");
const greeting = encodeHandshake({ infoHash: hash, peerId: id, extended: true, fast: true });

/** A conversation with one message of every kind, blocks and strange ids among them. */
const conversation = concat([
  greeting,
  ...everyMessage.filter(({ type }) => type !== "unknown").map(encodeMessage),
  blockMessage({ piece: 2, begin: 16_384, bytes: utf8("a block of thirty bytes, about.") }),
  encodeMessage({ type: "keep-alive" }),
  uint32(6),
  Uint8Array.of(200, 1, 2, 3, 4, 5), // an id we do not know, with a payload
  blockMessage({ piece: 0, begin: 0, bytes: new Uint8Array(0) }),
  encodeMessage({ type: "have", piece: 9 }),
]);

test("a conversation is heard message by message, blocks by their bytes", () => {
  const heard = hear([conversation]);
  deepEqual(heard.slice(0, 2), [
    `handshake ${"aa".repeat(20)} ${"bb".repeat(20)} extended fast`,
    "keep-alive",
  ]);
  deepEqual(heard.slice(-6), [
    "block 2:16384+31 a block of thirty bytes, about.",
    "keep-alive",
    "unknown 200",
    "block 0:0+0 ",
    "have 9",
    "end",
  ]);
});

test("a cut at every byte changes nothing of what is heard", () => {
  const whole = hear([conversation]);
  for (let cut = 0; cut <= conversation.length; cut += 1) {
    deepEqual(hear([conversation.subarray(0, cut), conversation.subarray(cut)]), whole, `cut at ${cut}`);
  }
  deepEqual(hear(Array.from(conversation, (byte) => Uint8Array.of(byte))), whole, "byte by byte");
});

test("any conversation in any pieces is heard the same", () => {
  fc.assert(
    fc.property(
      fc.array(anyMessage, { maxLength: 20 }),
      fc.array(fc.integer({ min: 0, max: 90 }), { minLength: 1, maxLength: 30 }),
      (messages, sizes) => {
        const bytes = concat([greeting, ...messages.map(encodeMessage)]);
        const heard = hear(chunksOf(bytes, sizes));
        deepEqual(heard, hear([bytes]));
        deepEqual(heard.slice(1, -1), messages.map(plain));
      },
    ),
    { numRuns: 300 },
  );
});

test("who speaks something else is refused at the first byte that differs, not after 68", () => {
  const framer = new Framer();
  framer.feed(utf8("GET"));
  deepEqual(framer.next(), { type: "violation", reason: "not-a-handshake" });
  equal(framer.next(), undefined);
  framer.feed(utf8(" / HTTP/1.1")); // what was on its way is swallowed
  equal(framer.next(), undefined);
  for (let length = 1; length < greeting.length; length += 1) {
    const wrong = greeting.slice(0, length);
    wrong[length - 1] = (wrong[length - 1] ?? 0) ^ 0x80;
    deepEqual(hear([wrong]), [length <= 20 ? "violation not-a-handshake" : "end"]);
  }
});

test("a prefix of two gigabytes is refused before a byte of it is kept", () => {
  for (const length of [0x7fff_ffff, 0x8000_0000, 0xffff_ffff, peerWireLimits.messageBytesMax + 1]) {
    for (const kind of [0, 4, 5, 7, 20, 99]) {
      const heard = hear([greeting, uint32(length), Uint8Array.of(kind)]);
      deepEqual(heard.slice(1), ["violation too-long"], `${length} with id ${kind}`);
    }
  }
});

test("the longest block passes and one byte more does not", () => {
  const longest = new Uint8Array(peerWireLimits.blockBytes).fill(7);
  const heard = hear([greeting, blockMessage({ piece: 1, begin: 0, bytes: longest })]);
  ok(heard[1]?.startsWith("block 1:0+16384 "));
  const longer = blockMessage({ piece: 1, begin: 0, bytes: new Uint8Array(peerWireLimits.blockBytes + 1) });
  deepEqual(hear([greeting, longer]).slice(1), ["violation block-too-long"]);
  deepEqual(hear([greeting, uint32(8), Uint8Array.of(messageId.piece)]).slice(1), ["violation wrong-length"]);
});

test("messages shorter or longer than their kind end the conversation", () => {
  for (const message of everyMessage) {
    const bytes = encodeMessage(message);
    const kind = bytes[4];
    if (kind === undefined || message.type === "bitfield" || message.type === "unknown") continue;
    if (message.type !== "extended" && message.type !== "hashes") {
      const long = concat([uint32(bytes.length - 3), bytes.subarray(4), Uint8Array.of(0)]);
      deepEqual(hear([greeting, long]).slice(1), ["violation too-long"], `${message.type} too long`);
    }
    if (bytes.length === 5) continue;
    const short = concat([uint32(1), bytes.subarray(4, 5)]);
    deepEqual(hear([greeting, short]).slice(1), ["violation wrong-length"], `${message.type} too short`);
  }
});

test("a megabyte that drips in is never held beyond what has come", () => {
  const { extendedBytesMax } = peerWireLimits;
  const heads: [string, number, number][] = [
    ["an unknown message", 99, peerWireLimits.messageBytesMax],
    ["a bitfield", messageId.bitfield, peerWireLimits.bitfieldBytesMax],
    ["an extended message", messageId.extended, extendedBytesMax],
  ];
  for (const [what, kind, length] of heads) {
    const before = collectedHeapBytes();
    const framers = Array.from({ length: 400 }, () => {
      const framer = new Framer();
      for (const chunk of [greeting, uint32(length), Uint8Array.of(kind), new Uint8Array(100)]) {
        framer.feed(chunk);
        while (framer.next() !== undefined);
      }
      return framer;
    });
    const grown = collectedHeapBytes() - before;
    ok(grown < 400 * 4096, `400 peers that stopped early in ${what} hold ${grown} bytes`);
    equal(framers.length, 400);
  }
});

test("a long message gathered from small chunks is copied a few times, not once a chunk", () => {
  const payload = new Uint8Array(peerWireLimits.extendedBytesMax - 2).map((_, index) => index);
  const bytes = concat([greeting, encodeMessage({ type: "extended", id: 1, payload })]);
  const started = performance.now();
  for (let round = 0; round < 20; round += 1) {
    equal(hear(chunksOf(bytes, [100])).length, 3);
  }
  ok(performance.now() - started < 2000);
});

test("an unknown message of a megabyte is skipped without being gathered", () => {
  const long = concat([
    uint32(peerWireLimits.messageBytesMax),
    new Uint8Array(peerWireLimits.messageBytesMax).fill(99),
  ]);
  const bytes = concat([greeting, long, encodeMessage({ type: "have", piece: 3 })]);
  deepEqual(hear(chunksOf(bytes, [65_536])).slice(1), ["unknown 99", "have 3", "end"]);
});

test("what is not looked at can be taken back and fed again", () => {
  const framer = new Framer();
  const bytes = concat([greeting, blockMessage({ piece: 1, begin: 0, bytes: utf8("hello") }), uint32(0)]);
  framer.feed(bytes);
  equal(framer.next()?.type, "handshake");
  equal(framer.next()?.type, "block-start");
  const rest = framer.rest().slice();
  equal(rest.length, 9);
  equal(framer.next(), undefined);
  framer.feed(rest);
  const data = framer.next();
  deepEqual({ ...data }, { type: "block-data", from: 0, to: 5, at: 0 });
  equal(framer.next()?.type, "block-end");
  deepEqual(framer.next(), { type: "message", message: { type: "keep-alive" } });
});

test("a chunk given before the last one was drained is our own mistake", () => {
  const framer = new Framer();
  framer.feed(conversation);
  framer.next();
  throws(() => framer.feed(conversation), /drained/);
});

test("10,000 mutated conversations are heard or refused, in any pieces, and every reason is met", () => {
  let splits = 1;
  const decode = (bytes: Uint8Array) => {
    splits += 1;
    const heard = hear(chunksOf(bytes, [1 + (splits % 61), 3, 200]));
    deepEqual(heard, hear([bytes]));
    const last = heard.at(-1) ?? "";
    return last.startsWith("violation")
      ? ({ ok: false, reason: last } as const)
      : ({ ok: true, heard } as const);
  };
  const blocks = concat([
    greeting,
    blockMessage({ piece: 1, begin: 0, bytes: new Uint8Array(50).fill(1) }),
    blockMessage({ piece: 1, begin: 16_384, bytes: new Uint8Array(90).fill(2) }),
  ]);
  const grammar = () => {
    const bytes = conversation.slice();
    bytes[68 + (splits % (bytes.length - 68))] = splits & 0xff; // past the handshake, where the messages are
    return bytes;
  };
  const tally = fuzzCodec({
    name: "peer-framer",
    seed: 1,
    samples: [conversation, blocks],
    decode,
    grammar,
    answerMsMax: 200,
  });
  ok(tally.accepted > 1000, `${tally.accepted} accepted`);
  deepEqual(
    [...tally.reasons.keys()].sort(),
    ["block-too-long", "not-a-handshake", "too-long", "wrong-length"].map((reason) => `violation ${reason}`),
  );
});

function chunksOf(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const longest = Math.max(...sizes, 1);
  for (let offset = 0, turn = 0; offset < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? longest;
    const step = size === 0 && turn % sizes.length === sizes.length - 1 ? longest : size;
    chunks.push(bytes.slice(offset, offset + step));
    offset += step;
  }
  return chunks;
}
