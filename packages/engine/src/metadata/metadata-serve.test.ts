import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { minutes, ms, Prng, seconds } from "@dure/base";
import { metadataLimits } from "./limits.ts";
import { MetadataServe } from "./metadata-serve.ts";

const pieceBytes = metadataLimits.pieceBytes;
const info = new Prng(3).bytes(2 * pieceBytes + 10);

test("every piece is served whole, the last one shorter, and what is not there is refused", () => {
  const serve = new MetadataServe();
  deepEqual(serve.serve(ms(0), 1, 0, info), info.subarray(0, pieceBytes));
  deepEqual(serve.serve(ms(0), 1, 2, info), info.subarray(2 * pieceBytes));
  for (const piece of [3, -1, 0.5, 1e9]) equal(serve.serve(ms(0), 1, piece, info), undefined);
  equal(serve.serve(ms(0), 1, 0, new Uint8Array()), undefined);
});

test("a peer gets everything three times, then nothing for ten minutes; others are not affected", () => {
  const serve = new MetadataServe();
  const ask = (at: number, peer: number) => serve.serve(ms(at), peer, 1, info) !== undefined;
  const served = Array.from({ length: 20 }, (_, index) => ask(index, 1));
  equal(served.filter(Boolean).length, 9);
  equal(ask(20, 2), true);
  equal(ask(minutes(9), 1), false);
  equal(ask(minutes(10), 1), true);
});

test("a peer that asks for thirty megabytes at once gets two, then one a second", () => {
  const serve = new MetadataServe();
  const large = new Uint8Array(metadataLimits.bytesMax);
  const askAll = (at: number) => {
    let count = 0;
    for (let piece = 0; piece < 1920; piece += 1) if (serve.serve(ms(at), 1, piece, large)) count += 1;
    return count;
  };
  equal(askAll(0), 128);
  equal(askAll(500), 32);
  ok(askAll(seconds(2)) <= 97);
});

test("who left and comes again has a new allowance, and four hundred are remembered", () => {
  const serve = new MetadataServe();
  for (let asked = 0; asked < 9; asked += 1) serve.serve(ms(0), 1, 0, info);
  equal(serve.serve(ms(0), 1, 0, info), undefined);
  serve.left(1);
  ok(serve.serve(ms(0), 1, 0, info));
  for (let asked = 0; asked < 9; asked += 1) serve.serve(ms(0), 1, 0, info);
  for (let peer = 2; peer <= 401; peer += 1) serve.serve(ms(0), peer, 0, info);
  ok(serve.serve(ms(0), 1, 0, info), "forgotten, as if it had connected again");
});
