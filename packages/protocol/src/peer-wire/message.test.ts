import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { fromHex, hex, must } from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import fc from "fast-check";
import { peerWireLimits } from "./limits.ts";
import { decodeMessage, lengthMax, messageId, type PeerMessage } from "./message.ts";
import { anyMessage, everyMessage } from "./testing/messages.ts";
import { encodeMessage, MessageWriter, pieceHeadBytes, writePieceHead } from "./writer.ts";

const bytesOf = (text: string) => must(fromHex(text.replaceAll(" ", "")), "hex");

/** Without the length prefix, as the framer hands it over. */
function decoded(bytes: Uint8Array) {
  return decodeMessage(bytes.subarray(4));
}

test("every message is laid out as in BEP 3, 5, 6, 10 and 52", () => {
  const span = { piece: 1, begin: 0x4000, length: 0x4000 };
  const piecesRoot = new Uint8Array(32).fill(0xab);
  const hashSpan = { piecesRoot, baseLayer: 1, index: 512, length: 256, proofLayers: 3 };
  const layouts: [PeerMessage, string][] = [
    [{ type: "keep-alive" }, "00000000"],
    [{ type: "choke" }, "00000001 00"],
    [{ type: "unchoke" }, "00000001 01"],
    [{ type: "interested" }, "00000001 02"],
    [{ type: "not-interested" }, "00000001 03"],
    [{ type: "have", piece: 0x01020304 }, "00000005 04 01020304"],
    [{ type: "bitfield", bytes: bytesOf("ff80") }, "00000003 05 ff80"],
    [{ type: "request", ...span }, "0000000d 06 00000001 00004000 00004000"],
    [{ type: "cancel", ...span }, "0000000d 08 00000001 00004000 00004000"],
    [{ type: "port", port: 6881 }, "00000003 09 1ae1"],
    [{ type: "suggest", piece: 7 }, "00000005 0d 00000007"],
    [{ type: "have-all" }, "00000001 0e"],
    [{ type: "have-none" }, "00000001 0f"],
    [{ type: "reject", ...span }, "0000000d 10 00000001 00004000 00004000"],
    [{ type: "allowed-fast", piece: 0xffffffff }, "00000005 11 ffffffff"],
    [{ type: "extended", id: 3, payload: bytesOf("6465") }, "00000004 14 03 6465"],
    [
      { type: "hash-request", ...hashSpan },
      `00000031 15 ${"ab".repeat(32)} 00000001 00000200 00000100 00000003`,
    ],
    [
      { type: "hashes", ...hashSpan, hashes: bytesOf("cd".repeat(64)) },
      `00000071 16 ${"ab".repeat(32)} 00000001 00000200 00000100 00000003 ${"cd".repeat(64)}`,
    ],
    [
      { type: "hash-reject", ...hashSpan },
      `00000031 17 ${"ab".repeat(32)} 00000001 00000200 00000100 00000003`,
    ],
    [{ type: "unknown", id: 99 }, "00000001 63"],
  ];
  for (const [message, layout] of layouts) {
    const bytes = encodeMessage(message);
    equal(hex(bytes), layout.replaceAll(" ", ""), message.type);
    deepEqual(decoded(bytes), { ok: true, value: message });
  }
});

test("a block's head is thirteen bytes before the block", () => {
  const target = new Uint8Array(pieceHeadBytes + 4).fill(0xee);
  writePieceHead(target, 2, { piece: 5, begin: 0x8000, length: 0x4000 });
  equal(hex(target), "eeee 00004009 07 00000005 00008000 eeee".replaceAll(" ", ""));
});

test("what we say, we read back", () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      deepEqual(decoded(encodeMessage(message)), { ok: true, value: message });
    }),
    { numRuns: 500 },
  );
});

