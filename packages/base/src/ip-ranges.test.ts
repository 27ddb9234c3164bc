import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatIp, IpRanges, IpRangesBuilder, must, parseIp, viewOf } from "./index.ts";

function rangesOf(...ranges: readonly (readonly [string, string])[]): IpRanges {
  const builder = new IpRangesBuilder(1000);
  for (const [first, last] of ranges) ok(builder.add(bytesOf(first), bytesOf(last)));
  return builder.build();
}

function bytesOf(ip: string): Uint8Array {
  return must(parseIp(ip), "an IP literal");
}

test("a range holds its first and its last address, and neither the one before nor the one after", () => {
  const four = rangesOf(["10.0.0.5", "10.0.0.9"]);
  for (const ip of ["10.0.0.5", "10.0.0.7", "10.0.0.9", "::ffff:10.0.0.5"]) ok(four.has(ip), ip);
  for (const ip of ["10.0.0.4", "10.0.0.10", "0.0.0.0", "255.255.255.255", "::a00:5"]) ok(!four.has(ip), ip);
  const six = rangesOf(["2001:db8::5", "2001:db8::1:0"]);
  for (const ip of ["2001:db8::5", "2001:db8::ffff", "2001:db8::1:0"]) ok(six.has(ip), ip);
  for (const ip of ["2001:db8::4", "2001:db8::1:1", "::", "ffff::", "1.2.3.4"]) ok(!six.has(ip), ip);
});

test("the ends of the address space are addresses like others", () => {
  const all = rangesOf(["0.0.0.0", "255.255.255.255"], ["::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]);
  for (const ip of ["0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"])
    ok(all.has(ip), ip);
  equal(all.count, 2);
  const last = rangesOf(["255.255.255.255", "255.255.255.255"], ["0.0.0.0", "0.0.0.0"]);
  ok(last.has("255.255.255.255") && last.has("0.0.0.0") && !last.has("1.1.1.1"));
});

test("ranges that overlap or touch become one", () => {
  const ranges = rangesOf(
    ["1.0.0.0", "1.0.0.9"],
    ["1.0.0.5", "1.0.0.6"],
    ["1.0.0.10", "1.0.0.20"],
    ["1.0.0.22", "1.0.0.30"],
  );
  equal(ranges.count, 2);
  ok(ranges.has("1.0.0.20") && !ranges.has("1.0.0.21") && ranges.has("1.0.0.22"));
});

test("mapped addresses are IPv4 in a list as in a question; what is no address is in no list", () => {
  const ranges = rangesOf(["::ffff:9.0.0.0", "::ffff:9.0.0.255"]);
  ok(ranges.has("9.0.0.1") && ranges.has("::ffff:9.0.0.1"));
  ok(!ranges.has("nine") && !ranges.has("9.0.0.256") && !ranges.has(""));
  equal(new IpRanges().has("9.0.0.1"), false);
});

test("one range more than the ceiling is refused", () => {
  const builder = new IpRangesBuilder(2);
  ok(builder.add4(1, 2));
  ok(builder.add(bytesOf("::1"), bytesOf("::2")));
  ok(!builder.add4(3, 4));
  ok(!builder.add(bytesOf("::3"), bytesOf("::4")));
  equal(builder.build().count, 2);
});

test("whatever the ranges, the set holds exactly what some range holds", () => {
  // Few distinct values, so that ranges meet at their ends.
  const word = fc.oneof(fc.nat(20), fc.constantFrom(0xffff_ffff, 0xffff_fffe, 0x8000_0000, 0x7fff_ffff));
  const range4 = fc.tuple(word, word).map((ends) => ends.sort((a, b) => a - b));
  const range6 = fc
    .tuple(fc.nat(40), fc.nat(40), fc.constantFrom(0n, 1n << 32n, 1n << 64n, 1n << 127n))
    .map(([a, b, base]) => [base + BigInt(Math.min(a, b)), base + BigInt(Math.max(a, b))]);
  fc.assert(
    fc.property(fc.array(range4), fc.array(range6), (fours, sixes) => {
      const builder = new IpRangesBuilder(1000);
      for (const [first = 0, last = 0] of fours) builder.add4(first, last);
      for (const [first = 0n, last = 0n] of sixes) builder.add(bytes16(first), bytes16(last));
      const ranges = builder.build();
      for (const value of [...fours.flat(), ...fours.flat().map((end) => (end + 1) >>> 0), 5, 0x8000_0001]) {
        const holds = fours.some(([first = 0, last = 0]) => first <= value && value <= last);
        equal(ranges.has(formatIp(bytes4(value))), holds);
      }
      for (const value of [...sixes.flat(), ...sixes.flat().map((end) => end + 1n)]) {
        const holds = sixes.some(([first = 0n, last = 0n]) => first <= value && value <= last);
        equal(ranges.has(formatIp(bytes16(value))), holds);
      }
    }),
  );
});

function bytes4(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value);
  return bytes;
}

function bytes16(value: bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  viewOf(bytes).setBigUint64(0, value >> 64n);
  viewOf(bytes).setBigUint64(8, value & 0xffff_ffff_ffff_ffffn);
  return bytes;
}
