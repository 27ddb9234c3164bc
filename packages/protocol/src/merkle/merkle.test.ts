import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { hex, must, Prng } from "@dure/base";
import { fuzzCodec } from "@dure/base/testing";
import fc from "fast-check";
import { decodeMessage, encodeMessage, type HashSpan } from "../peer-wire/index.ts";
import {
  balancedCount,
  blockCount,
  blockHashesRequest,
  checkHashRequest,
  fileRoot,
  HashTree,
  hashesFor,
  isPieceLength,
  leavesOf,
  merkleLimits,
  pieceHeight,
  pieceLayerRequests,
  pieceRoot,
  rootOf,
  smallFileRoot,
  treeHeight,
  uncleCount,
  verifyHashes,
  zeroRoot,
} from "./index.ts";

const kib = 1024;
const native = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

/** The tree as BEP 52 words it, node by node and without our code: `layers[0]` are the leaves. */
function slowTree(content: Uint8Array): Uint8Array[][] {
  const leaves: Uint8Array[] = [];
  for (let at = 0; at < content.length; at += 16 * kib)
    leaves.push(native(content.subarray(at, at + 16 * kib)));
  let width = 1;
  while (width < leaves.length) width *= 2;
  while (leaves.length < width) leaves.push(new Uint8Array(32));
  const layers = [leaves];
  for (let row = leaves; row.length > 1; ) {
    const above: Uint8Array[] = [];
    for (let index = 0; index < row.length; index += 2) {
      above.push(
        native(Buffer.concat([row[index] ?? [], row[index + 1] ?? []].map((half) => Buffer.from(half)))),
      );
    }
    layers.push(above);
    row = above;
  }
  return layers;
}

function content(bytes: number, seed = 1): Uint8Array {
  return new Prng(seed, "merkle").bytes(bytes);
}

/** A file with its trees, made by our code from its leaves. */
function fileOf(bytes: number, pieceBytes: number) {
  const data = content(bytes);
  const leaves = leavesOf(data, native);
  const pieceLayer = new Uint8Array(Math.ceil(bytes / pieceBytes) * 32);
  const pieceLeaves: Uint8Array[] = [];
  for (let piece = 0; piece * pieceBytes < bytes; piece += 1) {
    const each = (pieceBytes / (16 * kib)) * 32;
    const own = leaves.subarray(piece * each, (piece + 1) * each);
    pieceLeaves.push(own);
    pieceLayer.set(pieceRoot(own, pieceBytes), piece * 32);
  }
  const piecesRoot = bytes > pieceBytes ? fileRoot(pieceLayer, pieceBytes) : smallFileRoot(leaves);
  return { bytes, pieceBytes, data, leaves, pieceLayer, pieceLeaves, piecesRoot };
}

test("roots are those of the tree that BEP 52 words, at every number of blocks up to 40", () => {
  for (let blocks = 1; blocks <= 40; blocks += 1) {
    for (const bytes of [blocks * 16 * kib, blocks * 16 * kib - 1, (blocks - 1) * 16 * kib + 1]) {
      const file = fileOf(bytes, 64 * kib);
      const top = must(slowTree(file.data).at(-1)?.[0], "a root");
      equal(hex(file.piecesRoot), hex(top), `${bytes} bytes`);
      equal(hex(smallFileRoot(file.leaves)), hex(top), "the leaves alone give the same root");
    }
  }
});

test("one block is its own root, and the padding of a piece is zero leaves, not hashes of zeros", () => {
  const block = content(1000);
  equal(hex(smallFileRoot(leavesOf(block))), hex(native(block)));
  const zeros = new Uint8Array(32);
  equal(hex(zeroRoot(0)), hex(zeros));
  equal(hex(zeroRoot(1)), hex(native(new Uint8Array(64))));
  const leaves = leavesOf(block);
  equal(
    hex(pieceRoot(leaves, 64 * kib)),
    hex(native(Buffer.concat([native(Buffer.concat([leaves, zeros])), native(new Uint8Array(64))]))),
  );
});

test("the core's SHA-256 and a native one give the same hashes", () => {
  const data = content(200 * kib);
  equal(hex(leavesOf(data)), hex(leavesOf(data, native)));
  const row = { hashes: leavesOf(data), height: 0 };
  equal(hex(rootOf(row, 64)), hex(rootOf(row, 64, native)));
});

test("a piece length is a power of two and at least 16 KiB", () => {
  deepEqual(
    [16, 32, 1024].map((size) => isPieceLength(size * kib)),
    [true, true, true],
  );
  deepEqual(
    [0, 1, 8 * kib, 24 * kib, -16 * kib, Number.NaN, 16 * kib + 1].map(isPieceLength),
    Array(7).fill(false),
  );
  deepEqual([pieceHeight(16 * kib), pieceHeight(128 * kib)], [0, 3]);
  deepEqual([1, 16 * kib, 16 * kib + 1].map(blockCount), [1, 1, 2]);
  deepEqual([1, 2, 3, 5].map(balancedCount), [1, 2, 4, 8]);
  deepEqual([1, 16 * kib + 1, 80 * kib].map(treeHeight), [0, 1, 3]);
});

