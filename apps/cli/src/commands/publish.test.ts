import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { hex, must, utf8 } from "@dure/base";
import { mutableItem, rawPublicKey, readKeyFile } from "@dure/host-node/keys";
import { makeSample, store } from "@dure/host-node/testing";
import { readTorrentValue } from "@dure/protocol";
import type { Interrupt } from "../interrupt.ts";
import { type FakeDht, reportOf } from "../testing/fake-dht.ts";
import { type CliWorld, runCli } from "../testing/run-cli.ts";
import { TempFolder } from "../testing/temp-folder.ts";
import { passTime, until } from "../testing/until.ts";

/** A key and two torrents in a folder; `run` publishes one of them. */
async function shop(context: TestContext) {
  const folder = new TempFolder();
  context.after(() => folder[Symbol.dispose]());
  const path = folder.join("key");
  await runCli(["keys", "new", path]);
  const privateKey = await readKeyFile(path);
  const publicKey = hex(rawPublicKey(privateKey));
  const samples = ["one", "two"].map((name) => makeSample({ name, pieceBytes: 16_384, content: 100 }));
  for (const sample of samples) folder.write(`${sample.name}.torrent`, sample.torrent);
  const [one, two] = samples;
  const run = (name: string, more: readonly string[] = ["--once"], world: CliWorld = {}) =>
    runCli(
      ["publish", folder.join(`${name}.torrent`), "--key", path, "--profile", folder.path, ...more],
      world,
    );
  return { folder, privateKey, publicKey, one: must(one, "made"), two: must(two, "made"), run };
}

test("publish --once stores the info-hash, signed, and prints the link that followers need", async (context) => {
  const { run, publicKey, one } = await shop(context);
  const { status, screen, stderr, node } = await run("one", ["--once", "--salt", "a b", "--json"]);
  equal(status, 0);
  equal(stderr, "");
  const magnet = `magnet:?xs=urn:btpk:${publicKey}&s=612062`;
  const [stored, ...rest] = screen.objects();
  deepEqual(rest, []);
  match(String(stored?.target), /^[0-9a-f]{40}$/);
  deepEqual(
    { ...stored, target: "" },
    { event: "stored", target: "", nodes: 8, seq: 1, key: publicKey, infoHash: one.infoHash, magnet },
  );
  const value = must(node?.dht?.puts[0], "put").item.value;
  equal(hex(must(readTorrentValue(value), "it names a torrent")), one.infoHash);
  equal(node?.options.dht?.readOnly, true);
  equal((await run("one", ["--once", "-q"])).stdout, `magnet:?xs=urn:btpk:${publicKey}\n`);
});

test("each other torrent is a newer version, though the DHT has forgotten the last; the same one stays what it was", async (context) => {
  const { run, privateKey } = await shop(context);
  const seq = async (name: string, dht?: (dht: FakeDht) => void) =>
    (await run(name, ["--once", "--json"], dht === undefined ? {} : { dht })).screen.objects()[0]?.seq;
  equal(await seq("one"), 1);
  equal(await seq("one"), 1);
  equal(await seq("two"), 2);
  equal(await seq("one"), 3);
  const elsewhere = mutableItem({ value: utf8("1:x"), privateKey, sequence: 40 });
  equal(await seq("one", (dht) => dht.hold(elsewhere)), 41);
});

test("one that stays stores it again within the hour, every hour, and ends well with a signal", async (context) => {
  const { run } = await shop(context);
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let dht: FakeDht | undefined;
  let interrupt: Interrupt | undefined;
  const running = run("one", [], {
    dht: (fake, given) => {
      dht = fake;
      interrupt = given;
    },
  });
  const puts = () => dht?.puts.length ?? 0;
  await until(() => puts() === 1);
  for (let again = 2; again <= 4; again += 1) {
    let minutes = 0;
    await until(
      () => puts() === again,
      () => {
        context.mock.timers.tick(60_000);
        minutes += 1;
      },
    );
    ok(minutes >= 30 && minutes <= 90, `${minutes} minutes, of which some pass while it puts`);
  }
  ok(dht?.puts.every(({ item }) => item.type === "mutable" && item.sequence === 1));
  interrupt?.raise("SIGTERM");
  const { status, stdout } = await running;
  equal(status, 0);
  match(
    stdout,
    /^Version 1 is stored on 8 nodes\. Followers find it by\nmagnet:.*\nIt is stored again within the hour/,
  );
});

test("while nobody answers it warns once and tries again each minute; --once fails", async (context) => {
  const { run } = await shop(context);
  const alone = (dht: FakeDht) => {
    dht.report = reportOf({ responses: 0 });
  };
  const failed = await run("one", ["--once"], { dht: alone });
  equal(failed.status, 1);
  match(failed.stderr, /^dure: no node of the DHT answered/);
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let dht: FakeDht | undefined;
  let interrupt: Interrupt | undefined;
  const running = run("one", [], {
    dht: (fake, given) => {
      dht = fake;
      interrupt = given;
      alone(fake);
    },
  });
  await passTime(context, 1000, () => dht?.asked.length === 3);
  must(dht, "it is open").report = reportOf();
  await passTime(context, 1000, () => dht?.puts.length === 1);
  interrupt?.raise("SIGINT");
  const { status, stderr } = await running;
  equal(status, 0);
  match(stderr, /^dure: warning: no node of the DHT answered[^\n]*\n$/);
});

test("a newer version from elsewhere ends it: what is published here is not current any more", async (context) => {
  const { run, privateKey } = await shop(context);
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let dht: FakeDht | undefined;
  const running = run("one", [], {
    dht: (fake) => {
      dht = fake;
    },
  });
  await until(() => dht?.puts.length === 1);
  dht?.hold(mutableItem({ value: utf8("1:x"), privateKey, sequence: 2 }));
  let over = false;
  void running.then(() => {
    over = true;
  });
  await passTime(context, 60_000, () => over);
  const { status, stderr } = await running;
  equal(status, 1);
  match(stderr, /^dure: version 2 was published under this key from elsewhere/);
  equal(dht?.puts.length, 1);
});

test("with --dir it seeds, once all of it is there; what is not there is not published", async (context) => {
  const { run, folder, one } = await shop(context);
  const nothing = await run("one", ["--once", "--dir", folder.join("data")]);
  equal(nothing.status, 1);
  match(nothing.stderr, /one is not there/);
  store(one, folder.join("data"));
  const whole = await run("one", ["--once", "--dir", folder.join("data"), "--json"], {
    state: { name: "checking", piecesChecked: 0 },
    onAdd: (torrent) => torrent.complete(),
  });
  equal(whole.status, 0);
  deepEqual(
    whole.screen.objects().map(({ event }) => event),
    ["start", "progress", "done", "stored"],
  );
  const part = await run("one", ["--once", "--dir", folder.join("data")]);
  equal(part.status, 1);
  match(part.stderr, /is not complete in/);
  deepEqual(part.node?.dht?.puts, []);
});

test("what cannot be published is refused before a node is opened", async (context) => {
  const { run, folder } = await shop(context);
  const secret = makeSample({ name: "secret", pieceBytes: 16_384, content: 100, private: true });
  folder.write("secret.torrent", secret.torrent);
  const refused = await run("secret");
  equal(refused.status, 1);
  match(refused.stderr, /is private: .*without --private\n$/);
  equal(refused.node, undefined);
  const keyless = await runCli(["publish", folder.join("one.torrent")]);
  equal(keyless.status, 2);
  match(keyless.stderr, /--key FILE; dure keys new makes one/);
  equal((await run("one", ["--no-dht"])).status, 2);
});
