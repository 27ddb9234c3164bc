import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { concat, fromHex, hex, must, seconds } from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import fc from "fast-check";
import { decodeNatPmpRequest, encodeNatPmpRequest, type NatPmpRequest } from "./requests.ts";
import { decodeNatPmpResponse, encodeNatPmpResponse, type NatPmpResponse } from "./responses.ts";

const bytesOf = (text: string) => must(fromHex(text.replaceAll(" ", "")), "hex");

const requests: readonly (readonly [NatPmpRequest, string])[] = [
  [{ opcode: "external-address" }, "00 00"],
  [
    { opcode: "map", protocol: "udp", internalPort: 6881, externalPort: 6881, lifetime: seconds(7200) },
    "00 01 0000 1ae1 1ae1 00001c20",
  ],
  [
    { opcode: "map", protocol: "tcp", internalPort: 6881, externalPort: 0, lifetime: seconds(0) },
    "00 02 0000 1ae1 0000 00000000",
  ],
];

const responses: readonly (readonly [NatPmpResponse, string])[] = [
  [
    { type: "external-address", epochSeconds: 0x01020304, externalIp: "198.51.100.7" },
    "00 80 0000 01020304 c6336407",
  ],
  [
    {
      type: "mapped",
      epochSeconds: 5,
      protocol: "udp",
      internalPort: 6881,
      externalPort: 50_000,
      lifetime: seconds(3600),
    },
    "00 81 0000 00000005 1ae1 c350 00000e10",
  ],
  [
    {
      type: "mapped",
      epochSeconds: 5,
      protocol: "tcp",
      internalPort: 1,
      externalPort: 0,
      lifetime: seconds(0),
    },
    "00 82 0000 00000005 0001 0000 00000000",
  ],
  [
    { type: "refused", epochSeconds: 9, protocol: undefined, result: "unsupported-version" },
    "00 80 0001 00000009",
  ],
  [{ type: "refused", epochSeconds: 9, protocol: "tcp", result: "not-authorized" }, "00 82 0002 00000009"],
  [{ type: "refused", epochSeconds: 9, protocol: "udp", result: "network-failure" }, "00 81 0003 00000009"],
  [{ type: "refused", epochSeconds: 9, protocol: "udp", result: "out-of-resources" }, "00 81 0004 00000009"],
  [
    { type: "refused", epochSeconds: 9, protocol: undefined, result: "unsupported-opcode" },
    "00 80 0005 00000009",
  ],
  [{ type: "refused", epochSeconds: 9, protocol: "udp", result: "unknown-result" }, "00 81 0006 00000009"],
];

test("requests are laid out as in RFC 6886, and a gateway reads them back", () => {
  for (const [request, layout] of requests) {
    equal(hex(encodeNatPmpRequest(request)), layout.replaceAll(" ", ""));
    deepEqual(decodeNatPmpRequest(bytesOf(layout)), { ok: true, value: request });
  }
  throws(() => encodeNatPmpRequest({ ...mapOf(1), internalPort: 0 }));
  throws(() => encodeNatPmpRequest({ ...mapOf(1), externalPort: 65_536 }));
});

test("responses are laid out as in RFC 6886, and a client reads them back", () => {
  for (const [response, layout] of responses) {
    equal(hex(encodeNatPmpResponse(response)), layout.replaceAll(" ", ""));
    deepEqual(decodeNatPmpResponse(bytesOf(layout)), { ok: true, value: response });
  }
  throws(() =>
    encodeNatPmpResponse({ type: "external-address", epochSeconds: 0, externalIp: "2001:db8::1" }),
  );
});

test("what comes behind a message is no mistake, and a refusal may be as long as an answer", () => {
  for (const [response, layout] of responses) {
    deepEqual(decodeNatPmpResponse(concat([bytesOf(layout), new Uint8Array(8)])), {
      ok: true,
      value: response,
    });
  }
});

test("each broken message has its reason", () => {
  const reason = (text: string) => {
    const read = decodeNatPmpResponse(bytesOf(text));
    return read.ok ? "none" : read.reason;
  };
  equal(reason("00 80 0000 000000"), "truncated");
  equal(reason("00 80 0000 00000000 c63364"), "truncated");
  equal(reason("02 80 0000 00000000 c6336407"), "wrong-version");
  equal(reason("00 00 0000 00000000 c6336407"), "not-a-response");
  equal(reason("00 83 0000 00000000 c6336407"), "unknown-opcode");
  const refusal = (text: string) => {
    const read = decodeNatPmpRequest(bytesOf(text));
    return read.ok ? "none" : read.reason;
  };
  equal(refusal("00"), "truncated");
  equal(refusal("01 00"), "unsupported-version");
  equal(refusal("00 03"), "unsupported-opcode");
  equal(refusal("00 01 0000 1ae1 1ae1 00001c"), "truncated");
});

test("a message cut anywhere is refused", () => {
  for (const [request] of requests) {
    for (const answer of cutEverywhere(encodeNatPmpRequest(request), decodeNatPmpRequest)) ok(!answer.ok);
  }
  for (const [response] of responses) {
    for (const answer of cutEverywhere(encodeNatPmpResponse(response), decodeNatPmpResponse)) ok(!answer.ok);
  }
});

test("what we ask, a gateway reads back", () => {
  const port = fc.integer({ min: 1, max: 65_535 });
  const lifetime = fc.integer({ min: 0, max: 0xffff_ffff }).map(seconds);
  const protocol = fc.constantFrom("tcp" as const, "udp" as const);
  const request = fc.record(
    { opcode: fc.constant("map" as const), protocol, internalPort: port, externalPort: port, lifetime },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(request, (sent) => {
      deepEqual(decodeNatPmpRequest(encodeNatPmpRequest(sent)), { ok: true, value: sent });
    }),
  );
});

test("10,000 mutated messages are read or refused, on either side", () => {
  const asked = fuzzCodec({
    name: "nat-pmp-request",
    seed: 1,
    samples: requests.map(([request]) => encodeNatPmpRequest(request)),
    decode: decodeNatPmpRequest,
  });
  ok(asked.accepted > 1000, `${asked.accepted} accepted`);
  deepEqual([...asked.reasons.keys()].sort(), ["truncated", "unsupported-opcode", "unsupported-version"]);
  const answered = fuzzCodec({
    name: "nat-pmp-response",
    seed: 2,
    samples: responses.map(([response]) => encodeNatPmpResponse(response)),
    decode: decodeNatPmpResponse,
  });
  ok(answered.accepted > 1000, `${answered.accepted} accepted`);
  deepEqual([...answered.reasons.keys()].sort(), [
    "not-a-response",
    "truncated",
    "unknown-opcode",
    "wrong-version",
  ]);
});

function mapOf(port: number) {
  return {
    opcode: "map",
    protocol: "tcp",
    internalPort: port,
    externalPort: port,
    lifetime: seconds(1),
  } as const;
}
