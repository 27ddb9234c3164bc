/**
 * The package as its users get it: packed, installed into an empty prefix, run from there on its own Node.
 * Needs the npm registry (or npm's cache) for that Node. Run by itself: node --test scripts/pack-test/
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";

const root = resolve(import.meta.dirname, "../..");
const place = mkdtempSync(join(tmpdir(), "dure-pack-"));
const prefix = join(place, "prefix");
const dure = join(prefix, "bin", "dure");
// No Node on the PATH of the program: it brings its own. npm needs one.
const bareEnv = { PATH: "/usr/bin:/bin", HOME: place, LANG: "C.UTF-8", DURE_PROFILE: join(place, "profile") };
const npmTimeout = 300_000;

let tarball = "";

before(() => {
  npm(["pack", "--pack-destination", place], root);
  tarball = join(place, readdirSync(place).find((name) => name.endsWith(".tgz")) ?? "");
  npm(["install", "--global", "--prefix", prefix, "--no-audit", "--no-fund", tarball], place);
});

after(() => rmSync(place, { recursive: true, force: true }));

test("the tarball holds what is run and its types, and no source or test", () => {
  const names = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).trim().split("\n");
  for (const name of [
    "bin/dure",
    "dist/dure.js",
    "dist/index.js",
    "dist/index.d.ts",
    "LICENSE",
    "README.md",
  ]) {
    ok(names.includes(`package/${name}`), name);
  }
  const stray = names.filter((name) => /\.test\.|(?<!\.d)\.ts$|tsconfig|node_modules/.test(name));
  deepEqual(stray, []);
});

test("the installed program says its version, on the Node that came with it", () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  equal(run(["--version"]), `dure ${version}\n`);
});

test("it makes, shows and checks a torrent: its workers were packed too", () => {
  const folder = join(place, "made");
  mkdirSync(folder);
  writeFileSync(join(folder, "large.bin"), Buffer.alloc(40 * 1024 * 1024, "dure"));
  const torrent = join(place, "made.torrent");
  run(["create", folder, "--out", torrent, "--quiet"]);
  const shown = JSON.parse(run(["show", torrent, "--json"])) as { totalBytes: number };
  equal(shown.totalBytes, 40 * 1024 * 1024);
  const verified = JSON.parse(run(["verify", torrent, "--dir", place, "--json"])) as { complete: boolean };
  equal(verified.complete, true);
});

/** Nobody outside is asked of anything. */
const apart = ["--no-dht", "--no-lsd", "--no-port-mapping"];

test("it seeds to itself, and the copy is the same", { timeout: 60_000 }, async () => {
  const folder = join(place, "seeded");
  mkdirSync(join(folder, "inside"), { recursive: true });
  writeFileSync(join(folder, "inside", "a.bin"), Buffer.alloc(5_000_000, "package"));
  writeFileSync(join(folder, "empty"), "");
  const torrent = join(place, "seeded.torrent");
  run(["create", folder, "--out", torrent, "--quiet"]);
  const seed = start([
    "seed",
    torrent,
    "--dir",
    place,
    "--port",
    "0",
    ...apart,
    "--json",
    "--profile",
    join(place, "seed"),
  ]);
  const events = jsonEvents(seed);
  const { port } = await events.next("start");
  await events.next("done");
  const copy = join(place, "copy");
  run([
    "get",
    torrent,
    "--dir",
    copy,
    "--once",
    "--quiet",
    "--port",
    "0",
    ...apart,
    "--peer",
    `127.0.0.1:${port}`,
  ]);
  const read = (base: string) => readFileSync(join(base, "seeded", "inside", "a.bin"));
  ok(read(copy).equals(read(place)));
  equal(readFileSync(join(copy, "seeded", "empty")).length, 0);
  seed.kill("SIGTERM");
  const [status] = await once(seed, "exit");
  equal(status, 0);
});

test("programs import the library by its name, and the compiler knows its types", () => {
  const project = join(place, "project");
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "user", type: "module" }));
  npm(["install", "--no-audit", "--no-fund", tarball], project);
  writeFileSync(
    join(project, "user.ts"),
    `import { type DureNode, NodeError, openNode } from "dure";
const node: DureNode = await openNode({ profile: "profile", port: 0, listen: "127.0.0.1" });
const failed = await node.add({ source: "nowhere.torrent", dir: "." }).catch((error: unknown) => error);
if (!(failed instanceof NodeError)) throw new Error("a source that is not there is refused");
// @ts-expect-error A port is a number.
const wrong: string = node.port;
console.log(typeof wrong, failed.code);
await node.close();
`,
  );
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const flags = ["--module", "nodenext", "--target", "es2023", "--strict", "--types", "node"];
  const typeRoots = ["--typeRoots", join(root, "node_modules/@types")];
  execFileSync(process.execPath, [tsc, ...flags, ...typeRoots, "user.ts"], {
    cwd: project,
    stdio: "inherit",
  });
  const output = execFileSync(process.execPath, ["user.js"], { cwd: project, encoding: "utf8" });
  ok(/^number [a-z-]+\n$/.test(output), output);
});

function npm(args: readonly string[], cwd: string): void {
  execFileSync("npm", args, { cwd, stdio: ["ignore", "ignore", "inherit"], timeout: npmTimeout });
}

function run(args: readonly string[]): string {
  return execFileSync(dure, args, { encoding: "utf8", env: bareEnv, cwd: place, timeout: 60_000 });
}

function start(args: readonly string[]): ChildProcess {
  return spawn(dure, args, { env: bareEnv, cwd: place, stdio: ["ignore", "pipe", "inherit"] });
}

interface Events {
  next(event: string): Promise<Record<string, unknown>>;
}

function jsonEvents(child: ChildProcess): Events {
  if (child.stdout === null) throw new Error("the child was started with a pipe");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async next(event) {
      for (;;) {
        const { value, done } = await lines.next();
        if (done === true) throw new Error(`it ended before it said ${event}`);
        const object = JSON.parse(value) as Record<string, unknown>;
        if (object.event === event) return object;
      }
    },
  };
}
