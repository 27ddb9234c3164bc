import { deepEqual, equal, match } from "node:assert/strict";
import { hash } from "node:crypto";
import { statSync } from "node:fs";
import { test } from "node:test";
import { fromHex, hex, must, utf8 } from "@dure/base";
import { mutableItem, rawPublicKey, readKeyFile } from "@dure/host-node/keys";
import { torrentValue } from "@dure/protocol";
import { type FakeDht, reportOf } from "../testing/fake-dht.ts";
import { type CliRun, runCli } from "../testing/run-cli.ts";
import { TempFolder } from "../testing/temp-folder.ts";

const infoHash = "0123456789abcdef0123456789abcdef01234567";

/** Runs `dure dht …`; the fake's seconds are set to none, since they are true. */
async function ask(line: readonly string[], dht: (dht: FakeDht) => void = () => {}): Promise<CliRun> {
  return await runCli(["dht", ...line], { dht });
}

async function newKey(folder: TempFolder, name = "key") {
  const path = folder.join(name);
  equal((await runCli(["keys", "new", path])).status, 0);
  const privateKey = await readKeyFile(path);
  return { path, privateKey, publicKey: hex(rawPublicKey(privateKey)) };
}

test("keys new makes a key for its owner alone, keys show prints its public half", async () => {
  using folder = new TempFolder();
  const path = folder.join("album.key");
  const made = await runCli(["keys", "new", path, "--json"]);
  equal(made.status, 0);
  const [object, ...rest] = made.screen.objects();
  deepEqual(rest, []);
  match(String(object?.publicKey), /^[0-9a-f]{64}$/);
  equal(object?.file, path);
  equal(statSync(path).mode & 0o777, 0o600);
  deepEqual((await runCli(["keys", "show", path, "--json"])).screen.objects(), [object]);
  equal((await runCli(["keys", "show", path])).stdout, `${object?.publicKey}\n`);
  match((await runCli(["keys", "new", folder.join("b")])).stdout, /^[0-9a-f]{64}\nMade .*\/b\. Keep it/);
});

test("a key is not written over, and what is wrong with one is said in both languages", async () => {
  using folder = new TempFolder();
  const { path } = await newKey(folder);
  const again = await runCli(["keys", "new", path]);
  equal(again.status, 1);
  equal(again.stderr, `dure: ${path} is there already: keys are never written over; choose another name\n`);
  const missing = await runCli(["keys", "show", folder.join("none"), "--lang", "ko"]);
  equal(missing.status, 1);
  match(missing.stderr, /^dure: .*none가 없습니다\. 새로 만들려면: dure keys new .*none\n$/);
  folder.write("open.key", "x");
  const open = await runCli(["keys", "show", folder.join("open.key"), "--json"]);
  equal(open.screen.objects()[0]?.code, "key-exposed");
  match(open.stderr, /chmod 600/);
});

test("dht peers tells addresses as they are heard, then what it took; the node is read-only and asks no gateway", async () => {
  const { status, screen, stderr, node } = await ask(["peers", infoHash.toUpperCase(), "--json"], (dht) => {
    dht.peersFound = ["192.0.2.1:6881", "[2001:db8::1]:7"];
  });
  equal(status, 0);
  equal(stderr, "");
  const [first, second, done, ...rest] = screen.objects();
  deepEqual(first, { event: "peer", address: "192.0.2.1:6881" });
  deepEqual(second, { event: "peer", address: "[2001:db8::1]:7" });
  equal(typeof done?.seconds, "number");
  deepEqual({ ...done, seconds: 0 }, { event: "done", hops: 3, queries: 40, seconds: 0 });
  deepEqual(rest, []);
  deepEqual(node?.dht?.asked, [`peers ${infoHash}`]);
  equal(node?.options.dht?.readOnly, true);
  equal(node?.options.portMapping, false);
  equal(node?.options.lsd, false);
  equal(node?.closed, true);
});

