import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { hex, Prng } from "@dure/base";
import { BloomFilter } from "./index.ts";

// BEP 33, "Test Vectors".
const published = `
 F6C3F5EA A07FFD91 BDE89F77 7F26FB2B FF37BDB8 FB2BBAA2 FD3DDDE7 BACFFF75 EE7CCBAE
 FE5EEDB1 FBFAFF67 F6ABFF5E 43DDBCA3 FD9B9FFD F4FFD3E9 DFF12D1B DF59DB53 DBE9FA5B
 7FF3B8FD FCDE1AFB 8BEDD7BE 2F3EE71E BBBFE93B CDEEFE14 8246C2BC 5DBFF7E7 EFDCF24F
 D8DC7ADF FD8FFFDF DDFFF7A4 BBEEDF5C B95CE81F C7FCFF1F F4FFFFDF E5F7FDCB B7FD79B3
 FA1FC77B FE07FFF9 05B7B7FF C7FEFEFF E0B8370B B0CD3F5B 7F2BD93F EB4386CF DD6F7FD5
 BFAF2E9E BFFFFEEC D67ADBF7 C67F17EF D5D75EBA 6FFEBA7F FF47A91E B1BFBB53 E8ABFB57
 62ABE8FF 237279BF EFBFEEF5 FFC5FEBF DFE5ADFF ADFEE1FB 737FFFFB FD9F6AEF FEEE76B6
 FD8F72EF`;

const addresses4 = Array.from({ length: 256 }, (_, index) => `192.0.2.${index}`);
const addresses6 = Array.from({ length: 0x3e8 }, (_, index) => `2001:db8::${index.toString(16)}`);

test("the 1,256 addresses of BEP 33 give its filter and its estimate", () => {
  const filter = filterOf([...addresses4, ...addresses6]);
  equal(hex(filter.toBytes()), published.replaceAll(/\s/g, "").toLowerCase());
  equal(filter.estimate().toFixed(4), "1224.9309");
});

test("filters joined are the filter of all", () => {
  const joined = filterOf(addresses4);
  joined.merge(filterOf(addresses6));
  deepEqual(joined.toBytes(), filterOf([...addresses4, ...addresses6]).toBytes());
});

test("what was put in is found, what was not mostly is not", () => {
  const filter = filterOf(addresses4);
  for (const ip of addresses4) ok(filter.has(ip), ip);
  const falsely = addresses6.filter((ip) => filter.has(ip)).length;
  // 256 addresses set about 450 of 2,048 bits, so two of them are set in about 5 % of cases.
  ok(falsely < 100, `${falsely} of 1,000`);
});

test("the estimate is near the truth up to 2,000 addresses", () => {
  const prng = new Prng(33);
  for (const count of [1, 10, 100, 500, 2000]) {
    const filter = new BloomFilter();
    for (let index = 0; index < count; index += 1) filter.insert(Array.from(prng.bytes(4)).join("."));
    const wrong = Math.abs(filter.estimate() - count);
    ok(wrong <= Math.max(1, count * 0.1), `${filter.estimate()} for ${count}`);
  }
});

test("an empty filter holds nothing and a full one an unknown number that is finite", () => {
  equal(new BloomFilter().estimate(), 0);
  ok(!new BloomFilter().has("1.2.3.4"));
  const full = new BloomFilter(new Uint8Array(256).fill(0xff));
  ok(full.estimate() > 6000 && full.estimate() < 10_000);
});

test("a filter keeps its own bytes, also when given a Node buffer", () => {
  const bytes = Buffer.alloc(256);
  const filter = new BloomFilter(bytes);
  filter.insert("1.2.3.4");
  ok(bytes.every((byte) => byte === 0));
  filter.toBytes().fill(0xff);
  ok(filter.estimate() < 2);
});

test("another length and what is no address are our own mistakes", () => {
  throws(() => new BloomFilter(new Uint8Array(255)), /256 bytes/);
  throws(() => new BloomFilter().insert("example.org"), /an IP literal/);
});

function filterOf(ips: readonly string[]): BloomFilter {
  const filter = new BloomFilter();
  for (const ip of ips) filter.insert(ip);
  return filter;
}
