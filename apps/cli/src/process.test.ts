/** The program as a process of its own: real sockets, real signals, real files. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { TrackerServer } from "@dure/host-node/tracker-server";
import { TempFolder } from "./testing/temp-folder.ts";

const dure = resolve(import.meta.dirname, "../../../bin/dure");
const stopWithin = 2000;
const limit = { timeout: 60_000 };

test("the demo ends by itself, its copies are verified, and it leaves nothing behind", limit, () => {
  using folder = new TempFolder();
  const { status, stdout, stderr } = run(["demo", "--json"], { TMPDIR: folder.path });
  equal(stderr, "");
  equal(status, 0);
  const objects = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const done = objects.at(-1);
  equal(done?.event, "done");
  equal(done?.verified, true);
  equal(done?.bytes, 64 * 1024 * 1024);
  deepEqual(
    objects.filter((object) => object.event === "start").map((object) => object.peer),
    ["seed", "first", "second"],
  );
  const gifts = done?.gifts as Record<string, number>;
  const given = Object.values(gifts).reduce((sum, bytes) => sum + bytes, 0);
  ok(given >= 2 * 64 * 1024 * 1024, "both downloads are paid for");
  deepEqual(readdirSync(folder.path), []);
});

test(
  "a download is interrupted, begun again, finished and seeded; both tell the tracker when they leave",
  limit,
  async () => {
    using folder = new TempFolder();
    await using stack = new AsyncDisposableStack();
    const tracker = await TrackerServer.open({ host: "127.0.0.1", httpPort: 0 });
    stack.defer(() => tracker.close());
    const bytes = randomBytes(24 * 1024 * 1024);
    folder.write("data/a.bin", bytes);
    folder.write("data/inside/b", "b");
    const torrent = folder.join("data.torrent");
    const options = ["--tracker", tracker.announceUrl, "--piece-size", "64KiB", "--quiet"];
    equal(run(["create", folder.join("data"), "--out", torrent, ...options]).status, 0);

    const seed = stack.use(start(["seed", torrent, "--dir", folder.path, "--profile", folder.join("seed")]));
    await seed.event("done");
    const get = ["get", torrent, "--dir", folder.join("copy"), "--profile", folder.join("get")];
    const slow = stack.use(start([...get, "--down", "4MiB/s"]));
    for (;;) if (Number((await slow.event("progress")).bytesDone) > 0) break;
    const stopped = await slow.stop("SIGINT");
    equal(stopped.status, 130);
    ok(stopped.took < stopWithin, `${stopped.took} ms`);

    const again = stack.use(start(get));
    equal((await again.event("start")).bytes, bytes.length + 1);
    equal((await again.event("done")).dir, folder.join("copy"));
    ok(readFileSync(folder.join("copy/data/a.bin")).equals(bytes));
    equal(tracker.peersCount, 2);
    const seeding = await again.stop("SIGTERM");
    equal(seeding.status, 0);
    ok(seeding.took < stopWithin, `${seeding.took} ms`);
    equal((await seed.stop("SIGTERM")).status, 0);
    equal(tracker.peersCount, 0);
  },
);

test("a magnet link finds its data through the tracker it names", limit, async () => {
  using folder = new TempFolder();
  await using stack = new AsyncDisposableStack();
  const tracker = await TrackerServer.open({ host: "127.0.0.1", udpPort: 0 });
  stack.defer(() => tracker.close());
  const original = folder.write("data/a.bin", randomBytes(1_000_000));
  const data = ["seed", folder.join("data"), "--tracker", tracker.udpAnnounceUrl];
  const seed = stack.use(start([...data, "--profile", folder.join("seed")]));
  const { magnet } = await seed.event("start");
  await seed.event("done");
  const copy = ["--dir", folder.join("copy"), "--profile", folder.join("get")];
  const get = stack.use(start(["get", String(magnet), "--once", ...copy]));
  for (const name of ["start", "metadata", "done"]) await get.event(name);
  equal(await get.exit, 0);
  ok(readFileSync(folder.join("copy/data/a.bin")).equals(readFileSync(original)));
});

test("whoever stops reading a listing ends it without a complaint", limit, () => {
  using folder = new TempFolder();
  for (let index = 0; index < 3000; index += 1)
    folder.write(`many/a-file-with-a-rather-long-name-${index}`, "x");
  run(["create", folder.join("many"), "--out", folder.join("many.torrent"), "--quiet"]);
  const line = `"${dure}" show "${folder.join("many.torrent")}" | head -n 1`;
  const { stdout, stderr } = spawnSync("sh", ["-c", line], { encoding: "utf8", env: environment() });
  ok(stdout.endsWith("many\n"));
  equal(stderr, "");
});

function environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { ...process.env, LANG: "C.UTF-8", LC_ALL: "C.UTF-8", ...more };
}

function run(args: readonly string[], more: Readonly<Record<string, string>> = {}) {
  return spawnSync(dure, args, { encoding: "utf8", env: environment(more), timeout: limit.timeout });
}

interface Running extends AsyncDisposable {
  /** Its status, once it has ended. */
  readonly exit: Promise<number | null>;
  /** The next object of this kind. */
  event(name: string): Promise<Record<string, unknown>>;
  stop(signal: NodeJS.Signals): Promise<{ readonly status: number | null; readonly took: number }>;
}

/** A foreground peer on any port, heard through `--json`. */
function start(args: readonly string[]): Running {
  const child: ChildProcess = spawn(
    dure,
    [...args, "--port", "0", "--no-dht", "--no-lsd", "--no-port-mapping", "--json"],
    {
      env: environment(),
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  if (child.stdout === null) throw new Error("it was started with a pipe");
  const exit = once(child, "exit").then(([status]) => status as number | null);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    exit,
    async event(name) {
      for (;;) {
        const { value, done } = await lines.next();
        if (done === true) throw new Error(`it ended before it said ${name}`);
        const object = JSON.parse(value) as Record<string, unknown>;
        if (object.event === name) return object;
      }
    },
    async stop(signal) {
      const from = performance.now();
      child.kill(signal);
      return { status: await exit, took: performance.now() - from };
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exit;
    },
  };
}