test("dht peers on a pipe is a list, with what it took below; quiet, the list alone", async () => {
  const found = (dht: FakeDht) => {
    dht.peersFound = ["192.0.2.1:6881"];
  };
  match(
    (await ask(["peers", infoHash], found)).stdout,
    /^192\.0\.2\.1:6881\n1 peer; 34 nodes answered in \d\.\d s \(hops: 3\)\n$/,
  );
  equal((await ask(["peers", `magnet:?xt=urn:btih:${infoHash}`, "-q"], found)).stdout, "192.0.2.1:6881\n");
  match(
    (await ask(["peers", infoHash, "--lang", "ko"])).stdout,
    /^알린 피어가 없습니다\. \d\.\d초에 노드 34개 응답\(3단계\)/,
  );
});

test("that nobody announced a torrent is an answer; that no node answered is a failure", async () => {
  equal((await ask(["peers", infoHash])).status, 0);
  const alone = (dht: FakeDht) => {
    dht.report = reportOf({ responses: 0 });
    dht.putReport = reportOf({ responses: 0 });
  };
  for (const line of [
    ["peers", infoHash],
    ["lookup", infoHash],
    ["get", infoHash],
    ["put", "x"],
    ["sample"],
  ]) {
    const { status, stderr } = await ask(line, alone);
    deepEqual([line, status], [line, 1]);
    match(stderr, /^dure: no node of the DHT answered; .*--dht-bootstrap HOST:PORT\n$/);
  }
});

test("dht lookup tells the nodes closest to a key", async () => {
  const closest = [{ id: new Uint8Array(20).fill(1), address: { ip: "192.0.2.1", port: 6881 } }];
  const lookup = (...more: string[]) =>
    ask(["lookup", infoHash, ...more], (dht) => {
      dht.report = reportOf({ closest });
    });
  const { screen } = await lookup("--json");
  deepEqual(screen.objects()[0], { event: "node", id: "01".repeat(20), address: "192.0.2.1:6881" });
  equal(screen.objects()[1]?.event, "done");
  equal((await lookup("-q")).stdout, `${"01".repeat(20)}  192.0.2.1:6881\n`);
});

test("dht sample takes a place or any, and tells each info-hash once", async () => {
  const from = { id: new Uint8Array(20), address: { ip: "192.0.2.1", port: 6881 } };
  const infoHashes = [must(fromHex(infoHash), "hex")];
  const line = (...words: string[]) =>
    ask(["sample", ...words], (dht) => {
      dht.samplesFound = [
        { from, infoHashes, storedCount: 7, interval: 60 },
        { from, infoHashes, storedCount: 9, interval: 0 },
      ];
    });
  equal((await line(infoHash, "-q")).stdout, `${infoHash}\n`);
  const { screen, node } = await line("--json");
  deepEqual(screen.objects()[0], {
    event: "sample",
    address: "192.0.2.1:6881",
    infoHashes: [infoHash],
    stored: 7,
    interval: 60,
  });
  match(String(node?.dht?.asked), /^sample [0-9a-f]{40}$/);
});

test("a text is put under the hash of itself, and got back", async () => {
  // BEP 44, test vector 3.
  const target = "e5f96f6f38320f0f33959cb4d3d656452117aadb";
  const put = await ask(["put", "Hello World!", "--json"]);
  equal(put.status, 0);
  deepEqual(put.screen.objects(), [{ event: "stored", target, nodes: 8 }]);
  const item = must(put.node?.dht?.puts[0]?.item, "it was put");
  const get = await ask(["get", target, "--json"], (dht) => dht.hold(item));
  deepEqual(get.screen.objects(), [{ event: "value", target, text: "Hello World!", seq: null, key: null }]);
  match((await ask(["put", "Hello World!"])).stdout, /^e5f9.*\nStored on 8 nodes for two hours; 34 nodes/);
});

test("what is no text in UTF-8 is told as the bencoded value in hex", async () => {
  const hold = (text: string) => (dht: FakeDht) => {
    dht.hold({ type: "immutable", value: utf8(text) });
  };
  for (const value of ["i5e", "l1:ae", "d1:ai1ee"]) {
    const key = hash("sha1", value);
    const { screen } = await ask(["get", key, "--json"], hold(value));
    deepEqual(screen.objects(), [
      { event: "value", target: key, hex: Buffer.from(value).toString("hex"), seq: null, key: null },
    ]);
  }
});

