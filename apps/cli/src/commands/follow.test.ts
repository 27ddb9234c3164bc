import { deepEqual, equal, match, ok } from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { type TestContext, test } from "node:test";
import { fromHex, hex, must, utf8 } from "@dure/base";
import { mutableItem, rawPublicKey } from "@dure/host-node/keys";
import { makeSample } from "@dure/host-node/testing";
import { torrentValue } from "@dure/protocol";
import type { Interrupt } from "../interrupt.ts";
import { type FakeDht, reportOf } from "../testing/fake-dht.ts";
import type { FakeTorrent } from "../testing/fake-node.ts";
import { type CliWorld, runCli } from "../testing/run-cli.ts";
import { TempFolder } from "../testing/temp-folder.ts";
import { passTime, until } from "../testing/until.ts";

const { privateKey } = generateKeyPairSync("ed25519");
const publicKey = hex(rawPublicKey(privateKey));
const [one, two] = ["one", "two"].map((name) => makeSample({ name, pieceBytes: 16_384, content: 100 }));
const first = must(one, "made");
const second = must(two, "made");

function itemOf({ infoHash }: { readonly infoHash: string }, sequence: number, salt = "") {
  const value = torrentValue(must(fromHex(infoHash), "hex"));
  return mutableItem({ value, privateKey, sequence, salt: utf8(salt) });
}

function place(context: TestContext) {
  const folder = new TempFolder();
  context.after(() => folder[Symbol.dispose]());
  const run = (more: readonly string[] = [], world: CliWorld = {}, who = publicKey) =>
    runCli(["follow", who, "--profile", folder.path, "--dir", folder.join("got"), ...more], world);
  return { run, dir: folder.join("got") };
}

/** As a magnet link goes: its metadata comes, then all of it. */
function arrive(torrent: FakeTorrent, bytes: Uint8Array): void {
  torrent.bytes = bytes;
  torrent.emit({ type: "metadata", status: torrent.status() });
  torrent.complete();
}

test("follow --once downloads what the newest item names", async (context) => {
  const { run, dir } = place(context);
  const { status, screen, stderr, node } = await run(["--once", "--json"], {
    dht: (dht) => [itemOf(second, 3), itemOf(first, 4)].map((item) => dht.hold(item)),
    onAdd: (torrent) => arrive(torrent, first.torrent),
  });
  equal(stderr, "");
  equal(status, 0);
  deepEqual(screen.objects()[0], { event: "version", seq: 4, infoHash: first.infoHash, key: publicKey });
  equal(screen.objects().at(-1)?.event, "done");
  deepEqual(node?.added, {
    dir,
    overwrite: false,
    peers: [],
    source: `magnet:?xt=urn:btih:${first.infoHash}`,
  });
});

test("the link's salt, trackers and peers count; a salt beside a public key does too", async (context) => {
  const { run } = place(context);
  const world: CliWorld = {
    dht: (dht) => dht.hold(itemOf(first, 1, "a b")),
    onAdd: (torrent) => arrive(torrent, first.torrent),
  };
  const link = `magnet:?xs=urn:btpk:${publicKey}&s=612062&tr=udp%3A%2F%2Ft%3A1&x.pe=192.0.2.1:5&x.pe=%5B::1%5D:6`;
  const linked = await run(["--once"], world, link);
  equal(linked.status, 0);
  equal(linked.node?.added?.source, `magnet:?xt=urn:btih:${first.infoHash}&tr=udp%3A%2F%2Ft%3A1`);
  deepEqual(linked.node?.added?.peers, ["192.0.2.1:5", "[::1]:6"]);
  equal((await run(["--once", "--salt", "a b"], world)).status, 0);
  equal((await run(["--once"], world)).status, 1);
});

test("a newer version takes the place of the last: that is stopped, and its files are given over", async (context) => {
  const { run } = place(context);
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let dht: FakeDht | undefined;
  let interrupt: Interrupt | undefined;
  let left: FakeTorrent | undefined;
  const running = run(["--json", "--every", "60"], {
    dht: (fake, given) => {
      dht = fake;
      interrupt = given;
      fake.hold(itemOf(first, 1));
    },
    onAdd: (torrent, _, added) => {
      if (left !== undefined) equal(left.stopped, true, "before the next begins");
      const version = String(added.source).includes(first.infoHash) ? first : second;
      deepEqual(added.replaces, version === second ? first.torrent : undefined);
      arrive(torrent, version.torrent);
      left = torrent;
    },
  });
  await until(() => left !== undefined && dht?.asked.length === 1);
  const begun = left;
  dht?.hold(itemOf(second, 2));
  await passTime(context, 10_000, () => left !== begun);
  await new Promise((next) => setImmediate(next));
  interrupt?.raise("SIGINT");
  const { status, screen } = await running;
  equal(status, 0, "complete, and only looking for more");
  deepEqual(
    screen
      .objects()
      .filter(({ event }) => event === "version")
      .map(({ seq }) => seq),
    [1, 2],
  );
});