test("a piece layer that peers send in runs proves itself against the root, and only in its own place", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70 }), fc.constantFrom(16, 32, 128), (blocks, pieceKib) => {
      const pieceBytes = pieceKib * kib;
      const file = fileOf(blocks * 16 * kib - 5, pieceBytes);
      const requests = pieceLayerRequests(file, pieceBytes);
      if (file.bytes <= pieceBytes) return deepEqual(requests, []);
      const height = pieceHeight(pieceBytes);
      const row = { hashes: file.pieceLayer, height };
      const tree = new HashTree(row, balancedCount(file.pieceLayer.length / 32));
      equal(hex(tree.root), hex(file.piecesRoot));
      const anchor = { hash: file.piecesRoot, height: treeHeight(file.bytes), index: 0 };
      const heard: Uint8Array[] = [];
      for (const request of requests) {
        deepEqual(checkHashRequest(request, file.bytes), { ok: true, value: true });
        const answer = must(hashesFor(request, tree), "the layer is there");
        const proved = verifyHashes(request, answer, anchor);
        ok(proved.ok);
        heard.push(proved.value);
        const bent = answer.slice();
        bent[blocks % bent.length] = (bent[blocks % bent.length] ?? 0) ^ 1;
        deepEqual(verifyHashes(request, bent, anchor), { ok: false, reason: "wrong-hash" });
        deepEqual(verifyHashes(request, answer.subarray(32), anchor), { ok: false, reason: "wrong-count" });
      }
      equal(hex(Buffer.concat(heard).subarray(0, file.pieceLayer.length)), hex(file.pieceLayer));
    }),
    { numRuns: 60 },
  );
});

test("every request that makes sense is answered with hashes of the whole tree and a proof that holds", () => {
  const prng = new Prng(7, "requests");
  for (let run = 0; run < 80; run += 1) {
    const file = fileOf(prng.between(16 * kib + 1, 600 * kib), 64 * kib);
    const slow = slowTree(file.data);
    const height = treeHeight(file.bytes);
    const baseLayer = prng.below(height);
    const length = 2 ** prng.between(1, height - baseLayer);
    const index = prng.below(Math.ceil(blockCount(file.bytes) / 2 ** baseLayer / length)) * length;
    const span: HashSpan = {
      piecesRoot: file.piecesRoot,
      baseLayer,
      index,
      length,
      proofLayers: prng.below(height - baseLayer),
    };
    ok(checkHashRequest(span, file.bytes).ok, JSON.stringify(span));
    const tree = new HashTree({ hashes: file.leaves, height: 0 }, 2 ** height);
    const answer = must(hashesFor(span, tree), "everything is known");
    const asked = slow[baseLayer]?.slice(index, index + length) ?? [];
    equal(hex(answer.subarray(0, length * 32)), hex(Buffer.concat(asked)));
    const uncles = uncleCount(span);
    equal(answer.length, (length + uncles) * 32);
    const top = baseLayer + Math.log2(length) + uncles;
    const topIndex = Math.floor(index / 2 ** (top - baseLayer));
    const anchor = { hash: must(slow[top]?.[topIndex], "a node"), height: top, index: topIndex };
    ok(verifyHashes(span, answer, anchor).ok);
    for (const wrong of [
      { ...anchor, height: top + 1 },
      { ...anchor, index: topIndex + 1 },
    ]) {
      deepEqual(verifyHashes(span, answer, wrong), { ok: false, reason: "wrong-height" });
    }
  }
});

test("the hashes of a piece's blocks come from the piece alone, and prove themselves against the piece layer", () => {
  const file = fileOf(300 * kib, 64 * kib);
  const tree = new HashTree({ hashes: file.pieceLayer, height: 2 }, 8);
  for (let index = 0; index < 5; index += 1) {
    const request = must(blockHashesRequest(file, { index, pieceBytes: 64 * kib }), "four blocks");
    deepEqual(checkHashRequest(request, file.bytes), { ok: true, value: true });
    equal(hashesFor(request, tree), undefined, "the piece layer does not know its blocks");
    const leaves = must(file.pieceLeaves[index], "a piece");
    const piece = { tree: new HashTree({ hashes: leaves, height: 0 }, 4), index };
    equal(hex(piece.tree.root), hex(tree.hash(2, index)));
    const answer = must(hashesFor(request, tree, piece), "the piece is here");
    const anchor = { hash: tree.hash(2, index), height: 2, index };
    const proved = verifyHashes(request, answer, anchor);
    ok(proved.ok);
    equal(hex(proved.value.subarray(0, leaves.length)), hex(leaves));
    const climbing = { ...request, length: 2, proofLayers: 4 };
    const far = must(hashesFor(climbing, tree, piece), "uncles of both trees");
    ok(verifyHashes(climbing, far, { hash: file.piecesRoot, height: 5, index: 0 }).ok);
    equal(hashesFor(request, tree, { ...piece, index: index + 1 }), undefined, "another piece's blocks");
  }
  equal(blockHashesRequest({ ...file, bytes: 16 * kib }, { index: 0, pieceBytes: 64 * kib }), undefined);
  const wide = must(
    blockHashesRequest({ ...file, bytes: 64 * 1024 * kib }, { index: 3, pieceBytes: 16 * 1024 * kib }),
    "1,024 blocks",
  );
  deepEqual([wide.index, wide.length, uncleCount(wide)], [3072, 512, 1]);
});