test("a value is shown on a terminal without its control characters, and whole on a pipe", async () => {
  const item = { type: "immutable", value: utf8("8:a\n\u001b[31mb") } as const;
  const show = async (live: boolean) =>
    (await runCli(["dht", "get", target, "-q"], { live, dht: (dht) => void dht.hold(item) })).stdout;
  let target = infoHash;
  await runCli(["dht", "get", infoHash], { dht: (dht) => (target = dht.hold(item)) });
  equal(await show(false), "a\n\u001b[31mb\n");
  equal(await show(true), "a\n\ufffd[31mb\n");
});

test("of a signed value only the newest version is told", async () => {
  using folder = new TempFolder();
  const { privateKey, publicKey } = await newKey(folder);
  const salt = utf8("notes");
  const item = (sequence: number) =>
    mutableItem({ value: utf8(`${String(sequence).length}:${sequence}`), privateKey, sequence, salt });
  const hold = (dht: FakeDht) => [1, 5, 12].map((sequence) => dht.hold(item(sequence)));
  const { status, screen } = await ask(["get", publicKey, "--salt", "notes", "--json"], hold);
  equal(status, 0);
  const [value, ...rest] = screen.objects();
  deepEqual(rest, []);
  deepEqual({ ...value, target: "" }, { event: "value", target: "", text: "12", seq: 12, key: publicKey });
  const other = await ask(["get", publicKey], hold);
  equal(other.status, 1);
  match(other.stderr, /^dure: nobody has a value under [0-9a-f]{40} \(34 nodes answered\); nodes forget it/);
});

test("a value that names a torrent says how to follow it", async () => {
  using folder = new TempFolder();
  const { privateKey, publicKey } = await newKey(folder);
  const value = torrentValue(must(fromHex(infoHash), "hex"));
  const item = mutableItem({ value, privateKey, sequence: 3 });
  const { stdout } = await ask(["get", publicKey], (dht) => dht.hold(item));
  match(
    stdout,
    new RegExp(
      `Version 3 of key ${publicKey}\nIt names the torrent ${infoHash}\\..*dure follow ${publicKey}\n`,
    ),
  );
});

test("a signed put takes the next version over the one that was seen, and says which", async () => {
  using folder = new TempFolder();
  const { path, privateKey, publicKey } = await newKey(folder);
  const line = ["put", "new", "--key", path, "--json"];
  const first = await ask(line);
  deepEqual(
    first.node?.dht?.puts.map(({ cas }) => cas),
    [undefined],
  );
  equal(first.screen.objects()[0]?.seq, 1);
  equal(first.screen.objects()[0]?.key, publicKey);
  const seen = mutableItem({ value: utf8("3:old"), privateKey, sequence: 41 });
  const next = await ask(line, (dht) => dht.hold(seen));
  deepEqual(
    next.node?.dht?.puts.map(({ cas }) => cas),
    [41],
  );
  equal(next.screen.objects()[0]?.seq, 42);
  const chosen = await ask([...line, "--seq", "1700000000000"], (dht) => dht.hold(seen));
  equal(chosen.screen.objects()[0]?.seq, 1_700_000_000_000);
});

test("an old version number is refused before anything is sent; the same value may be put again", async () => {
  using folder = new TempFolder();
  const { path, privateKey } = await newKey(folder);
  const seen = mutableItem({ value: utf8("3:old"), privateKey, sequence: 41 });
  const put = (text: string, seq: string) =>
    ask(["put", text, "--key", path, "--seq", seq], (dht) => dht.hold(seen));
  for (const seq of ["41", "7"]) {
    const { status, stderr, node } = await put("new", seq);
    equal(status, 1);
    equal(
      stderr,
      `dure: version 41 is stored already, and ${seq} is not newer; leave out --seq to take the next\n`,
    );
    deepEqual(node?.dht?.puts, []);
  }
  equal((await put("old", "41")).status, 0);
});

