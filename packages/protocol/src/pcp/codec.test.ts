import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { concat, fromHex, hex, must, seconds } from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import fc from "fast-check";
import { encodeNatPmpResponse } from "../nat-pmp/index.ts";
import { decodePcpRequest, encodePcpRequest, type PcpRequest } from "./requests.ts";
import { decodePcpResponse, encodePcpResponse, type PcpResponse, pcpRefusals } from "./responses.ts";

const bytesOf = (text: string) => must(fromHex(text.replaceAll(/\s/g, "")), "hex");
const nonce = bytesOf("000102030405060708090a0b");
const mapping = {
  nonce,
  protocol: "tcp",
  internalPort: 6881,
  externalPort: 6881,
  externalIp: "0.0.0.0",
} as const;

const requests: readonly (readonly [PcpRequest, string])[] = [
  [{ opcode: "announce", clientIp: "192.0.2.9" }, "02 00 0000 00000000 00000000000000000000ffffc0000209"],
  [
    { opcode: "map", clientIp: "192.0.2.9", lifetime: seconds(7200), mapping },
    `02 01 0000 00001c20 00000000000000000000ffffc0000209
     000102030405060708090a0b 06 000000 1ae1 1ae1 00000000000000000000ffff00000000`,
  ],
  [
    {
      opcode: "map",
      clientIp: "2001:db8::9",
      lifetime: seconds(0),
      mapping: { ...mapping, protocol: "udp", externalPort: 0, externalIp: "::" },
    },
    `02 01 0000 00000000 20010db8000000000000000000000009
     000102030405060708090a0b 11 000000 1ae1 0000 00000000000000000000000000000000`,
  ],
];

const assigned = { ...mapping, externalPort: 50_000, externalIp: "198.51.100.7" } as const;
const responses: readonly (readonly [Exclude<PcpResponse, { type: "unsupported-version" }>, string])[] = [
  [{ type: "announced", epochSeconds: 258 }, "02 80 0000 00000000 00000102 000000000000000000000000"],
  [
    { type: "mapped", epochSeconds: 258, lifetime: seconds(3600), mapping: assigned },
    `02 81 0000 00000e10 00000102 000000000000000000000000
     000102030405060708090a0b 06 000000 1ae1 c350 00000000000000000000ffffc6336407`,
  ],
  [
    { type: "refused", epochSeconds: 258, lifetime: seconds(30), result: "no-resources", mapping },
    `02 81 0008 0000001e 00000102 000000000000000000000000
     000102030405060708090a0b 06 000000 1ae1 1ae1 00000000000000000000ffff00000000`,
  ],
  [
    {
      type: "refused",
      epochSeconds: 1,
      lifetime: seconds(1800),
      result: "unsupported-opcode",
      mapping: undefined,
    },
    "02 80 0004 00000708 00000001 000000000000000000000000",
  ],
  [
    {
      type: "refused",
      epochSeconds: 1,
      lifetime: seconds(1800),
      result: "unknown-result",
      mapping: undefined,
    },
    "02 80 00ff 00000708 00000001 000000000000000000000000",
  ],
];

test("requests are laid out as in RFC 6887, and a server reads them back", () => {
  for (const [request, layout] of requests) {
    equal(hex(encodePcpRequest(request)), layout.replaceAll(/\s/g, ""));
    deepEqual(decodePcpRequest(bytesOf(layout)), { ok: true, value: request });
  }
  const short = { ...mapping, nonce: nonce.subarray(1) };
  throws(
    () => encodePcpRequest({ opcode: "map", clientIp: "::1", lifetime: seconds(1), mapping: short }),
    /12/,
  );
});

test("responses are laid out as in RFC 6887, and a client reads them back", () => {
  for (const [response, layout] of responses) {
    equal(hex(encodePcpResponse(response)), layout.replaceAll(/\s/g, ""));
    deepEqual(decodePcpResponse(bytesOf(layout)), { ok: true, value: response });
  }
});

test("each of the thirteen refusals has its number", () => {
  for (const [index, result] of pcpRefusals.entries()) {
    const refused = { type: "refused", epochSeconds: 0, lifetime: seconds(1), result, mapping } as const;
    const bytes = encodePcpResponse(refused);
    equal(bytes[3], index + 1);
    deepEqual(decodePcpResponse(bytes), { ok: true, value: refused });
  }
});

test("a NAT-PMP gateway's answer to a PCP request is understood as another version", () => {
  const refusal = {
    type: "refused",
    epochSeconds: 7,
    protocol: "udp",
    result: "unsupported-version",
  } as const;
  const answer = decodePcpResponse(encodeNatPmpResponse(refusal));
  deepEqual(answer, { ok: true, value: { type: "unsupported-version", version: 0 } });
  const draft = decodePcpResponse(bytesOf("01 81 0001"));
  deepEqual(draft, { ok: true, value: { type: "unsupported-version", version: 1 } });
});

test("options that are optional are passed over, the others refuse the request", () => {
  const map = encodePcpRequest(must(requests[1], "there is one")[0]);
  const reasonWith = (options: string) => {
    const read = decodePcpRequest(concat([map, bytesOf(options)]));
    return read.ok ? "none" : read.reason;
  };
  equal(reasonWith("80 00 0003 01020300 81 00 0000"), "none");
  equal(reasonWith("80 00 0000 02 00 0000"), "unsupported-option");
  equal(reasonWith("80 00 0005 01020304"), "malformed-option");
  const response = encodePcpResponse(must(responses[1], "there is one")[0]);
  ok(decodePcpResponse(concat([response, bytesOf("02 00 ffff")])).ok, "a client does not look at them");
});

