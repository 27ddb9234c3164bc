import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { concat, fromHex, hex, must, type Prng } from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import fc from "fast-check";
import {
  decodeUtpPacket,
  encodeUtpPacket,
  looksLikeUtp,
  padUtpPacket,
  stampUtpPacket,
  utpData,
  utpState,
  writeUtpHeader,
} from "./packet.ts";

const bytesOf = (text: string) => must(fromHex(text.replaceAll(/\s/g, "")), "hex");
const header = { type: utpState, connectionId: 0x1234, seq: 0xfffe };
const stamp = { timestamp: 0xdeadbeef, difference: 7, window: 0x0010_0000, ack: 0x0102 };
const layout = "21 00 1234 deadbeef 00000007 00100000 fffe 0102";

function dataPacket(payload: Uint8Array): Uint8Array {
  const bytes = concat([new Uint8Array(20), payload]);
  writeUtpHeader(bytes, { ...header, type: utpData });
  stampUtpPacket(bytes, stamp);
  return bytes;
}

const reasonOf = (bytes: Uint8Array) => {
  const read = decodeUtpPacket(bytes);
  return read.ok ? "none" : read.reason;
};

test("a packet is laid out as in BEP 29", () => {
  const bytes = encodeUtpPacket(header, stamp);
  equal(hex(bytes), layout.replaceAll(" ", ""));
  deepEqual(decodeUtpPacket(bytes), {
    ok: true,
    value: { ...header, ...stamp, sackFrom: 0, sackBytes: 0, payloadFrom: 20 },
  });
});

test("a selective acknowledgement follows the header, and the payload what follows it", () => {
  const bytes = encodeUtpPacket(header, stamp, bytesOf("01000080"));
  equal(hex(bytes), `${layout.replaceAll(" ", "").replace("2100", "2101")}000401000080`);
  const data = bytesOf(
    "01 02 1234 deadbeef 00000007 00100000 fffe 0102 01 08 0000000000000000 00 04 ff000000 6869",
  );
  const read = decodeUtpPacket(data);
  ok(read.ok);
  deepEqual([read.value.sackFrom, read.value.sackBytes, read.value.payloadFrom], [32, 4, 36]); // past the extension bits
});

test("each broken packet has its reason", () => {
  const whole = bytesOf(layout);
  const changed = (offset: number, ...values: number[]) => {
    const copy = whole.slice();
    copy.set(values, offset);
    return copy;
  };
  equal(reasonOf(whole.subarray(0, 19)), "truncated");
  equal(reasonOf(changed(0, 0x20)), "wrong-version");
  equal(reasonOf(changed(0, 0x51)), "unknown-type");
  equal(reasonOf(changed(0, 0x21, 1)), "extension-truncated");
  equal(reasonOf(concat([changed(0, 0x21, 1), bytesOf("0004000000")])), "extension-truncated");
  equal(reasonOf(concat([changed(0, 0x21, 1), bytesOf("0003000000")])), "none"); // as libtorrent sends it
  equal(reasonOf(concat([changed(0, 0x21, 1), bytesOf("0000")])), "wrong-selective-ack");
  equal(reasonOf(changed(0, 0x01)), "no-payload");
});

test("padding to any size leaves the payload as it was, and every receiver skips it", () => {
  const payload = bytesOf("68656c6c6f");
  const plain = dataPacket(payload);
  for (let size = plain.length + 2; size <= 1472; size += 1) {
    const padded = padUtpPacket(plain, size);
    equal(padded.length, size);
    const read = decodeUtpPacket(padded);
    ok(read.ok);
    equal(hex(padded.subarray(read.value.payloadFrom)), hex(payload));
    deepEqual([read.value.seq, read.value.sackBytes], [header.seq, 0]);
  }
});

test("datagrams of the DHT and of UDP trackers are not taken for ours", () => {
  ok(looksLikeUtp(bytesOf(layout)));
  ok(!looksLikeUtp(bytesOf("64313a6164323a696432303a6162636465666768696a")));
  for (const action of ["00000000", "00000001", "00000002", "00000003"]) {
    ok(!looksLikeUtp(bytesOf(action + "00".repeat(28))));
  }
  ok(!looksLikeUtp(bytesOf(layout).subarray(0, 19)));
});

test("whatever is encoded is read back", () => {
  const number = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 });
  const packet = fc.record({
    type: fc.integer({ min: 1, max: 4 }),
    connectionId: number(16),
    seq: number(16),
    timestamp: number(32),
    difference: number(32),
    window: number(32),
    ack: number(16),
    words: fc.integer({ min: 0, max: 63 }),
  });
  fc.assert(
    fc.property(packet, ({ words, type, connectionId, seq, ...rest }) => {
      const mask = words === 0 ? undefined : new Uint8Array(words * 4).fill(0x5a);
      const bytes = encodeUtpPacket({ type, connectionId, seq }, rest, mask);
      const read = decodeUtpPacket(bytes);
      ok(read.ok);
      const { sackFrom, sackBytes, payloadFrom, ...numbers } = read.value;
      deepEqual(numbers, { type, connectionId, seq, ...rest });
      deepEqual([sackBytes, payloadFrom], [words * 4, bytes.length]);
      equal(sackFrom, words === 0 ? 0 : 22);
    }),
  );
});

test("a packet cut anywhere is refused, unless only payload is missing", () => {
  const sack = encodeUtpPacket(header, stamp, new Uint8Array(8));
  ok(cutEverywhere(sack, decodeUtpPacket).every((answer) => !answer.ok));
  const data = cutEverywhere(dataPacket(new Uint8Array(4)), decodeUtpPacket);
  deepEqual(
    data.map((answer) => answer.ok),
    data.map((_, length) => length > 20),
  );
});

test("strangers' packets are read or refused, 10,000 times", () => {
  const samples = [
    encodeUtpPacket(header, stamp),
    encodeUtpPacket(header, stamp, new Uint8Array(12).fill(0xff)),
    dataPacket(new Uint8Array(30)),
    padUtpPacket(dataPacket(new Uint8Array(30)), 700),
  ];
  const grammar = (prng: Prng) => {
    const parts = [bytesOf(layout)];
    must(parts[0], "the header")[1] = prng.below(4);
    for (let left = prng.below(6); left > 0; left -= 1) {
      const length = prng.below(4) * 4;
      parts.push(
        Uint8Array.of(prng.below(3), length),
        prng.bytes(length - prng.below(2) * Math.min(length, 1)),
      );
    }
    return concat(parts);
  };
  const tally = fuzzCodec({
    name: "utp-packet",
    seed: 29,
    samples,
    grammar,
    decode: decodeUtpPacket,
    check: (answer, bytes) => {
      if (!answer.ok) return;
      ok(answer.value.payloadFrom <= bytes.length);
      ok(answer.value.sackFrom + answer.value.sackBytes <= bytes.length);
    },
  });
  ok(tally.accepted > 1000);
  equal(tally.reasons.size, 6, [...tally.reasons.keys()].join());
});
