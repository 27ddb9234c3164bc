import { deepEqual, equal } from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath, URL } from "node:url";
import { temporary } from "../testing/temporary.ts";
import type { Step } from "./testing/steps-main.ts";

// Real faults: system calls that fail (strace), disks that fill up or go away (mounts in a namespace of their own).
// Slow, and needs a Linux that allows it; run by name: node --test packages/host-node/src/disk/faults.slow.ts
const main = fileURLToPath(new URL("./testing/steps-main.ts", import.meta.url));
const strace = existsSync("/usr/bin/strace") ? false : "strace is not installed";
const namespaces =
  spawnSync("unshare", ["-m", "true"]).status === 0 ? false : "no mount namespaces for this user";

const pieceBytes = 16 * 1024;
const write = (piece: number): Step[] => [
  { fill: piece },
  { type: "write", store: 1, piece, begin: 0, length: pieceBytes, memory: 0 },
];
const verify = (piece: number): Step => ({ type: "verify", store: 1, piece, blocks: false });
const check = (first: number, count: number): Step => ({ type: "check", store: 1, first, count });
const sync: Step = { type: "sync", store: 1 };
const read: Step = { type: "read", store: 1, blocks: [{ piece: 0, begin: 0, length: 16, memory: 0 }] };

/** What the steps gave while system calls on the torrent's file failed as told; and the calls that were made. */
function underStrace(inject: string, steps: readonly Step[]): { said: string[]; calls: string[] } {
  const { folder, remove } = temporary();
  try {
    const root = join(folder, "root");
    mkdirSync(root);
    const log = join(folder, "log");
    const only = [
      "-P",
      join(root, "file"),
      "-e",
      "trace=openat,pread64,pwrite64,fdatasync",
      "-e",
      `inject=${inject}`,
    ];
    const child = [process.execPath, main, root, JSON.stringify(steps)];
    const output = execFileSync("strace", ["-f", "-qq", "-o", log, ...only, ...child], {
      encoding: "utf8",
      // strace counts calls by thread: one thread for the pool makes `when` mean what it says.
      env: { ...process.env, UV_THREADPOOL_SIZE: "1", UV_USE_IO_URING: "0" },
    });
    const calls = [...readFileSync(log, "latin1").matchAll(/^\d+ +(\w+)\(/gm)].map((match) => match[1] ?? "");
    return { said: JSON.parse(output), calls };
  } finally {
    remove();
  }
}

test("a sync that fails is told; what is checked after it is written again, and then synced", {
  skip: strace,
}, () => {
  const steps = [...write(0), verify(0), sync, check(0, 1), sync, check(0, 1), sync];
  const { said, calls } = underStrace("fdatasync:error=EIO:when=1", steps);
  deepEqual(said, ["done", "verified true", "io", "checked 2", "done", "checked 2", "done"]);
  const afterFailure = calls.slice(calls.indexOf("fdatasync") + 1);
  deepEqual(afterFailure.slice(0, 3), ["pread64", "pwrite64", "fdatasync"]);
});

test("a piece begun before a failed sync is read back and written again for its verdict", {
  skip: strace,
}, () => {
  const half = (begin: number): Step => ({
    type: "write",
    store: 1,
    piece: 0,
    begin,
    length: pieceBytes / 2,
    memory: begin,
  });
  const steps = [{ fill: 0 }, half(0), sync, half(pieceBytes / 2), verify(0), sync];
  const { said, calls } = underStrace("fdatasync:error=EIO:when=1", steps);
  deepEqual(said, ["done", "io", "done", "verified true", "done"]);
  deepEqual(calls.slice(calls.indexOf("fdatasync") + 1), ["pwrite64", "pread64", "pwrite64", "fdatasync"]);
});

test("what was not synced when a store is opened anew is written again by its check", {
  skip: strace,
}, () => {
  const failed = underStrace("fdatasync:error=EIO:when=1", [...write(0), sync, "reopen", check(0, 1), sync]);
  deepEqual(failed.said, ["done", "io", "checked 2", "done"]);
  deepEqual(failed.calls.slice(-4), ["openat", "pread64", "pwrite64", "fdatasync"]);
  const unsynced = underStrace("fdatasync:error=EIO:when=9", [...write(0), "reopen", check(0, 1), sync]);
  deepEqual(unsynced.calls.slice(-4), ["openat", "pread64", "pwrite64", "fdatasync"]);
});

for (const [errno, fault] of [
  ["ENOSPC", "full"],
  ["EDQUOT", "full"],
  ["EROFS", "read-only"],
  ["EIO", "io"],
] as const) {
  test(`a write that meets ${errno} is ${fault}, and works again when the fault is gone`, {
    skip: strace,
  }, () => {
    const steps = [...write(0), verify(0), ...write(1), verify(1), ...write(1), verify(1), sync, check(0, 2)];
    const { said } = underStrace(`pwrite64:error=${errno}:when=2`, steps);
    equal(said[2], fault);
    deepEqual(said.slice(4), ["done", "verified true", "done", "checked 22"]);
  });
}

for (const [errno, fault] of [
  ["ESTALE", "missing"],
  ["EACCES", "denied"],
  ["EROFS", "read-only"],
  ["EIO", "io"],
  ["ENFILE", "too-many-files"],
] as const) {
  test(`opening that meets ${errno} is ${fault}, and works again when the fault is gone`, {
    skip: strace,
  }, () => {
    const { said } = underStrace(`openat:error=${errno}:when=1`, [...write(0), ...write(0), verify(0)]);
    deepEqual(said, [fault, "done", "verified true"]);
  });
}

test("a read that fails is a fault of the job, not a bad piece", { skip: strace }, () => {
  const steps = [...write(0), verify(0), check(0, 1), read, check(0, 1)];
  const { said } = underStrace("pread64:error=EIO:when=1..2", steps);
  deepEqual(said, ["done", "verified true", "io", "io", "checked 2"]);
});

/** What the steps gave in a mount namespace, where `mountpoint` is a disk of 512 KiB. */
function onSmallDisk(steps: (mountpoint: string) => readonly Step[]): { said: string[]; below: string } {
  const { folder, remove } = temporary();
  try {
    const mountpoint = join(folder, "disk");
    mkdirSync(mountpoint);
    const text = JSON.stringify(steps(mountpoint));
    const script = `mount -t tmpfs -o size=512k none "$1" && "$2" "$3" "$1" "$4"`;
    const args = ["-m", "sh", "-c", script, "sh", mountpoint, process.execPath, main, text];
    const said = JSON.parse(execFileSync("unshare", args, { encoding: "utf8" }));
    return { said, below: execFileSync("ls", ["-A", mountpoint], { encoding: "utf8" }) };
  } finally {
    remove();
  }
}

test("a disk that is full takes writes again when there is room", { skip: namespaces }, () => {
  const { said } = onSmallDisk((disk) => [
    ...write(0),
    { shell: `dd if=/dev/zero of=${disk}/filler bs=4096 2>/dev/null || true` },
    ...write(1),
    sync,
    { shell: `rm ${disk}/filler` },
    ...write(1),
    verify(1),
    sync,
    check(0, 2),
  ]);
  deepEqual(said, ["done", "full", "done", "done", "verified true", "done", "checked 22"]);
});

test("a disk made read-only and writable again is told and used", { skip: namespaces }, () => {
  const { said } = onSmallDisk((disk) => [
    { shell: `mount -o remount,ro ${disk}` },
    ...write(0),
    check(0, 1),
    { shell: `mount -o remount,rw ${disk}` },
    ...write(0),
    verify(0),
  ]);
  deepEqual(said, ["read-only", "checked 0", "done", "verified true"]);
});

test("a disk that was unmounted is missing; nothing is written to the folder under it", {
  skip: namespaces,
}, () => {
  const { said, below } = onSmallDisk((disk) => [
    { shell: `umount ${disk}` },
    ...write(0),
    check(0, 1),
    { type: "create", store: 1, files: "all" },
    { type: "probe", store: 1 },
    sync,
  ]);
  deepEqual(said, ["missing", "missing", "missing", "missing", "done"]);
  equal(below, "");
});
