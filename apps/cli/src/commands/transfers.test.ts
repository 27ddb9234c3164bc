import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { NodeError } from "@dure/host-node";
import { parseMagnet } from "@dure/protocol";
import { bootstrapNodes } from "../bootstrap-nodes.ts";
import type { Interrupt } from "../interrupt.ts";
import { runCli } from "../testing/run-cli.ts";
import { TempFolder } from "../testing/temp-folder.ts";
import { until } from "../testing/until.ts";

const hash = "0123456789abcdef0123456789abcdef01234567";

test("get --once tells start, progress and done as the contract's objects, and ends with 0", async () => {
  const { status, screen, stderr, node } = await runCli(
    ["get", "a.torrent", "--dir", "/d", "--once", "--json"],
    {
      onAdd: (torrent) => {
        torrent.emit({ type: "warning", code: "tracker", message: "no answer" });
        torrent.emit({ type: "peer-banned", address: "1.2.3.4:5", reason: "bad-piece" });
        torrent.complete();
      },
    },
  );
  equal(status, 0);
  equal(stderr, "");
  const [start, warning, banned, progress, done, ...rest] = screen.objects();
  deepEqual(start, { event: "start", infoHash: hash, name: "album", bytes: 8000, port: 6881 });
  deepEqual(warning, { event: "warning", code: "tracker", message: "no answer" });
  equal(banned?.code, "peer-banned");
  deepEqual(progress, {
    event: "progress",
    bytesDone: 8000,
    bytesTotal: 8000,
    downRate: 0,
    upRate: 0,
    peers: 1,
  });
  ok(typeof done?.seconds === "number");
  deepEqual(
    { ...done, seconds: 0 },
    { event: "done", infoHash: hash, dir: "/d", bytes: 8000, seconds: 0, downloaded: 8000 },
  );
  deepEqual(rest, []);
  equal(node?.closed, true);
});

test("a magnet's start has no name and size yet; they come with its metadata", async () => {
  const { screen } = await runCli(["get", `magnet:?xt=urn:btih:${hash}`, "--once", "--json"], {
    state: { name: "metadata" },
    onAdd: (torrent) => {
      torrent.become({ state: { name: "downloading" } });
      torrent.emit({ type: "metadata", status: torrent.status() });
      torrent.complete();
    },
  });
  const [start, metadata] = screen.objects();
  deepEqual(start, { event: "start", infoHash: hash, name: null, bytes: null, port: 6881 });
  deepEqual(metadata, { event: "metadata", infoHash: hash, name: "album", bytes: 8000 });
});

test("what NETWORK says reaches the node and the torrent", async () => {
  const line =
    "get x --once --port 0 --listen 10.0.0.1 --interface eth0 --down 1MiB --up 500k --connections 9 --upload-slots 3 " +
    "--ratio 1.5 --super-seed --peer a:1 --peer [::1]:2 --dht-bootstrap a.example:1 --dht-bootstrap [::1]:2 --allow-local-urls --ip-filter /f --deny-list /l --profile /p --select a* --sequential --overwrite --dir /d";
  const { node } = await runCli(line.split(" "), { onAdd: (torrent) => torrent.complete() });
  deepEqual(node?.options, {
    profile: "/p",
    port: 0,
    listen: "10.0.0.1",
    interface: "eth0",
    downRateMax: 1024 * 1024,
    upRateMax: 500_000,
    connectionsMax: 9,
    uploadSlots: 3,
    allowLocalUrls: true,
    pex: true,
    lsd: true,
    portMapping: true,
    ipFilter: "/f",
    denyList: "/l",
    dht: { bootstrap: ["a.example:1", "[::1]:2"] },
  });
  deepEqual(node?.added, {
    source: "x",
    dir: "/d",
    select: ["a*"],
    sequential: true,
    overwrite: true,
    peers: ["a:1", "[::1]:2"],
    ratioMax: 1.5,
    superSeed: true,
  });
});

test("the DHT is entered by the public nodes unless others are named, by none, or not at all", async () => {
  const dht = async (...more: string[]) => {
    const { node } = await runCli(["get", "x", "--once", ...more], {
      onAdd: (torrent) => torrent.complete(),
    });
    return node?.options.dht;
  };
  deepEqual(await dht(), { bootstrap: bootstrapNodes });
  deepEqual(await dht("--dht-bootstrap", "none"), { bootstrap: [] });
  deepEqual(await dht("--dht-bootstrap", "none", "--dht-bootstrap", "a:1"), { bootstrap: ["a:1"] });
  equal(await dht("--no-dht"), undefined);
});

