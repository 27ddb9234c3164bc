import { deepEqual, equal, ok } from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import {
  canonicalIp,
  decodeCompactList,
  encodeCompact,
  familyOf,
  formatAddress,
  formatIp,
  fromUtf8,
  type IpScope,
  ipScope,
  parseAddress,
  parseIp,
  utf8,
} from "./index.ts";
import { fuzzCodec } from "./testing/index.ts";

test("addresses are written and read in one spelling", () => {
  equal(formatAddress({ ip: "1.2.3.4", port: 80 }), "1.2.3.4:80");
  equal(formatAddress({ ip: "::1", port: 80 }), "[::1]:80");
  deepEqual(parseAddress("[2001:DB8:0:0:0:0:0:1]:6881"), { ip: "2001:db8::1", port: 6881 });
  deepEqual(parseAddress("[::ffff:1.2.3.4]:1"), { ip: "1.2.3.4", port: 1 });
  for (const text of [
    "1.2.3.4",
    "1.2.3.4:",
    "1.2.3.4:65536",
    "::1:80",
    "[::1]",
    "[1.2.3.4]x:1",
    "host:80",
    "1.2.3:4",
  ]) {
    equal(parseAddress(text), undefined, text);
  }
});

test("one IP has one spelling (RFC 5952)", () => {
  for (const [spelled, canonical] of [
    ["0:0:0:0:0:0:0:0", "::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["1:0:0:0:0:0:0:0", "1::"],
    ["2001:0DB8::0001", "2001:db8::1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1:0:0:2:0:0:3:4", "1::2:0:0:3:4"], // of two equal runs the first
    ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"], // one zero is no run
    ["::1.2.3.4", "::102:304"],
    ["::ffff:7f00:1", "127.0.0.1"],
    ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
    ["255.255.255.255", "255.255.255.255"],
  ] as const) {
    equal(canonicalIp(spelled), canonical);
  }
});

test("what is not an IP literal is none", () => {
  for (const text of [
    ...["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.x", " 1.2.3.4", "0x7f.0.0.1", "127.1"],
    ...[
      ":",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7::8",
      "12345::",
      "g::",
      "::1.2.3",
    ],
    ...["1.2.3.4::", "::256.1.1.1", "fe80::1%eth0", "1:2:3:4:5:6:7:1.2.3.4", "::1:", ":1:2:3:4:5:6:7"],
  ]) {
    equal(parseIp(text), undefined, text);
  }
});

test("every IP survives being written and read, and the platform agrees on what is one", () => {
  const ip4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
  const sparse = fc.array(fc.constantFrom(0, 0, 0, 1, 0xff), { minLength: 16, maxLength: 16 });
  const ip6 = sparse.map((bytes) => Uint8Array.from(bytes));
  fc.assert(
    fc.property(fc.oneof(ip4, ip6), (bytes) => {
      const text = formatIp(bytes);
      equal(canonicalIp(text), text);
      equal(isIP(text), familyOf(text));
      equal(text.includes(":") ? 6 : 4, familyOf(text));
    }),
  );
  fc.assert(fc.property(fc.ipV6(), (text) => ok(parseIp(text)?.length === 16 && isIP(text) === 6)));
  const soup = fc.string({ unit: fc.constantFrom(..."0123456789abcdef::::..."), maxLength: 24 });
  fc.assert(
    fc.property(soup, (text) => equal(parseIp(text) !== undefined, isIP(text) !== 0, text)),
    { numRuns: 5000 },
  );
});

test("compact peers are six or eighteen bytes, and a fragment at the end is left out (BEP 23, BEP 7)", () => {
  const a = { ip: "1.2.3.4", port: 0x1a2b };
  const b = { ip: "2001:db8::1", port: 80 };
  deepEqual(encodeCompact(a), Uint8Array.of(1, 2, 3, 4, 0x1a, 0x2b));
  equal(encodeCompact(b).length, 18);
  deepEqual(decodeCompactList(Uint8Array.of(...encodeCompact(a), ...encodeCompact(a), 7, 7), 4), [a, a]);
  deepEqual(decodeCompactList(encodeCompact(b), 6), [b]);
  deepEqual(decodeCompactList(new Uint8Array(5), 4), []);
});

test("an IP's scope is that of RFC 6890, and of what it carries inside", () => {
  const scopes: readonly (readonly [IpScope, readonly string[]])[] = [
    [
      "global",
      [
        "8.8.8.8",
        "172.15.0.1",
        "172.32.0.1",
        "100.63.0.1",
        "100.128.0.1",
        "192.0.1.1",
        "198.17.0.1",
        "2001:db8::1",
      ],
    ],
    [
      "private",
      [
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "100.127.0.1",
        "fd00::1",
        "fec0::1",
      ],
    ],
    ["loopback", ["127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]],
    ["link-local", ["169.254.1.1", "fe80::1", "febf::1"]],
    ["unspecified", ["0.0.0.0", "0.1.2.3", "::"]],
    ["multicast", ["224.0.0.1", "239.255.255.255", "ff02::1"]],
    [
      "reserved",
      [
        "240.0.0.1",
        "255.255.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "198.19.9.9",
        "::2",
        "::7f00:1",
        "not an ip",
      ],
    ],
  ];
  for (const [scope, ips] of scopes) for (const ip of ips) equal(ipScope(ip), scope, ip);
});

test("ten thousand hostile addresses: no throw, no hang, and what is read has one spelling", () => {
  const samples = ["1.2.3.4:80", "[2001:db8::1]:6881", "[::ffff:1.2.3.4]:1"].map((text) => utf8(text));
  fuzzCodec({
    name: "address",
    seed: 4,
    samples,
    decode: (bytes) => parseAddress(fromUtf8(bytes)),
    check: (address) => {
      if (address !== undefined) deepEqual(parseAddress(formatAddress(address)), address);
    },
  });
});
