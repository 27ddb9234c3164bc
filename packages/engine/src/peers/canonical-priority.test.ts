import { equal } from "node:assert/strict";
import { test } from "node:test";
import { type Address, must, parseAddress, utf8 } from "@dure/base";
import fc from "fast-check";
import { canonicalPriority, crc32c } from "./canonical-priority.ts";

test("both examples of BEP 40 give their number", () => {
  equal(priority("123.213.32.10:0", "98.76.54.32:0"), 0xec2d7224);
  equal(priority("123.213.32.10:0", "123.213.32.234:0"), 0x99568189);
});

test("CRC-32C of the nine digits is the catalogue's check value", () => {
  equal(crc32c(utf8("123456789")), 0xe3069283);
  equal(crc32c(new Uint8Array()), 0);
});

test("the mask is FF.FF.55.55, then FF.FF.FF.55 in one /16 and the whole address in one /24", () => {
  // 0xaa is masked away entirely: what differs only there makes no difference.
  equal(priority("1.2.0.0:0", "9.9.0.0:0"), priority("1.2.170.170:0", "9.9.170.170:0"));
  equal(priority("1.2.3.0:0", "1.2.4.0:0"), priority("1.2.3.170:0", "1.2.4.170:0"));
  equal(priority("1.2.0.0:0", "1.2.4.0:0") === priority("1.2.170.0:0", "1.2.4.0:0"), false);
  equal(priority("1.2.3.0:0", "1.2.3.1:0") === priority("1.2.3.170:0", "1.2.3.1:0"), false);
});

test("IPv6 begins with six whole bytes and takes one more for each that is common", () => {
  const a = "[2001:db8:1::aa]:0";
  equal(priority(a, "[2001:db9::aa]:0"), priority("[2001:db8:1::]:0", "[2001:db9::]:0"));
  equal(priority(a, "[2001:db8:1:aa00::1]:0"), priority(a, "[2001:db8:1:aaaa::1]:0"));
  equal(priority(a, "[2001:db8:1:aa00::1]:0") === priority(a, "[2001:db8:1:ab00::1]:0"), false);
});

test("peers at one address are told apart by their ports", () => {
  equal(priority("1.2.3.4:80", "1.2.3.4:443"), crc32c(Uint8Array.of(0, 80, 1, 187)));
  equal(priority("1.2.3.4:443", "1.2.3.4:80"), crc32c(Uint8Array.of(0, 80, 1, 187)));
});

test("both sides come to the same number", () => {
  const addresses = fc.record({ ip: fc.ipV4(), port: fc.integer({ min: 1, max: 65_535 }) });
  fc.assert(
    fc.property(addresses, addresses, (a, b) => {
      equal(canonicalPriority(a, b), canonicalPriority(b, a));
    }),
  );
});

test("there is no priority between two families", () => {
  equal(canonicalPriority(at("1.2.3.4:1"), at("[2001:db8::1]:1")), undefined);
  equal(canonicalPriority({ ip: "a name", port: 1 }, at("1.2.3.4:1")), undefined);
});

function priority(a: string, b: string): number {
  return must(canonicalPriority(at(a), at(b)), "one family");
}

function at(text: string): Address {
  return must(parseAddress(text), "an address");
}
