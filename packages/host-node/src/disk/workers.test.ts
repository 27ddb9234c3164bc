import assert, { deepEqual, equal } from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { must } from "@dure/base";
import { type DiskResult, pieceState, type StoreSpec } from "@dure/carrier";
import { DiskRunner } from "@dure/carrier/contract";
import { temporary } from "../testing/temporary.ts";
import { DiskWorkers } from "./index.ts";
import { faultOf } from "./testing/here.ts";

const mib = 1024 * 1024;
const { good, bad, missing } = pieceState;

/** Disk workers on a torrent of zeros, one file, which exists as a hole: 1 GiB costs nothing but the hashing. */
async function zeros(options: { workers: number; pieces: number }, body: (story: Story) => Promise<void>) {
  const { folder, remove } = temporary();
  const portions: (readonly DiskResult[])[] = [];
  const pool = new SharedArrayBuffer(2 * mib);
  const runner = new DiskRunner((jobs) => disk.submit(jobs));
  const disk = new DiskWorkers({
    pool,
    workers: options.workers,
    filesOpenMax: 8,
    onResults: (results) => {
      portions.push(results);
      runner.hear(results);
    },
  });
  const totalBytes = options.pieces * mib;
  const digest = createHash("sha1").update(Buffer.alloc(mib)).digest();
  const digests = Buffer.concat(Array.from({ length: options.pieces }, () => digest));
  const files = [{ path: ["zeros"], bytes: totalBytes, offset: 0, pad: false, executable: false }];
  const spec = { root: join(folder, "downloads"), files, pieceBytes: mib, totalBytes, digests };
  mkdirSync(spec.root);
  writeFileSync(join(spec.root, "zeros"), "");
  truncateSync(join(spec.root, "zeros"), totalBytes);
  new Uint8Array(pool).fill(1, mib);
  try {
    await runner.run([{ type: "open", store: 1, spec }]);
    await body({ disk, run: (jobs) => runner.run(jobs), spec, portions });
  } finally {
    await disk.close();
    remove();
  }
}

interface Story {
  readonly disk: DiskWorkers;
  readonly run: DiskRunner["run"];
  readonly spec: StoreSpec;
  readonly portions: (readonly DiskResult[])[];
}

function checks(pieces: number, each: number) {
  return Array.from(
    { length: pieces / each },
    (_, index) => ({ type: "check", store: 1, first: index * each, count: each }) as const,
  );
}

function threadsCount(): number {
  return Number(/Threads:\s+(\d+)/.exec(readFileSync(`/proc/${process.pid}/status`, "latin1"))?.[1]);
}

