import { equal, match, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { fail, ok as good, Prng, utf8 } from "../index.ts";
import { cutEverywhere, FuzzFailure, fuzzCodec, mutate } from "./index.ts";

const samples = [utf8("d1:ai1ee"), utf8("l4:spam4:eggse")];

test("a decoder that throws on one kind of input is caught, with the line that replays it", () => {
  const decode = (bytes: Uint8Array) => {
    if (bytes.includes(0xff)) throw new RangeError("met 255");
    return bytes.length > 2 ? good(bytes.length) : fail("truncated");
  };
  throws(
    () => fuzzCodec({ name: "planted", seed: 1, samples, decode }),
    (error: unknown) => {
      ok(error instanceof FuzzFailure);
      match(error.message, /fuzz planted: seed 1, input \d+ of 10000: RangeError: met 255/);
      match(error.message, /DURE_FUZZ_INPUT=planted:[0-9a-f]*ff[0-9a-f]* node --test/);
      return true;
    },
  );
});

test("a decoder that needs too long for one input is caught", () => {
  const decode = (bytes: Uint8Array) => {
    const until = performance.now() + (bytes.length === 0 ? 5 : 0);
    while (performance.now() < until);
    return good(true);
  };
  throws(
    () => fuzzCodec({ name: "slow", seed: 1, samples, decode, answerMsMax: 2 }),
    /no answer within 2 ms/,
  );
});

test("a decoder that keeps what it has read is caught", () => {
  const kept: Uint8Array[] = [];
  const decode = (bytes: Uint8Array) => good(kept.push(new Uint8Array(20_000).fill(bytes.length)));
  throws(
    () => fuzzCodec({ name: "leak", seed: 1, samples, decode, runs: 1000 }),
    /1000 inputs left \d+ bytes in memory/,
  );
});

test("an answer that breaks the test's own rule is caught", () => {
  const check = (answer: { value: number }) => ok(answer.value < 3, "never three");
  throws(
    () => fuzzCodec({ name: "rule", seed: 1, samples, decode: (bytes) => good(bytes.length), check }),
    /never three/,
  );
});

test("a sound decoder passes, and the tally counts every reason", () => {
  const decode = (bytes: Uint8Array) => (bytes[0] === 0x64 ? good(1) : fail("not-d"));
  const tally = fuzzCodec({ name: "sound", seed: 1, samples, decode, runs: 2000 });
  equal(tally.inputs, 2002);
  equal(tally.accepted + (tally.reasons.get("not-d") ?? 0), 2002);
  ok(tally.accepted > 400 && tally.accepted < 1600, "mutations keep some samples valid");
});

test("one seed gives one campaign, another seed another", () => {
  const inputsOf = (seed: number) => {
    const prng = new Prng(seed);
    return Array.from({ length: 50 }, () => mutate(prng, samples).join(",")).join(";");
  };
  equal(inputsOf(3), inputsOf(3));
  ok(inputsOf(3) !== inputsOf(4));
});

test("a sample is cut at every byte, and a throw names the cut", () => {
  const lengths = cutEverywhere(utf8("abc"), (bytes) => bytes.length);
  equal(lengths.join(","), "0,1,2");
  const decode = (bytes: Uint8Array) => {
    if (bytes.length === 2) throw new RangeError("two");
  };
  throws(() => cutEverywhere(utf8("abc"), decode), /cut at 2 of 3: RangeError: two/);
});