test("an old item put again does not take a follower back, not even after a restart", async (context) => {
  const { run } = place(context);
  const world = (sequence: number, sample: typeof first): CliWorld => ({
    dht: (dht) => dht.hold(itemOf(sample, sequence)),
    onAdd: (torrent, _, added) =>
      arrive(torrent, String(added.source).includes(first.infoHash) ? first.torrent : second.torrent),
  });
  equal((await run(["--once"], world(5, second))).status, 0);
  const replayed = await run(["--once"], world(4, first));
  equal(replayed.status, 1);
  match(replayed.stderr, /^dure: only version 4 is found under [0-9a-f]{64}, older than version 5/);
  ok(String(replayed.node?.added?.source).includes(second.infoHash), "it goes on with what it had");
  equal(replayed.node?.handles.length, 1);
  const same = await run(["--once", "--json"], world(5, first));
  equal(same.status, 0);
  deepEqual(
    same.screen.objects().flatMap(({ event, infoHash }) => (event === "version" ? [infoHash] : [])),
    [second.infoHash],
  );
});

test("nothing found, or nobody there: --once fails; one that stays says so once and asks on", async (context) => {
  const { run } = place(context);
  const nothing = await run(["--once"]);
  equal(nothing.status, 1);
  match(nothing.stderr, /^dure: nothing is found under .*try again when its publisher is there\n$/);
  const nobody = await run(["--once", "--lang", "ko"], {
    dht: (dht) => {
      dht.report = reportOf({ responses: 0 });
    },
  });
  match(nobody.stderr, /^dure: DHT 노드가 하나도 응답하지 않았습니다/);
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let dht: FakeDht | undefined;
  let interrupt: Interrupt | undefined;
  const running = run(["--every", "10"], {
    dht: (fake, given) => {
      dht = fake;
      interrupt = given;
    },
  });
  await passTime(context, 1000, () => dht?.asked.length === 3);
  interrupt?.raise("SIGTERM");
  const { status, stderr } = await running;
  equal(status, 143);
  match(stderr, /^dure: warning: nothing is found under [0-9a-f]{64}:[^\n]*asking again every 10 seconds\n$/);
});

test("an item that names no torrent is not taken", async (context) => {
  const { run } = place(context);
  const item = mutableItem({ value: utf8("2:hi"), privateKey, sequence: 2 });
  const { status, stderr, node } = await run(["--once"], { dht: (dht) => dht.hold(item) });
  equal(status, 1);
  match(stderr, /^dure: version 2 under [0-9a-f]{64} names no torrent; dure dht get shows/);
  equal(node?.added, undefined);
});

test("a version that cannot be taken up ends the command with what to do", async (context) => {
  const { NodeError } = await import("@dure/host-node");
  const { run } = place(context);
  const { status, stderr } = await run([], {
    dht: (dht) => dht.hold(itemOf(first, 1)),
    onAdd: (torrent) => torrent.fail(new NodeError("not-ours", "a letter is there: --overwrite", "letter")),
  });
  equal(status, 1);
  equal(stderr, "dure: a letter is there: --overwrite\n");
});

test("the follower keeps what it follows alive: the item is put again as it is, within the hour", async (context) => {
  const { run } = place(context);
  let clock = 0;
  context.mock.timers.enable({ apis: ["setTimeout"] });
  context.mock.method(performance, "now", () => clock);
  let dht: FakeDht | undefined;
  let interrupt: Interrupt | undefined;
  const item = itemOf(first, 7);
  const running = run(["--every", "600"], {
    dht: (fake, given) => {
      dht = fake;
      interrupt = given;
      fake.hold(item);
    },
    onAdd: (torrent) => arrive(torrent, first.torrent),
  });
  await until(
    () => dht?.puts.length === 2,
    () => {
      clock += 1000;
      context.mock.timers.tick(1000);
    },
  );
  ok(clock >= 2 * 50 * 60_000 && clock <= 2 * 60 * 60_000, `${clock / 60_000} minutes`);
  interrupt?.raise("SIGINT");
  equal((await running).status, 0);
  deepEqual(
    dht?.puts.map((put) => put.item),
    [item, item],
  );
});

const wrong: readonly (readonly [readonly string[], RegExp])[] = [
  [["follow", "abc"], /abc is no publisher; it is a public key of 64 hex digits/],
  [["follow", `magnet:?xt=urn:btih:${first.infoHash}`], /names no publisher; dure get/],
  [["follow", `magnet:?xs=urn:btpk:${publicKey}&s=61`, "--salt", "b"], /has a salt of its own/],
  [["follow", publicKey, "--every", "9"], /--every cannot be 9; it is a whole number from 10 to 86400/],
  [["follow", publicKey, "--no-dht"], /leave out --no-dht/],
];

for (const [line, message] of wrong) {
  test(`dure ${line.join(" ").slice(0, 70)}: status 2, one line`, async () => {
    const { status, stdout, stderr, node } = await runCli(line);
    equal(status, 2);
    equal(stdout, "");
    match(stderr, message);
    equal(node, undefined);
  });
}
