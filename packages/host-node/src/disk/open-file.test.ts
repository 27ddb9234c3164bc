import { deepEqual, equal, match } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import type { TestFile } from "@dure/carrier/contract";
import { diskHere } from "./testing/here.ts";

const kib = 1024;
const oneFile: readonly TestFile[] = [{ path: "a/b/file", bytes: 16 * kib }];

function story(name: string, body: (disk: ReturnType<typeof diskHere>) => Promise<void>, files = oneFile) {
  test(name, async () => {
    const disk = diskHere({ files });
    try {
      await body(disk);
    } finally {
      await disk.end();
    }
  });
}

for (const [where, link] of [
  ["a folder", "a"],
  ["a folder below another", "a/b"],
] as const) {
  for (const target of ["absolute", "relative"] as const) {
    story(`${where} that is an ${target} symlink out of the root is refused for all jobs`, async (disk) => {
      const outside = join(disk.folder, "outside");
      mkdirSync(join(outside, "b"), { recursive: true });
      writeFileSync(join(outside, "file"), Buffer.alloc(16 * kib));
      writeFileSync(join(outside, "b", "file"), Buffer.alloc(16 * kib));
      if (link === "a/b") mkdirSync(join(disk.root, "a"));
      const relative = link === "a" ? "../outside" : "../../outside";
      symlinkSync(target === "absolute" ? outside : relative, join(disk.root, link));
      await disk.open();
      equal(await disk.write(0), "denied");
      for (const job of [
        { type: "read", store: 1, blocks: [{ piece: 0, begin: 0, length: 1, memory: 0 }] },
        { type: "check", store: 1, first: 0, count: 1 },
        { type: "probe", store: 1 },
        { type: "create", store: 1, files: "all" },
        { type: "verify", store: 1, piece: 0, blocks: true },
      ] as const) {
        equal(await disk.fault(job), "denied", job.type);
      }
      deepEqual(readdirSync(outside).sort(), ["b", "file"]);
    });
  }
}

story("no folder is made beyond a symlink that leaves the root", async (disk) => {
  const outside = join(disk.folder, "outside");
  mkdirSync(outside);
  symlinkSync(outside, join(disk.root, "a"));
  await disk.open();
  equal(await disk.write(0), "denied");
  deepEqual(readdirSync(outside), []);
});

story(
  "a folder that becomes a symlink while the torrent runs is met at the next opening",
  async (disk) => {
    const outside = join(disk.folder, "outside");
    mkdirSync(outside);
    await disk.open();
    await disk.fault({ type: "create", store: 1, files: [0] });
    renameSync(join(disk.root, "a"), join(outside, "a"));
    symlinkSync(join(outside, "a"), join(disk.root, "a"));
    equal(await disk.fault({ type: "create", store: 1, files: [1] }), "denied");
    equal(existsSync(join(outside, "a", "b", "second")), false);
  },
  [...oneFile, { path: "a/b/second", bytes: 1 }],
);

story("a symlink that stays in the root is the user's own arrangement", async (disk) => {
  mkdirSync(join(disk.root, "elsewhere"));
  symlinkSync("elsewhere", join(disk.root, "a"));
  await disk.open();
  equal(await disk.write(0), "done");
  equal(statSync(join(disk.root, "elsewhere", "b", "file")).size, 16 * kib);
});

story("a root that is itself a symlink is where the user wants it", async (disk) => {
  renameSync(disk.root, join(disk.folder, "real"));
  symlinkSync("real", disk.root);
  await disk.open();
  equal(await disk.write(0), "done");
  equal(statSync(join(disk.folder, "real", "a", "b", "file")).size, 16 * kib);
});

for (const [what, place] of [
  ["a symlink to a file", (path: string) => symlinkSync("/etc/hostname", path)],
  ["a symlink to nothing", (path: string) => symlinkSync("nowhere", path)],
  ["a symlink to itself", (path: string) => symlinkSync(path, path)],
  ["a folder", (path: string) => mkdirSync(path)],
  ["a FIFO", (path: string) => execFileSync("mkfifo", [path])],
] as const) {
  story(`${what} where a file should be is refused at once`, async (disk) => {
    mkdirSync(join(disk.root, "a", "b"), { recursive: true });
    place(join(disk.root, "a", "b", "file"));
    await disk.open();
    equal(await disk.write(0), "denied");
    const read = { type: "read", store: 1, blocks: [{ piece: 0, begin: 0, length: 1, memory: 0 }] } as const;
    equal(await disk.fault(read), "denied");
    const probed = await disk.one({ type: "probe", store: 1 });
    deepEqual(probed.type === "probed" && probed.sizes, [null]);
  });
}

story("a symlink to nothing where a folder should be is refused", async (disk) => {
  symlinkSync("nowhere", join(disk.root, "a"));
  await disk.open();
  equal(await disk.write(0), "denied");
  equal(existsSync(join(disk.root, "nowhere")), false);
});

story("a file where a folder should be is a missing folder", async (disk) => {
  writeFileSync(join(disk.root, "a"), "in the way");
  await disk.open();
  equal(await disk.write(0), "missing");
});

story(
  "another folder in the root's place, as after an unmount, is never written to",
  async (disk) => {
    await disk.open();
    equal(await disk.write(0), "done");
    renameSync(disk.root, `${disk.root}-away`);
    mkdirSync(disk.root);
    const result = await disk.one({ type: "create", store: 1, files: [1] });
    equal(result.type === "failed" && result.fault, "missing");
    match(result.type === "failed" ? result.detail : "", /another folder/);
    equal(await disk.fault({ type: "check", store: 1, first: 0, count: 1 }), "missing");
    deepEqual(readdirSync(disk.root), []);
  },
  [...oneFile, { path: "a/b/second", bytes: 1 }],
);

story("a file that was deleted while it was open fails the sync that should have kept it", async (disk) => {
  await disk.open();
  equal(await disk.write(0), "done");
  renameSync(join(disk.root, "a/b/file"), join(disk.root, "gone"));
  equal(await disk.fault({ type: "sync", store: 1 }), "missing");
  equal(await disk.fault({ type: "sync", store: 1 }), "missing"); // it counts as not synced still
  equal(await disk.write(0), "missing");
});

story(
  "an executable file gets the bit when it is made, and keeps its mode when it was there",
  async (disk) => {
    writeFileSync(join(disk.root, "there"), "", { mode: 0o640 });
    await disk.open();
    await disk.fault({ type: "create", store: 1, files: "all" });
    const mode = (name: string) => statSync(join(disk.root, name)).mode & 0o777;
    const umask = process.umask();
    equal(mode("run"), 0o777 & ~umask);
    equal(mode("plain"), 0o666 & ~umask);
    equal(mode("there"), 0o640);
  },
  [
    { path: "run", bytes: 1, executable: true },
    { path: "plain", bytes: 1 },
    { path: "there", bytes: 1, executable: true },
  ],
);

story(
  "a name too long for the file system is told as such",
  async (disk) => {
    await disk.open();
    equal(await disk.write(0), "name");
  },
  [{ path: "x".repeat(300), bytes: 16 * kib }],
);
