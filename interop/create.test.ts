import { deepEqual, equal } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Prng } from "../packages/base/src/index.ts";

// The torrents that `dure create` and libtorrent make of the same files are the same torrents (BEP 52): the same roots,
// the same info-hashes. And libtorrent finds everything it looks for on disk by ours.
const python = "/usr/bin/python3";
const script = join(import.meta.dirname, "clients/libtorrent-create.py");
const dure = join(import.meta.dirname, "../bin/dure");
const absent = spawnSync(python, ["-c", "import libtorrent"]).status !== 0;
const required = process.env.DURE_INTEROP === "required";
const folder = mkdtempSync(join(tmpdir(), "dure-interop-create-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Described {
  readonly v1: string | null;
  readonly v2: string | null;
  /** Path, bytes, root. */
  readonly files: readonly (readonly [string, number, string])[];
  readonly seeding?: boolean;
  readonly error?: string;
}

function libtorrent(job: object): Described {
  const { stdout, stderr } = spawnSync(python, [script], {
    input: `${JSON.stringify(job)}\n`,
    encoding: "utf8",
    timeout: 90_000,
  });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout);
}

function create(path: string, format: string, pieceBytes: number): string {
  const out = join(folder, `${path.replaceAll("/", "-")}-${format}-${pieceBytes}.torrent`);
  const options = ["--format", format, "--piece-size", `${pieceBytes}`, "--out", out, "--quiet", "--force"];
  const { status, stderr } = spawnSync(dure, ["create", join(folder, path), ...options], {
    encoding: "utf8",
    env: { ...process.env, DURE_PROFILE: join(folder, "profile") },
  });
  equal(status, 0, stderr);
  return out;
}

function write(path: string, bytes: number): void {
  const file = join(folder, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, new Prng(bytes, path).bytes(bytes));
}

const kib = 1024;
for (const [name, bytes] of [
  ["a", 3],
  ["a.bin", 300_000],
  ["b/whole", 64 * kib],
  ["b/one over", 64 * kib + 1],
  ["b/c/four blocks", 4 * 16 * kib],
  ["b/c/large", 2_000_000],
  ["empty", 0],
  ["run.sh", 100],
  ["두레 문서.txt", 16 * kib],
] as const) {
  write(`mixed/${name}`, bytes);
}
chmodSync(join(folder, "mixed/run.sh"), 0o755);
write("single.bin", 700_001);
write("small.bin", 10);
write("lonely/only.bin", 40_000);

for (const path of ["mixed", "single.bin", "small.bin", "lonely"]) {
  // v2 alone cannot say that one file lies in a folder; there create refuses.
  for (const format of path === "lonely" ? ["hybrid"] : ["hybrid", "v2"]) {
    for (const pieceBytes of [16 * kib, 64 * kib, 1024 * kib]) {
      test(`${path} as ${format} in pieces of ${pieceBytes / kib} KiB: ours and libtorrent's are one torrent`, (context) => {
        if (absent && !required) return context.skip("libtorrent absent");
        const torrent = create(path, format, pieceBytes);
        const ours = libtorrent({ type: "check", torrent, dir: folder });
        const theirs = libtorrent({ type: "create", path: join(folder, path), format, pieceBytes });
        deepEqual([ours.v1, ours.v2, ours.files], [theirs.v1, theirs.v2, theirs.files]);
        deepEqual([ours.error, ours.seeding], ["Success", true]);
      });
    }
  }
}

test("libtorrent finds everything by our v1 torrents too", (context) => {
  if (absent && !required) return context.skip("libtorrent absent");
  const checked = libtorrent({ type: "check", torrent: create("mixed", "v1", 64 * kib), dir: folder });
  deepEqual([checked.v2, checked.error, checked.seeding], [null, "Success", true]);
});