test("whoever writes at the same time is told", async () => {
  using folder = new TempFolder();
  const { path, privateKey } = await newKey(folder);
  const line = ["put", "new", "--key", path];
  const newer = mutableItem({ value: utf8("5:other"), privateKey, sequence: 9 });
  const met = await ask(line, (dht) => {
    dht.putMeets = [newer];
    dht.putReport = reportOf();
  });
  equal(met.status, 1);
  match(met.stderr, /version 9 was stored by somebody else meanwhile/);
  const refused = await ask(line, (dht) => {
    dht.putReport = reportOf({ refused: [{ code: 301, count: 8 }] });
  });
  equal(refused.status, 1);
  match(refused.stderr, /a newer version was stored by somebody else meanwhile/);
  const some = await ask(line, (dht) => {
    dht.putReport = reportOf({ stored: 5, refused: [{ code: 302, count: 3 }] });
  });
  equal(some.status, 0);
  match(some.stderr, /^dure: warning: 3 nodes had a version that was not seen before/);
  const none = await ask(["put", "x"], (dht) => {
    dht.putReport = reportOf({ refused: [{ code: 203, count: 2 }] });
  });
  match(none.stderr, /^dure: no node took the value \(codes 203\); try again in a minute\n$/);
});

test("dht status says who we are, whom we know and how many there are", async () => {
  const { status, screen } = await ask(["status", "--json"]);
  equal(status, 0);
  const [object] = screen.objects();
  const { id, address, nodes, networkSize } = object ?? {};
  deepEqual(
    { id, address, nodes, networkSize },
    { id: "ab".repeat(20), address: "192.0.2.7:6881", nodes: 12, networkSize: 12_000 },
  );
  equal(
    (await ask(["status"])).stdout,
    `Family   IPv4
Id       ${"ab".repeat(20)}
Address  192.0.2.7:6881
Nodes    12, of which 9 answered lately
Network  about 12,000 nodes
`,
  );
});

test("dht status of a node that nobody answers fails after ten seconds, and says what to do", async (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  let clock = 0;
  context.mock.method(performance, "now", () => clock);
  const running = ask(["status", "--json"], (dht) => dht.become(0));
  for (; clock <= 11_000; clock += 500) {
    await new Promise((done) => setImmediate(done));
    context.mock.timers.tick(500);
  }
  const { status, screen, stderr } = await running;
  equal(status, 1);
  equal(screen.objects()[0]?.nodes, 0);
  equal(screen.objects()[1]?.code, "dht-unreachable");
  match(stderr, /no node of the DHT answered/);
});

const wrong: readonly (readonly [string, RegExp])[] = [
  ["dht", /^dure: dure dht needs a word after it: status, lookup, peers, get, put, sample\n$/],
  ["dht gte", /^dure: there is no command dht gte; did you mean dure dht get\?\n$/],
  ["dht frobnicate", /frobnicate is none of status, lookup/],
  ["dht peers", /^dure: INFOHASH is missing; see dure dht --help\n$/],
  ["dht status x", /^dure: x is one too many; see dure dht --help\n$/],
  ["dht peers 123", /123 is no info-hash/],
  ["dht lookup zz", /zz is no key/],
  ["dht get 123", /123 is no target/],
  [`dht peers ${infoHash} --key f`, /^dure: --key does not go with dure dht peers\n$/],
  [`dht get ${infoHash} --seq 1`, /^dure: --seq does not go with dure dht get\n$/],
  [`dht get ${infoHash} --salt ${"x".repeat(65)}`, /--salt has 65 bytes; it holds at most 64/],
  ["dht put x --salt s", /name the key with --key FILE/],
  ["dht put x --key f --seq 9007199254740993", /--seq cannot be/],
  [`dht put ${"x".repeat(997)}`, /the text has 997 bytes; an item holds at most 996/],
  ["dht status --no-dht", /leave out --no-dht/],
  ["keys", /^dure: dure keys needs a word after it: new, show\n$/],
  ["keys new", /^dure: FILE is missing; see dure keys --help\n$/],
];

for (const [line, message] of wrong) {
  test(`dure ${line.slice(0, 60)}: status 2, one line, no node is opened`, async () => {
    const { status, stdout, stderr, node } = await runCli(line.split(" "));
    equal(status, 2);
    equal(stdout, "");
    match(stderr, message);
    equal(stderr.trim().split("\n").length, 1);
    equal(node, undefined);
  });
}
