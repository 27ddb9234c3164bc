import { deepEqual, equal, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { infoHash, must } from "@dure/base";
import { buildInfo, type Info, parseInfo } from "@dure/protocol";
import { Desk } from "./desk.ts";
import type { DiskJob, StateJob, TorrentRecord } from "./ports/index.ts";
import { Setup, type SetupOptions, type SetupOutcome } from "./setup.ts";
import { FakeDisk } from "./testing/fake-disk.ts";
import { contentOf, recordOf } from "./testing/stage.ts";

const pieceBytes = 32_768;

/** Files of these lengths, in order; the second line of a story is what lies on disk. */
class Folder {
  readonly info: Info;
  readonly content: Uint8Array;
  readonly disk: FakeDisk;
  readonly stateJobs: StateJob[] = [];
  record: TorrentRecord;
  progress: number[] = [];

  constructor(...lengths: readonly number[]) {
    const total = lengths.reduce((sum, bytes) => sum + bytes, 0);
    this.content = contentOf(total);
    const count = Math.ceil(total / pieceBytes);
    const digests = new Uint8Array(count * 20);
    for (let piece = 0; piece < count; piece += 1) {
      const bytes = this.content.subarray(piece * pieceBytes, (piece + 1) * pieceBytes);
      digests.set(createHash("sha1").update(bytes).digest(), piece * 20);
    }
    const files = lengths.map((bytes, index) => ({ path: [`${index}.bin`], bytes }));
    const parsed = parseInfo(
      buildInfo({
        name: "folder",
        content: { type: "folder", files },
        pieceBytes,
        pieces: digests,
        private: false,
        source: null,
      }),
    );
    if (!parsed.ok) throw new Error(parsed.reason);
    this.info = parsed.value;
    const pool = new Uint8Array(0);
    this.disk = new FakeDisk({ totalBytes: total, pieceBytes, pool, digests, files: lengths.length });
    this.record = recordOf({ infoHash: must(infoHash(this.info.infoHash), "a hash"), dir: "/download" });
  }

  /** The file is there and right, as far as `bytes` goes. */
  right(index: number, bytes?: number): this {
    const file = must(this.info.files[index], "the file is in the torrent");
    const length = bytes ?? file.bytes;
    this.disk.sizes[index] = length;
    this.disk.bytes.set(this.content.subarray(file.offset, file.offset + length), file.offset);
    return this;
  }

  /** The file is there and somebody else's. */
  foreign(index: number, byte = 0x21): this {
    const file = must(this.info.files[index], "the file is in the torrent");
    this.disk.sizes[index] = file.bytes;
    this.disk.bytes.fill(byte, file.offset, file.offset + file.bytes);
    return this;
  }

  look(options: Partial<SetupOptions> = {}): SetupOutcome {
    const desk = new Desk();
    let outcome: SetupOutcome | undefined;
    const usual = { overwrite: false, assumeComplete: false, files: undefined };
    new Setup({
      ...usual,
      desk,
      store: 1,
      root: "/download",
      info: this.info,
      record: this.record,
      onProgress: (pieces) => this.progress.push(pieces),
      onOutcome: (came) => {
        outcome = came;
      },
      ...options,
    });
    for (let effect = desk.poll(); effect !== undefined; effect = desk.poll()) {
      if (effect.type === "disk")
        for (const result of this.disk.submit(effect.jobs)) desk.diskAnswered(result);
      if (effect.type !== "state") continue;
      this.stateJobs.push(...effect.jobs);
      for (const { job } of effect.jobs) desk.stateAnswered({ type: "done", job });
    }
    return must(outcome, "an outcome comes");
  }

  checked(): number[] {
    return this.disk.log.flatMap((job: DiskJob) =>
      job.type === "check" ? Array.from({ length: job.count }, (_, index) => job.first + index) : [],
    );
  }
}

function had(outcome: SetupOutcome): number[] | string {
  if (outcome.type === "ready") return [...outcome.have];
  return outcome.type === "not-ours" ? `not ours: ${outcome.path}` : outcome.type;
}

test("nothing there: nothing is checked, nothing is had", () => {
  const folder = new Folder(100_000);
  deepEqual(had(folder.look()), []);
  deepEqual(folder.checked(), []);
});

test("files of another client are adopted as far as they are right", () => {
  const whole = new Folder(100_000).right(0);
  deepEqual(had(whole.look()), [0, 1, 2, 3]);
  const folder = new Folder(100_000).right(0);
  folder.disk.bytes[40_000] = 0xff;
  deepEqual(had(folder.look()), [0, 2, 3]);
  deepEqual(folder.progress.at(-1), 4);
});

test("a non-empty file in which nothing is right is refused, and taken with overwrite", () => {
  equal(had(new Folder(100_000).foreign(0).look()), "not ours: folder/0.bin");
  deepEqual(had(new Folder(100_000).foreign(0).look({ overwrite: true })), []);
});

test("beside a file that is right, another one in which nothing is right is refused all the same", () => {
  const folder = () => new Folder(2 * pieceBytes, 2 * pieceBytes).right(0).foreign(1);
  equal(had(folder().look()), "not ours: folder/1.bin");
  deepEqual(had(folder().look({ overwrite: true })), [0, 1]);
});

test("a small file whose piece cannot be read whole, and a file of zeros, go with what is right", () => {
  const small = new Folder(2 * pieceBytes, 100, 2 * pieceBytes).right(0).right(1);
  small.disk.bytes.fill(0, 2 * pieceBytes, 3 * pieceBytes); // the third file is not there: nobody can tell
  deepEqual(had(small.look()), [0, 1]);
  const zeros = new Folder(2 * pieceBytes, 2 * pieceBytes).right(0).foreign(1, 0);
  deepEqual(had(zeros.look()), [0, 1]);
  equal(had(new Folder(pieceBytes).foreign(0, 0).look()), "not ours: folder/0.bin");
});

test("empty files are ours to fill, and files of no bytes are made", () => {
  const folder = new Folder(50_000, 0);
  folder.disk.sizes = [0, null];
  deepEqual(had(folder.look()), []);
  deepEqual(
    folder.disk.log.flatMap((job) => (job.type === "create" ? [job.files] : [])),
    [[1]],
  );
  const unwanted = new Folder(50_000, 0);
  unwanted.look({ files: [0] });
  ok(!unwanted.disk.log.some(({ type }) => type === "create"));
});

test("what is on record as synced is had without being read", () => {
  const folder = new Folder(100_000).right(0);
  folder.record = { ...folder.record, have: Uint8Array.of(0xf0), torrent: folder.info.infoBytes };
  deepEqual(had(folder.look()), [0, 1, 2, 3]);
  deepEqual(folder.checked(), []);
});

test("only what was written and not synced is checked after a crash", () => {
  const folder = new Folder(100_000).right(0);
  folder.record = { ...folder.record, have: Uint8Array.of(0x80), unsynced: [1, 3, 99] };
  folder.disk.bytes.fill(0xff, 2 * pieceBytes, 2 * pieceBytes + 9);
  deepEqual(had(folder.look()), [0, 1, 3]);
  deepEqual(folder.checked(), [1, 3]);
});

test("files of ours that were cut short or taken away lose what they no longer hold, and nothing else", () => {
  const folder = new Folder(2 * pieceBytes, 2 * pieceBytes).right(0).right(1);
  folder.record = { ...folder.record, have: Uint8Array.of(0xf0) };
  folder.disk.sizes[1] = pieceBytes + 10;
  folder.disk.bytes.fill(0, 3 * pieceBytes + 10);
  deepEqual(had(folder.look()), [0, 1, 2]);
  deepEqual(folder.checked(), [3]);
  const gone = new Folder(2 * pieceBytes, 2 * pieceBytes).right(0);
  gone.record = { ...gone.record, have: Uint8Array.of(0xf0) };
  deepEqual(had(gone.look()), [0, 1]);
});

test("a torrent that is ours is never refused: a process killed in its first second goes on", () => {
  const folder = new Folder(100_000).foreign(0);
  const first = folder.look({ overwrite: true });
  equal(first.type, "ready");
  const commit = folder.stateJobs.find((job) => job.type === "commit");
  ok(commit?.type === "commit", "it is on record before it begins");
  folder.record = { ...folder.record, have: commit.have };
  equal(folder.look().type, "ready");
});

test("damaged progress is rebuilt by checking, and is no reason to refuse", () => {
  const folder = new Folder(100_000).right(0);
  folder.record = { ...folder.record, torrent: folder.info.infoBytes, have: null };
  deepEqual(had(folder.look()), [0, 1, 2, 3]);
  const spoilt = new Folder(100_000).foreign(0);
  spoilt.record = { ...spoilt.record, torrent: spoilt.info.infoBytes, have: null };
  deepEqual(had(spoilt.look()), []);
});

test("blocks of unfinished pieces go on where the file still reaches, others are dropped", () => {
  const folder = new Folder(100_000).right(0, pieceBytes + 16_384);
  const blocks = Uint8Array.of(0xc0); // both blocks of the piece
  folder.record = {
    ...folder.record,
    have: Uint8Array.of(0x80),
    partial: [
      { piece: 1, blocks },
      { piece: 2, blocks },
      { piece: 77, blocks },
      { piece: 3, blocks: new Uint8Array(9) },
    ],
  };
  const outcome = folder.look();
  ok(outcome.type === "ready");
  deepEqual(
    outcome.partial.map(({ piece, blocks: field }) => [piece, [...field]]),
    [[1, [0]]],
  );
});

test("data that is known to be complete is not looked at", () => {
  const folder = new Folder(100_000);
  const outcome = folder.look({ assumeComplete: true });
  ok(outcome.type === "ready" && outcome.have.all);
  deepEqual(folder.checked(), []);
});

test("a disk that refuses to be looked at is an outcome, told once", () => {
  for (const refused of ["probe", "check", "create"] as const) {
    const folder = new Folder(100_000, 0).right(0);
    folder.disk.fault = (job) => (job.type === refused ? "denied" : undefined);
    equal(had(folder.look()), "fault", refused);
  }
});

test("what was just found right counts as unsynced: somebody else may have written it", () => {
  const outcome = new Folder(100_000).right(0).look();
  deepEqual(outcome.type === "ready" && [...outcome.unsynced].sort(), [0, 1, 2, 3]);
});