test("much to check is shared with a helper, which goes when it is done", () =>
  zeros({ workers: 2, pieces: 192 }, async ({ run }) => {
    const before = threadsCount();
    const results = await run(checks(192, 8));
    const states = results.flatMap((result) => (result.type === "checked" ? [...result.states] : []));
    deepEqual(states, new Array(192).fill(good));
    assert(threadsCount() > before, "a helper was started");
    for (let waits = 0; waits < 200 && threadsCount() > before; waits += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    equal(threadsCount(), before);
    const [again] = await run(checks(8, 8));
    equal(again?.type, "checked");
  }));

test("a piece that a helper checks is not written before the check is over, nor checked before a write is", () =>
  zeros({ workers: 2, pieces: 96 }, async ({ run }) => {
    await run(checks(96, 8));
    const write = (memory: number) =>
      Array.from({ length: 96 }, (_, piece) => ({
        type: "write" as const,
        store: 1,
        piece,
        begin: 0,
        length: mib,
        memory,
      }));
    // Ones, then zeros again; each check must see what was given before it.
    const results = await run([
      ...checks(96, 8),
      ...write(mib),
      ...checks(96, 8),
      ...write(0),
      ...checks(96, 8),
      { type: "close", store: 1 },
    ]);
    const states = results.flatMap((result) => (result.type === "checked" ? [...result.states] : []));
    deepEqual(states.slice(0, 96), new Array(96).fill(good));
    deepEqual(states.slice(96, 192), new Array(96).fill(bad));
    deepEqual(states.slice(192), new Array(96).fill(good));
    equal(results.at(-1)?.type, "done");
  }));

test("a write to the last piece that a helper is to check waits until the helper is there", () =>
  zeros({ workers: 2, pieces: 96 }, async ({ run }) => {
    await run(checks(96, 8)); // starts the helper
    const results = await run([
      { type: "check", store: 1, first: 0, count: 1 },
      { type: "check", store: 1, first: 1, count: 95 },
      { type: "write", store: 1, piece: 95, begin: 0, length: mib, memory: mib },
      { type: "check", store: 1, first: 95, count: 1 },
    ]);
    const states = results.flatMap((result) => (result.type === "checked" ? [...result.states] : []));
    deepEqual(states, [...new Array(96).fill(good), bad]);
  }));

test("a store closed and opened anew while helpers check it is checked anew", () =>
  zeros({ workers: 2, pieces: 96 }, async ({ run, spec, portions }) => {
    portions.length = 0;
    const digests = new Uint8Array(spec.digests.length);
    const results = await run([
      ...checks(96, 8),
      { type: "open", store: 1, spec: { ...spec, digests } },
      ...checks(96, 8),
      { type: "close", store: 1 },
      { type: "open", store: 1, spec },
      ...checks(96, 8),
    ]);
    const states = results.flatMap((result) => (result.type === "checked" ? [...result.states] : []));
    deepEqual(states.slice(0, 96), new Array(96).fill(good));
    deepEqual(states.slice(96, 192), new Array(96).fill(missing)); // zeros where something else should be
    deepEqual(states.slice(192), new Array(96).fill(good));
    // The opening and the closing were told after the checks given before them.
    const told = portions.flat().map((result) => result.job);
    for (const turn of [12, 25]) {
      const job = must(results[turn], "a result a job").job;
      equal(told.slice(0, told.indexOf(job)).filter((other) => other < job).length, turn);
    }
  }));

test("a long batch gives its first results while it goes on", () =>
  zeros({ workers: 1, pieces: 64 }, async ({ run, portions }) => {
    portions.length = 0;
    await run(checks(64, 1));
    assert(portions.length >= 16, `${portions.length} portions`);
  }));

test("a sync does not hold up the jobs behind it", () =>
  zeros({ workers: 1, pieces: 4 }, async ({ run, portions }) => {
    const write = { type: "write", store: 1, piece: 0, begin: 0, length: mib, memory: mib } as const;
    await run([write]);
    portions.length = 0;
    const results = await run([{ type: "sync", store: 1 }, write, { type: "sync", store: 1 }]);
    deepEqual(
      results.map((result) => result.type),
      ["done", "done", "done"],
    );
    equal(portions.flat()[0]?.job, results[1]?.job);
  }));

test("close does what was submitted first", () =>
  zeros({ workers: 2, pieces: 96 }, async ({ disk, run, spec }) => {
    const all = run([
      ...checks(96, 8),
      { type: "write", store: 1, piece: 95, begin: 0, length: mib, memory: mib },
      { type: "sync", store: 1 },
    ]);
    await disk.close();
    deepEqual((await all).map(faultOf).slice(-2), ["done", "done"]);
    equal(readFileSync(join(spec.root, "zeros")).at(-1), 1);
  }));

test("a bug in a worker fails all its jobs, and those to come, with the reason", () =>
  zeros({ workers: 1, pieces: 4 }, async ({ run }) => {
    const beyond = { type: "write", store: 1, piece: 0, begin: 1, length: mib, memory: 0 } as const;
    const results = await run([beyond, { type: "sync", store: 1 }]);
    deepEqual(results.map(faultOf), ["io", "io"]);
    const [later] = await run([{ type: "probe", store: 1 }]);
    assert(later?.type === "failed" && /a write ends with its piece/.test(later.detail));
  }));
