import { deepEqual, equal } from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath, URL } from "node:url";
import { temporary } from "../testing/temporary.ts";

const main = fileURLToPath(new URL("./testing/many-files-main.ts", import.meta.url));
const prlimit = existsSync("/usr/bin/prlimit");

/** Runs the download of many files under a limit of the system, e.g. `--nofile=64`. */
function limited(limit: string, filesCount: number, filesOpenMax: number): Record<string, number> {
  const { folder, remove } = temporary({ inMemory: true }); // 10,000 syncs of a real disk take 10 s
  try {
    const args = [limit, process.execPath, main, join(folder, "x"), String(filesCount), String(filesOpenMax)];
    return JSON.parse(execFileSync("prlimit", args, { encoding: "utf8", timeout: 60_000 }));
  } finally {
    remove();
  }
}

test("10,000 files are downloaded, synced and checked with 64 of 256 descriptors", { skip: !prlimit }, () => {
  const outcome = limited("--nofile=256", 10_000, 64);
  const pieces = Math.ceil(10_000_000 / 65_536);
  deepEqual(outcome, { done: pieces, verified: pieces, "sync done": 1, piecesCount: pieces, good: pieces });
});

test("too few descriptors for what was asked only slow things down", { skip: !prlimit }, () => {
  const outcome = limited("--nofile=64", 2000, 10_000);
  equal(outcome.good, outcome.piecesCount);
  equal(outcome["sync done"], 1);
});

test("a file past the size limit is a full disk", { skip: !prlimit }, () => {
  const { folder, remove } = temporary();
  try {
    const script = `
      import { closeSync, openSync } from "node:fs";
      import { writeAll } from ${JSON.stringify(new URL("./file-io.ts", import.meta.url).href)};
      const path = ${JSON.stringify(join(folder, "file"))};
      const fd = openSync(path, "w");
      try {
        writeAll({ fd, path }, { memory: new Uint8Array(3000), at: 0, length: 3000, offset: 0 });
      } catch (error) {
        process.stdout.write(error.fault + " " + error.path);
      }
      closeSync(fd);`;
    const args = ["--fsize=2000", process.execPath, "--input-type=module", "--eval", script];
    equal(spawnSync("prlimit", args, { encoding: "utf8" }).stdout, `full ${join(folder, "file")}`);
  } finally {
    remove();
  }
});
