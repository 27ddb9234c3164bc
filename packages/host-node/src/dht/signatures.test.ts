import { deepEqual, equal } from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { fromHex, must, utf8 } from "@dure/base";
import { signedBytes } from "@dure/protocol";
import { mutableItem, rawPublicKey } from "./mutable-item.ts";
import { isGood, Signatures } from "./signatures.ts";

const bytes = (text: string) => must(fromHex(text), "hex");

function jobOf(job: number, spoil = false) {
  const { privateKey } = generateKeyPairSync("ed25519");
  const item = mutableItem({ value: utf8("5:hello"), privateKey, sequence: job, salt: utf8("salt") });
  const { publicKey, signature } = item;
  if (spoil) signature[9] = (signature[9] ?? 0) ^ 1;
  return { type: "verify-signature", job, publicKey, signature, message: signedBytes(item) } as const;
}

test("the published signatures of BEP 44 are good, and a changed bit makes them bad", () => {
  const publicKey = bytes("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548");
  const value = utf8("12:Hello World!");
  const plain = bytes(
    "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01",
  );
  const salted = bytes(
    "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17ddf9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08",
  );
  const messages = { plain: signedBytes({ value, sequence: 1, salt: new Uint8Array(0) }) };
  equal(isGood({ publicKey, signature: plain, message: messages.plain }), true);
  const message = signedBytes({ value, sequence: 1, salt: utf8("foobar") });
  equal(isGood({ publicKey, signature: salted, message }), true);
  equal(isGood({ publicKey, signature: plain, message }), false);
  equal(
    isGood({
      publicKey,
      signature: salted,
      message: signedBytes({ value, sequence: 2, salt: utf8("foobar") }),
    }),
    false,
  );
});

test("what is no key or no signature is bad, and nothing is thrown", () => {
  const { publicKey, signature, message } = jobOf(1);
  equal(isGood({ publicKey, signature, message }), true);
  for (const key of [
    new Uint8Array(0),
    publicKey.subarray(1),
    new Uint8Array(32).fill(0xff),
    new Uint8Array(32),
  ])
    equal(isGood({ publicKey: key, signature, message }), false);
  for (const none of [
    new Uint8Array(0),
    signature.subarray(1),
    new Uint8Array(64),
    new Uint8Array(64).fill(0xff),
  ])
    equal(isGood({ publicKey, signature: none, message }), false);
});

test("every job gets its verdict, in a turn of its own; a flood of them is not good", async () => {
  const verdicts: { job: number; good: boolean }[] = [];
  const signatures = new Signatures(({ job, good }) => verdicts.push({ job, good }));
  const template = jobOf(0);
  for (let job = 1; job <= 30; job += 1) signatures.check(job % 3 === 0 ? jobOf(job, true) : jobOf(job));
  for (let job = 31; job <= 600; job += 1) signatures.check({ ...template, job });
  equal(verdicts.length, 0);
  while (verdicts.length < 600) await new Promise((resolve) => setImmediate(resolve));
  const good = new Map(verdicts.map((verdict) => [verdict.job, verdict.good]));
  equal(good.size, 600);
  for (let job = 1; job <= 30; job += 1) equal(good.get(job), job % 3 !== 0);
  deepEqual([good.get(512), good.get(513), good.get(600)], [true, false, false]);
});

test("a key's public half has 32 bytes", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  equal(rawPublicKey(privateKey).length, 32);
  deepEqual(rawPublicKey(publicKey), rawPublicKey(privateKey));
});