test("a magnet link without a tracker says where peers are looked for, until one is there", async () => {
  const lines = async (...more: string[]) => {
    const { stdout } = await runCli(["get", `magnet:?xt=urn:btih:${hash}`, ...more], {
      state: { name: "metadata" },
      onAdd: (torrent, interrupt) => {
        torrent.become({ peersCount: 0 });
        setTimeout(() => torrent.become({ peersCount: 1 }), 1500);
        setTimeout(() => interrupt.raise("SIGINT"), 2200);
      },
    });
    return stdout.split("\n").slice(1, 3);
  };
  const asking = "album  asking peers what it holds";
  const [found, off, korean] = await Promise.all([lines(), lines("--no-dht"), lines("--lang", "ko")]);
  deepEqual(found, ["album  no tracker: asking the DHT for peers (12 nodes known)", asking]);
  equal(off?.[0], "album  no tracker, and the DHT is off: waiting for a peer; --peer names one");
  equal(korean?.[0], "album  트래커 없음, DHT에 피어를 묻는 중(아는 노드 12개)");
});

/** What `dure get` warns of when these bootstrap nodes are named, so many of them are not found, and seven seconds pass. */
async function troubles(
  context: TestContext,
  names: readonly string[],
  { missing, nodes, peers }: { readonly missing: number; readonly nodes: number; readonly peers: number },
): Promise<string> {
  context.mock.timers.enable({ apis: ["setInterval"] });
  let clock = 0;
  const now = context.mock.method(performance, "now", () => clock);
  let interrupt: Interrupt | undefined;
  const running = runCli(["get", "x", ...names.flatMap((name) => ["--dht-bootstrap", name])], {
    dht: (dht) => {
      dht.become(nodes);
      setImmediate(() => {
        for (let count = 0; count < missing; count += 1)
          dht.emit({ type: "warning", code: "dht-bootstrap", message: "gone" });
      });
    },
    onAdd: (torrent, given) => {
      torrent.become({ peersCount: peers });
      interrupt = given;
    },
  });
  await until(
    () => clock >= 7000,
    () => {
      if (interrupt === undefined) return;
      clock += 500;
      context.mock.timers.tick(500);
    },
  );
  interrupt?.raise("SIGINT");
  const { stderr } = await running;
  context.mock.timers.reset();
  now.mock.restore();
  return stderr;
}

test("that no bootstrap node is found by its name is told once, and only when nobody is found in five seconds", async (context) => {
  const alone = { missing: 2, nodes: 0, peers: 0 };
  const two = ["a:1", "b:1"];
  match(
    await troubles(context, two, alone),
    /^dure: warning: no bootstrap node of the DHT is found by its name; [^\n]*\n$/,
  );
  equal(await troubles(context, two, { ...alone, missing: 1 }), "");
  equal(await troubles(context, two, { ...alone, nodes: 3 }), "");
  equal(await troubles(context, two, { ...alone, peers: 1 }), "");
  const literals = ["192.0.2.1:1", "[::1]:1", "b:1"];
  match(await troubles(context, literals, { ...alone, missing: 1 }), /no bootstrap node/);
});

test("peer exchange, local discovery and port mapping are on unless they are switched off, each by itself", async () => {
  const switches = async (...more: string[]) => {
    const { node } = await runCli(["get", "x", "--once", ...more], {
      onAdd: (torrent) => torrent.complete(),
    });
    return [node?.options.pex, node?.options.lsd, node?.options.portMapping];
  };
  deepEqual(await switches(), [true, true, true]);
  deepEqual(await switches("--no-pex"), [false, true, true]);
  deepEqual(await switches("--no-lsd"), [true, false, true]);
  deepEqual(await switches("--no-port-mapping"), [true, true, false]);
});

test("the profile is the option, else DURE_PROFILE, else in the XDG state folder", async () => {
  const world = (env: Record<string, string>) => ({
    env,
    onAdd: (torrent: { complete(): void }) => torrent.complete(),
  });
  const profile = async (env: Record<string, string>, ...more: string[]) =>
    (await runCli(["get", "x", "--once", "-q", ...more], world(env))).node?.options.profile;
  equal(await profile({ DURE_PROFILE: "/env" }, "--profile", "/option"), "/option");
  equal(await profile({ DURE_PROFILE: "/env", XDG_STATE_HOME: "/state" }), "/env");
  equal(await profile({ XDG_STATE_HOME: "/state" }), "/state/dure");
  ok((await profile({ XDG_STATE_HOME: "relative" }))?.endsWith("/.local/state/dure"));
});

test("a signal before completion: 130 or 143, the node closed, and a word on how to go on", async () => {
  for (const [signal, expected] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    const { status, stdout, node } = await runCli(["get", "x"], {
      onAdd: (torrent, interrupt) => {
        torrent.become({ bytesDone: 2000, piecesDone: 2 });
        interrupt.raise(signal);
      },
    });
    equal(status, expected);
    equal(node?.closed, true);
    ok(stdout.endsWith("Stopped at 25%. The same command goes on from there\n"), stdout);
  }
});