test("each broken message has its reason", () => {
  const reason = (read: { readonly ok: boolean; readonly reason?: string }) => read.reason ?? "none";
  const map = encodePcpRequest(must(requests[1], "there is one")[0]);
  const changed = (bytes: Uint8Array, offset: number, value: number) => {
    const copy = bytes.slice();
    copy[offset] = value;
    return copy;
  };
  equal(reason(decodePcpRequest(map.subarray(0, 1))), "truncated");
  equal(reason(decodePcpRequest(map.subarray(0, 20))), "truncated");
  equal(reason(decodePcpRequest(map.subarray(0, 56))), "truncated");
  equal(reason(decodePcpRequest(map.subarray(0, 59))), "not-padded");
  equal(reason(decodePcpRequest(concat([map, new Uint8Array(1044)]))), "too-long");
  equal(reason(decodePcpRequest(changed(map, 0, 0))), "unsupported-version");
  equal(reason(decodePcpRequest(changed(map, 1, 0x81))), "not-a-request");
  equal(reason(decodePcpRequest(changed(map, 1, 2))), "unsupported-opcode");
  equal(reason(decodePcpRequest(changed(map, 36, 0))), "unsupported-protocol");
  const answer = encodePcpResponse(must(responses[1], "there is one")[0]);
  equal(reason(decodePcpResponse(answer.subarray(0, 3))), "truncated");
  equal(reason(decodePcpResponse(answer.subarray(0, 20))), "truncated");
  equal(reason(decodePcpResponse(answer.subarray(0, 56))), "truncated");
  equal(reason(decodePcpResponse(answer.subarray(0, 57))), "not-padded");
  equal(reason(decodePcpResponse(concat([answer, new Uint8Array(1044)]))), "too-long");
  equal(reason(decodePcpResponse(changed(answer, 0, 1))), "wrong-version");
  equal(reason(decodePcpResponse(changed(answer, 1, 1))), "not-a-response");
  equal(reason(decodePcpResponse(changed(answer, 1, 0x82))), "unknown-opcode");
  equal(reason(decodePcpResponse(changed(answer, 36, 1))), "unknown-protocol");
});

test("a message cut anywhere is refused", () => {
  for (const [request] of requests) {
    for (const answer of cutEverywhere(encodePcpRequest(request), decodePcpRequest)) ok(!answer.ok);
  }
  for (const [response] of responses.slice(0, 2)) {
    for (const answer of cutEverywhere(encodePcpResponse(response), decodePcpResponse)) ok(!answer.ok);
  }
});

test("what we ask, a server reads back", () => {
  const port = fc.integer({ min: 0, max: 65_535 });
  const request = fc.record(
    {
      opcode: fc.constant("map" as const),
      clientIp: fc.constantFrom("10.0.0.2", "2001:db8::2"),
      lifetime: fc.integer({ min: 0, max: 0xffff_ffff }).map(seconds),
      mapping: fc.record(
        {
          nonce: fc.uint8Array({ minLength: 12, maxLength: 12 }),
          protocol: fc.constantFrom("tcp" as const, "udp" as const),
          internalPort: port,
          externalPort: port,
          externalIp: fc.constantFrom("0.0.0.0", "::", "198.51.100.1", "2001:db8::1"),
        },
        { noNullPrototype: true },
      ),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(request, (sent) => {
      deepEqual(decodePcpRequest(encodePcpRequest(sent)), { ok: true, value: sent });
    }),
  );
});

test("10,000 mutated messages are read or refused, on either side", () => {
  const map = encodePcpRequest(must(requests[1], "there is one")[0]);
  const asked = fuzzCodec({
    name: "pcp-request",
    seed: 1,
    samples: [
      ...requests.map(([request]) => encodePcpRequest(request)),
      concat([map, bytesOf("80 00 0003 01020300 81 00 0000")]),
      concat([map, bytesOf("80 00 0005 01020304")]),
      concat([map, new Uint8Array(1040).fill(0x80)]),
    ],
    decode: decodePcpRequest,
  });
  ok(asked.accepted > 500, `${asked.accepted} accepted`);
  deepEqual([...asked.reasons.keys()].sort(), [
    "malformed-option",
    "not-a-request",
    "not-padded",
    "too-long",
    "truncated",
    "unsupported-opcode",
    "unsupported-option",
    "unsupported-protocol",
    "unsupported-version",
  ]);
  const answered = fuzzCodec({
    name: "pcp-response",
    seed: 2,
    samples: [
      ...responses.map(([response]) => encodePcpResponse(response)),
      bytesOf("00 81 0001 00000007"),
      concat([encodePcpResponse(must(responses[1], "there is one")[0]), new Uint8Array(1040)]),
    ],
    decode: decodePcpResponse,
  });
  ok(answered.accepted > 1000, `${answered.accepted} accepted`);
  deepEqual([...answered.reasons.keys()].sort(), [
    "not-a-response",
    "not-padded",
    "too-long",
    "truncated",
    "unknown-opcode",
    "unknown-protocol",
    "wrong-version",
  ]);
});