test("messages gathered in one writer leave one after another, and the next batch begins empty", () => {
  fc.assert(
    fc.property(fc.array(anyMessage, { maxLength: 40 }), (messages) => {
      const writer = new MessageWriter();
      for (let batch = 0; batch < 2; batch += 1) {
        equal(writer.length, 0);
        for (const message of messages) writer.message(message);
        equal(hex(writer.take()), messages.map((message) => hex(encodeMessage(message))).join(""));
      }
    }),
  );
  const writer = new MessageWriter();
  writer.raw(new Uint8Array(1000).fill(1));
  const taken = writer.take();
  writer.raw(new Uint8Array(1000).fill(2));
  ok(
    taken.every((byte) => byte === 1),
    "what was taken is the taker's",
  );
});

test("a message of any length fits, wherever the writer's buffer has to grow", () => {
  for (let length = 0; length < 1200; length += 1) {
    const bytes = new Uint8Array(length).fill(0x5a);
    for (const message of [
      { type: "bitfield", bytes } as const,
      { type: "extended", id: 7, payload: bytes } as const,
    ]) {
      const writer = new MessageWriter();
      for (let before = 0; before < length % 7; before += 1) writer.message({ type: "have", piece: before });
      writer.message(message);
      deepEqual(decoded(writer.take().subarray((length % 7) * 9)), { ok: true, value: message });
    }
  }
});

test("a length that the id does not allow is refused, at one byte fewer and one byte more", () => {
  for (const message of everyMessage) {
    const body = encodeMessage(message).subarray(4);
    if (body.length === 0) continue;
    const longer = new Uint8Array(Math.max(body.length, lengthMax(body[0] ?? 0)) + 1);
    longer.set(body);
    const answer = decodeMessage(longer);
    equal(answer.ok, false, `${message.type} one byte too long`);
    for (const [length, cut] of cutEverywhere(body, decodeMessage).entries()) {
      const free = message.type === "bitfield" || message.type === "extended";
      const wholeHashes = message.type === "hashes" && length >= 49 && (length - 49) % 32 === 0;
      const good = length === 0 || wholeHashes || (free && length >= (message.type === "bitfield" ? 1 : 2));
      equal(cut.ok, good, `${message.type} cut at ${length}`);
    }
  }
});

test("the limits of each id hold at n and n + 1", () => {
  const answer = (id: number, length: number) => {
    const bytes = new Uint8Array(length);
    bytes[0] = id;
    const read = decodeMessage(bytes);
    return read.ok ? "ok" : read.reason;
  };
  const { bitfieldBytesMax, extendedBytesMax, hashesBytesMax, messageBytesMax, blockBytes } = peerWireLimits;
  equal(answer(messageId.bitfield, bitfieldBytesMax), "ok");
  equal(answer(messageId.bitfield, bitfieldBytesMax + 1), "too-long");
  equal(answer(messageId.extended, extendedBytesMax), "ok");
  equal(answer(messageId.extended, extendedBytesMax + 1), "too-long");
  equal(answer(messageId.hashes, hashesBytesMax), "ok");
  equal(answer(messageId.hashes, hashesBytesMax + 1), "too-long");
  equal(answer(messageId.hashRequest, 50), "too-long");
  equal(answer(250, messageBytesMax), "ok");
  equal(answer(250, messageBytesMax + 1), "too-long");
  equal(lengthMax(messageId.piece), 9 + blockBytes);
  for (const id of [messageId.have, messageId.port, messageId.request, messageId.extended, messageId.hashes])
    equal(answer(id, 1), "wrong-length");
});

test("10,000 mutated messages are read or refused, and every reason is met", () => {
  const samples = everyMessage.map((message) => encodeMessage(message).subarray(4));
  const tally = fuzzCodec({ name: "peer-message", seed: 1, samples, decode: decodeMessage });
  ok(tally.accepted > 2000, `${tally.accepted} accepted`);
  deepEqual([...tally.reasons.keys()].sort(), ["too-long", "wrong-length"]);
});