test("a signal while only seeding: 0", async () => {
  const { status, stdout, node } = await runCli(["get", "x"], {
    onAdd: (torrent, interrupt) => {
      torrent.complete();
      setImmediate(() => interrupt.raise("SIGINT"));
    },
  });
  equal(status, 0);
  equal(node?.closed, true);
  ok(stdout.includes("Seeding; Ctrl-C ends it\nStopped. 0 B given to others\n"), stdout);
});

test("seeding ends by itself when the torrent stops at its ratio", async () => {
  const { status } = await runCli(["get", "x", "--ratio", "1", "-q"], {
    onAdd: (torrent) => {
      torrent.complete();
      torrent.become({ state: { name: "stopped" } });
    },
  });
  equal(status, 0);
});

test("a torrent that cannot go on: one line on stderr, with --json an object too, status 1", async () => {
  const { status, stderr, screen, node } = await runCli(["get", "x", "--json"], {
    onAdd: (torrent) => torrent.fail(new NodeError("disk", "/d/album cannot be written", "/d/album")),
  });
  equal(status, 1);
  const message = "/d/album cannot be written; check the disk and its permissions";
  equal(stderr, `dure: ${message}\n`);
  deepEqual(screen.objects().at(-1), { event: "error", code: "disk", message });
  equal(node?.closed, true);
});

test("a node that does not open is explained in the person's language", async () => {
  const openNode = async () => {
    throw new NodeError("owned", "process 7 has this torrent", "7");
  };
  const english = await runCli(["get", "x"], { openNode });
  equal(english.stderr, "dure: process 7 has this torrent; stop that process or choose another --dir\n");
  const korean = await runCli(["get", "x", "--lang", "ko"], { openNode });
  ok(korean.stderr.includes("다른 프로세스(7)가 쓰고 있습니다"), korean.stderr);
});

test("a mistake of ours is one line as well", async () => {
  const { status, stderr } = await runCli(["get", "x"], {
    openNode: async () => {
      throw new TypeError("undefined is\nnot a function");
    },
  });
  equal(status, 1);
  equal(stderr.split("\n").length, 2);
  ok(stderr.includes("--debug"));
});

test("quiet says nothing but errors; warnings stay on stderr", async () => {
  const { stdout, stderr } = await runCli(["get", "x", "--once", "--quiet"], {
    onAdd: (torrent) => {
      torrent.emit({ type: "warning", code: "w", message: "tracker\u001b[2J says no" });
      torrent.complete();
    },
  });
  equal(stdout, "");
  equal(stderr, "dure: warning: tracker\ufffd[2J says no\n");
});

test("on a terminal a bar is drawn over and over, and the end stands above it", async () => {
  const { stdout } = await runCli(["get", "x", "--once"], {
    live: true,
    onAdd: (torrent) => torrent.complete(),
  });
  ok(stdout.includes("\u001b[1A"), "the bar is drawn again");
  ok(/ {2}0% {2}0\/8 /.test(stdout), stdout);
  ok(/Done: album, 7\.81 KiB in 0:00 .*\n$/.test(stdout), stdout);
});

test("seed PATH makes the torrent in memory, trusts what it just read, and prints its magnet link", async () => {
  using folder = new TempFolder();
  folder.write("album/a.bin", "bytes");
  const { status, stdout, node } = await runCli(
    ["seed", folder.join("album"), "--quiet", "--tracker", "udp://t:1/announce"],
    {
      state: { name: "seeding" },
      onAdd: (torrent, interrupt) => {
        torrent.complete();
        setImmediate(() => interrupt.raise("SIGTERM"));
      },
    },
  );
  equal(status, 0);
  const magnet = parseMagnet(stdout.trim());
  ok(magnet.ok, stdout);
  deepEqual(magnet.value.trackers, ["udp://t:1/announce"]);
  ok(node?.added?.source instanceof Uint8Array);
  equal(node.added.dir, folder.path);
  equal(node.added.assumeComplete, true);
});

test("seed refuses data that is not all there, or not there at all", async () => {
  using folder = new TempFolder();
  folder.write("album/a.bin", "bytes");
  const torrent = folder.join("album.torrent");
  await runCli(["create", folder.join("album"), "--out", torrent]);
  const incomplete = await runCli(["seed", torrent, "--dir", folder.path]);
  equal(incomplete.status, 1);
  ok(incomplete.stderr.includes("album is not complete in"), incomplete.stderr);
  equal(incomplete.node?.closed, true);
  const nothing = await runCli(["seed", torrent, "--dir", folder.join("elsewhere")]);
  equal(nothing.status, 1);
  equal(nothing.node, undefined);
  equal((await runCli(["seed", `magnet:?xt=urn:btih:${hash}`])).status, 2);
  equal((await runCli(["seed", folder.join("album"), "--dir", "x"])).status, 2);
});