test("requests that make no sense are refused, each for its reason", () => {
  const bytes = 300 * kib; // 19 blocks, balanced to 32
  const good: HashSpan = {
    piecesRoot: new Uint8Array(32),
    baseLayer: 0,
    index: 0,
    length: 4,
    proofLayers: 4,
  };
  const answer = (span: Partial<HashSpan>, fileBytes = bytes) => {
    const checked = checkHashRequest({ ...good, ...span }, fileBytes);
    return checked.ok ? "ok" : checked.reason;
  };
  equal(answer({}), "ok");
  for (const length of [0, 1, 3, 6, 64, 1024]) equal(answer({ length }), "bad-length", `length ${length}`);
  equal(answer({ length: 32 }), "ok");
  equal(answer({ length: 512 }, 2 ** 40), "ok");
  equal(answer({ length: 1024 }, 2 ** 40), "bad-length");
  equal(answer({ index: 2 }), "bad-index");
  equal(answer({ index: 16 }), "ok");
  equal(answer({ index: 20 }), "bad-index");
  equal(answer({ index: 0xffff_fffc }), "bad-index");
  equal(answer({ baseLayer: 5 }), "bad-base");
  equal(answer({ baseLayer: 4, length: 2, proofLayers: 0 }), "ok");
  equal(answer({ baseLayer: 4, length: 2, proofLayers: 1 }), "bad-proof");
  equal(answer({ proofLayers: 5 }), "bad-proof");
  equal(answer({}, 1000), "bad-base");
});

test("10,000 mutated answers to a hash request: none but the honest one is believed", () => {
  const file = fileOf(2000 * kib, 32 * kib);
  const tree = new HashTree({ hashes: file.pieceLayer, height: 1 }, 64);
  const request: HashSpan = {
    piecesRoot: file.piecesRoot,
    baseLayer: 1,
    index: 8,
    length: 8,
    proofLayers: 5,
  };
  const honest = must(hashesFor(request, tree), "an answer");
  const sample = encodeMessage({ type: "hashes", ...request, hashes: honest }).subarray(4);
  const anchor = { hash: file.piecesRoot, height: 7, index: 0 };
  const believe = (bytes: Uint8Array) => {
    const message = decodeMessage(bytes);
    if (!message.ok || message.value.type !== "hashes") return { ok: false, reason: "not-hashes" } as const;
    const { hashes, ...span } = message.value;
    if (!checkHashRequest(span, file.bytes).ok) return { ok: false, reason: "no-sense" } as const;
    return verifyHashes(span, hashes, anchor, native);
  };
  const tally = fuzzCodec({
    name: "hashes",
    seed: 3,
    samples: [sample],
    decode: believe,
    check: (verdict) => {
      if (verdict.ok) equal(hex(verdict.value), hex(honest.subarray(0, 8 * 32)));
    },
  });
  ok(tally.accepted >= 1);
  deepEqual([...tally.reasons.keys()].sort(), [
    "no-sense",
    "not-hashes",
    "wrong-count",
    "wrong-hash",
    "wrong-height",
  ]);
});

test("a large layer is hashed once: an answer from it takes no hash, and its proof 519", () => {
  equal(merkleLimits.requestHashesMax, 512);
  const row = { hashes: content(32 * 100_000), height: 6 };
  const tree = new HashTree(row, 2 ** 17, native);
  notEqual(hex(tree.root), hex(zeroRoot(23, native)));
  let hashed = 0;
  const span = { piecesRoot: tree.root, baseLayer: 6, index: 512, length: 512, proofLayers: 16 };
  const counting = (bytes: Uint8Array) => {
    hashed += 1;
    return native(bytes);
  };
  ok(
    verifyHashes(
      span,
      must(hashesFor(span, tree), "known"),
      { hash: tree.root, height: 23, index: 0 },
      counting,
    ).ok,
  );
  equal(hashed, 511 + 8);
});
