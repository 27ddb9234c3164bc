import { deepEqual, equal, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hex, must } from "@dure/base";
import { formatOf, parseMagnet, parseTorrent } from "@dure/protocol";
import { runCli } from "../testing/run-cli.ts";
import { TempFolder } from "../testing/temp-folder.ts";

const block = 16 * 1024;

/** A folder `album` of five files, one of them empty, one in a nested folder. */
function album(folder: TempFolder): string {
  folder.write("album/b.bin", Buffer.alloc(3 * block + 5, 1));
  folder.write("album/a.bin", Buffer.alloc(100, 2));
  folder.write("album/empty", "");
  folder.write("album/sub dir/노래.flac", Buffer.alloc(block, 3));
  folder.write("album/z", "end");
  return folder.join("album");
}

function parsed(path: string) {
  const result = parseTorrent(readFileSync(path));
  return must(result.ok ? result.value : undefined, "our parser takes it");
}

test("create writes a torrent whose pieces are the hashes of the files, in byte order of their names", async () => {
  using folder = new TempFolder();
  const path = album(folder);
  const out = folder.join("x.torrent");
  const args = [
    "create",
    path,
    "--out",
    out,
    "--json",
    "--format",
    "v1",
    "--comment",
    "hi",
    "--source",
    "S",
    "--private",
  ];
  const urls = [
    "--tracker",
    "udp://a:1,http://b/announce",
    "--tracker",
    "http://c/announce",
    "--web-seed",
    "http://w/",
  ];
  const { status, screen, stderr } = await runCli([...args, ...urls]);
  equal(stderr, "");
  equal(status, 0);
  const { info, ...around } = parsed(out);
  const names = ["a.bin", "b.bin", "empty", "sub dir/노래.flac", "z"];
  deepEqual(
    info.files.map((file) => file.path.join("/")),
    names.map((name) => `album/${name}`),
  );
  const whole = Buffer.concat(names.map((name) => readFileSync(folder.join("album", name))));
  const digests: Buffer[] = [];
  for (let at = 0; at < whole.length; at += block) {
    digests.push(
      createHash("sha1")
        .update(whole.subarray(at, at + block))
        .digest(),
    );
  }
  deepEqual(Buffer.from(info.pieces), Buffer.concat(digests));
  deepEqual(around.trackers, [["udp://a:1", "http://b/announce"], ["http://c/announce"]]);
  deepEqual(around.webSeeds, ["http://w/"]);
  equal(around.comment, "hi");
  equal(info.source, "S");
  equal(info.private, true);
  const [object] = screen.objects();
  equal(object?.event, "done");
  equal(object?.torrent, out);
  equal(object?.infoHashV1, info.infoHash);
  equal(screen.objects().length, 1);
});

test("the same content makes the same info-hash, whatever surrounds it", async () => {
  using folder = new TempFolder();
  const path = album(folder);
  await runCli(["create", path, "--out", folder.join("1.torrent")]);
  await runCli([
    "create",
    path,
    "--out",
    folder.join("2.torrent"),
    "--tracker",
    "http://t/a",
    "--comment",
    "x",
  ]);
  equal(parsed(folder.join("1.torrent")).info.infoHash, parsed(folder.join("2.torrent")).info.infoHash);
});

test("with --pad every file with bytes begins a piece", async () => {
  using folder = new TempFolder();
  await runCli([
    "create",
    album(folder),
    "--out",
    folder.join("x.torrent"),
    "--format",
    "v1",
    "--pad",
    "--piece-size",
    "16KiB",
  ]);
  const { info } = parsed(folder.join("x.torrent"));
  const files = info.files.filter((file) => !file.pad && file.bytes > 0);
  ok(files.every((file) => file.offset % block === 0));
  const verified = await runCli(["verify", folder.join("x.torrent"), "--dir", folder.path, "--json"]);
  deepEqual(verified.screen.objects(), [
    { piecesGood: info.pieceCount, piecesBad: 0, piecesMissing: 0, complete: true },
  ]);
});

test("a torrent large enough for several workers has the hashes that one pass finds", async () => {
  using folder = new TempFolder();
  const one = Buffer.alloc(41 * 1024 * 1024 + 7);
  for (let at = 0; at < one.length; at += 4096) one.writeUInt32LE(at, at);
  folder.write("big/one", one);
  folder.write("big/two", one.subarray(0, 30_000_000));
  await runCli([
    "create",
    folder.join("big"),
    "--out",
    folder.join("x.torrent"),
    "--piece-size",
    "1MiB",
    "--format",
    "v1",
  ]);
  const { info } = parsed(folder.join("x.torrent"));
  const whole = Buffer.concat([one, one.subarray(0, 30_000_000)]);
  const digests: Buffer[] = [];
  for (let at = 0; at < whole.length; at += 1024 * 1024) {
    digests.push(
      createHash("sha1")
        .update(whole.subarray(at, at + 1024 * 1024))
        .digest(),
    );
  }
  ok(Buffer.concat(digests).equals(info.pieces));
});

/** The roots that BEP 52 words, from bytes, by pairs of SHA-256. */
function rootOf(bytes: Buffer): string {
  const sha256 = (part: Uint8Array) => createHash("sha256").update(part).digest();
  let row: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += block) row.push(sha256(bytes.subarray(at, at + block)));
  while (!Number.isInteger(Math.log2(row.length))) row.push(Buffer.alloc(32));
  while (row.length > 1) {
    row = row
      .filter((_, index) => index % 2 === 0)
      .map((left, index) => sha256(Buffer.concat([left, row[2 * index + 1] ?? left])));
  }
  return row[0]?.toString("hex") ?? "";
}

test("create makes a hybrid unless told otherwise, and v2 alone with the same roots, layers and places", async () => {
  using folder = new TempFolder();
  const path = album(folder);
  const made = async (...format: readonly string[]) => {
    const out = folder.join(`${format.join("")}.torrent`);
    equal((await runCli(["create", path, "--out", out, ...format])).status, 0);
    return parsed(out);
  };
  const hybrid = await made();
  const v2 = await made("--format", "v2");
  deepEqual(
    [hybrid, v2].map(({ info }) => formatOf(info)),
    ["hybrid", "v2"],
  );
  deepEqual(hybrid.info.files, v2.info.files);
  deepEqual(hybrid.pieceLayers, v2.pieceLayers);
  const files = v2.info.files.filter(({ pad, bytes }) => !pad && bytes > 0);
  deepEqual(
    files.map(({ path: parts, piecesRoot }) => [parts.join("/"), hex(must(piecesRoot, "a root"))]),
    ["a.bin", "b.bin", "sub dir/노래.flac", "z"].map((name) => [
      `album/${name}`,
      rootOf(readFileSync(folder.join("album", name))),
    ]),
  );
  ok(files.every(({ offset }) => offset % block === 0));
  deepEqual([v2.pieceLayers.size, v2.info.pieces.length, v2.info.pieceCount], [1, 0, 7]);
  deepEqual(hybrid.info.pieces.length, 7 * 20);
});

test("a hybrid large enough for several workers has the roots that one pass finds", async () => {
  using folder = new TempFolder();
  const one = Buffer.alloc(41 * 1024 * 1024 + 7);
  for (let at = 0; at < one.length; at += 4096) one.writeUInt32LE(at, at);
  folder.write("big/one", one);
  folder.write("big/two", one.subarray(0, 30_000_000));
  await runCli(["create", folder.join("big"), "--out", folder.join("x.torrent"), "--piece-size", "1MiB"]);
  const roots = parsed(folder.join("x.torrent")).info.files.flatMap(({ piecesRoot }) => piecesRoot ?? []);
  deepEqual(roots.map(hex), [rootOf(one), rootOf(one.subarray(0, 30_000_000))]);
});

test("create refuses what a file tree cannot say, and names the way out", async () => {
  using folder = new TempFolder();
  folder.write("lonely/file", "x");
  const deep = ["deep", ...Array(28).fill("d"), "file"].join("/");
  folder.write(deep, "x");
  const odd = ["create", album(folder), "--piece-size", "48KiB"];
  const refusals: readonly (readonly [readonly string[], RegExp])[] = [
    [odd, /power of two \(--format v1 takes others\)/],
    [["create", folder.join("lonely"), "--format", "v2"], /use --format hybrid/],
    [["create", folder.join("deep")], /lies too deep; .*--format v1/],
  ];
  for (const [line, message] of refusals) {
    const { status, stderr } = await runCli([...line, "--out", folder.join("no.torrent")]);
    deepEqual([status, message.test(stderr)], [2, true], stderr);
    ok(!existsSync(folder.join("no.torrent")));
  }
  const fine = [
    [...odd, "--format", "v1"],
    ["create", folder.join("lonely")],
    ["create", folder.join("deep"), "--format", "v1"],
  ];
  for (const line of fine)
    equal((await runCli([...line, "--out", folder.join("yes.torrent"), "--force"])).status, 0);
});

test("create does not replace a file without --force", async () => {
  using folder = new TempFolder();
  const path = album(folder);
  const out = folder.write("x.torrent", "mine");
  const refused = await runCli(["create", path, "--out", out]);
  equal(refused.status, 1);
  equal(refused.stderr, `dure: ${out} is there already; --force replaces it, --out names another\n`);
  equal(readFileSync(out, "utf8"), "mine");
  equal((await runCli(["create", path, "--out", out, "--force"])).status, 0);
  equal(parsed(out).info.name, "album");
});

test("create leaves symlinks out with a warning, and refuses what nobody could download", async () => {
  using folder = new TempFolder();
  const path = album(folder);
  symlinkSync("/etc/passwd", folder.join("album", "link"));
  const { status, stderr } = await runCli(["create", path, "--out", folder.join("x.torrent")]);
  equal(status, 0);
  equal(stderr, "dure: warning: link is left out: neither a file nor a folder\n");
  equal(parsed(folder.join("x.torrent")).info.files.filter(({ pad }) => !pad).length, 5);

  mkdirSync(folder.join("hollow/inside"), { recursive: true });
  folder.write("hollow/empty", "");
  folder.write("names/aux.txt", "a device on Windows");
  folder.write("twins/README", "1");
  folder.write("twins/readme", "2");
  writeFileSync(Buffer.concat([Buffer.from(`${folder.path}/`), Buffer.from([0x66, 0xff])]), "not UTF-8");
  const refusals: readonly (readonly [string, RegExp])[] = [
    ["hollow", /holds no bytes to share/],
    ["names", /^dure: names\/aux\.txt has a name that other systems cannot hold/],
    ["twins", /^dure: twins\/readme has a name that other systems cannot hold or would confuse/],
    ["", /has a name that is not UTF-8/],
    ["nowhere", /is not there/],
  ];
  for (const [name, message] of refusals) {
    const refused = await runCli(["create", folder.join(name), "--out", folder.join("no.torrent")]);
    equal(refused.status, 1, name);
    ok(message.test(refused.stderr), refused.stderr);
    ok(!existsSync(folder.join("no.torrent")));
  }
});

test("create refuses trackers and web seeds that nobody could reach, before it hashes", async () => {
  using folder = new TempFolder();
  const path = album(folder);
  for (const [option, url] of [
    ["--tracker", "ftp://x/announce"],
    ["--web-seed", "udp://x:1"],
  ] as const) {
    const { status, stderr } = await runCli(["create", path, "--out", folder.join("x.torrent"), option, url]);
    equal(status, 2);
    ok(stderr.includes(url));
  }
});

const showKeys =
  "name infoHashV1 infoHashV2 magnet pieceBytes pieceCount totalBytes private files trackers webSeeds comment createdBy createdAt source";

test("show gives one object with every key of the contract, absent things null", async () => {
  using folder = new TempFolder();
  await runCli(["create", album(folder), "--out", folder.join("x.torrent"), "--format", "v1"]);
  const torrent = (await runCli(["show", folder.join("x.torrent"), "--json"])).screen.objects();
  equal(torrent.length, 1);
  deepEqual(Object.keys(torrent[0] ?? {}), showKeys.split(" "));
  equal(torrent[0]?.infoHashV2, null);
  equal(torrent[0]?.comment, null);
  deepEqual(torrent[0]?.trackers, []);
  const link = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&tr=http%3A%2F%2Ft%2Fa";
  const magnet = (await runCli(["show", link, "--json"])).screen.objects();
  deepEqual(Object.keys(magnet[0] ?? {}), showKeys.split(" "));
  equal(magnet[0]?.files, null);
  equal(magnet[0]?.name, null);
  deepEqual(magnet[0]?.trackers, [["http://t/a"]]);
  equal(magnet[0]?.magnet, link);
});

test("show and magnet name a torrent that is v2 alone by its v2 hash alone", async () => {
  const path = join(import.meta.dirname, "../../../../vectors/torrents/foreign/lt-folder-v2.torrent");
  const [shown] = (await runCli(["show", path, "--json"])).screen.objects();
  equal(shown?.infoHashV1, null);
  equal(shown?.infoHashV2, "1db6ada3682aef5fb5477613f7c169b73fb91de3aab0ebb4f1eeafcf417fa9ee");
  const link = (await runCli(["magnet", path])).stdout.trim();
  equal(link, shown?.magnet);
  ok(link.startsWith(`magnet:?xt=urn:btmh:1220${shown?.infoHashV2}&dn=folder`));
});

test("show never lets a stranger's text reach the terminal raw", async () => {
  using folder = new TempFolder();
  await runCli([
    "create",
    album(folder),
    "--out",
    folder.join("x.torrent"),
    "--comment",
    "\u001b[2Jgone\u202e",
  ]);
  const { stdout } = await runCli(["show", folder.join("x.torrent")]);
  ok(stdout.includes("\ufffd[2Jgone\ufffd"));
});

test("magnet prints the link alone, and it names what show names", async () => {
  using folder = new TempFolder();
  await runCli([
    "create",
    album(folder),
    "--out",
    folder.join("x.torrent"),
    "--tracker",
    "http://t/announce",
  ]);
  const { stdout } = await runCli(["magnet", folder.join("x.torrent")]);
  const magnet = parseMagnet(stdout.trim());
  ok(magnet.ok);
  equal(magnet.value.infoHash, parsed(folder.join("x.torrent")).info.infoHash);
  deepEqual(magnet.value.trackers, ["http://t/announce"]);
});

test("a file that is no torrent is refused with its reason", async () => {
  using folder = new TempFolder();
  const bad = folder.write("bad.torrent", "d4:infod4:name1:aee");
  const { status, stderr } = await runCli(["show", bad]);
  equal(status, 1);
  equal(stderr, `dure: ${bad} is not a usable torrent (no-piece-length); get it again from where it came\n`);
  const v2 = folder.write("v2.torrent", "d4:infod12:meta versioni2e4:name1:a12:piece lengthi16384eee");
  ok(/no-file-tree/.test((await runCli(["verify", v2])).stderr));
  ok(/is a folder/.test((await runCli(["magnet", folder.path])).stderr));
  ok(/bad-info-hash/.test((await runCli(["show", "magnet:?xt=urn:btih:123"])).stderr));
});

test("verify counts what is right, wrong and missing, and its status says whether all is right", async () => {
  using folder = new TempFolder();
  await runCli(["create", album(folder), "--out", folder.join("x.torrent"), "--format", "v1"]);
  const verify = () => runCli(["verify", folder.join("x.torrent"), "--dir", folder.path, "--json"]);
  const whole = await verify();
  equal(whole.status, 0);
  deepEqual(whole.screen.objects(), [{ piecesGood: 5, piecesBad: 0, piecesMissing: 0, complete: true }]);
  folder.write("album/a.bin", Buffer.alloc(100, 9));
  truncateSync(folder.join("album/sub dir/노래.flac"), 10);
  const broken = await verify();
  equal(broken.status, 1);
  deepEqual(broken.screen.objects(), [{ piecesGood: 2, piecesBad: 1, piecesMissing: 2, complete: false }]);
  const told = await runCli(["verify", folder.join("x.torrent"), "--dir", folder.path]);
  ok(told.stdout.includes("2 pieces right, 1 wrong, 2 missing"));
  ok(told.stdout.includes("album/sub dir/노래.flac: of 2 pieces 0 wrong, 2 missing"), told.stdout);
  const nowhere = await runCli([
    "verify",
    folder.join("x.torrent"),
    "--dir",
    folder.join("nowhere"),
    "--json",
  ]);
  equal(nowhere.status, 1);
  deepEqual(nowhere.screen.objects(), [{ piecesGood: 0, piecesBad: 0, piecesMissing: 5, complete: false }]);
});

test("verify finds a changed byte in a hybrid and in a torrent that is v2 alone, and names the file", async () => {
  using folder = new TempFolder();
  const path = album(folder);
  for (const format of ["hybrid", "v2"]) {
    const torrent = folder.join(`${format}.torrent`);
    await runCli(["create", path, "--out", torrent, "--format", format]);
    const verify = async (...more: readonly string[]) =>
      runCli(["verify", torrent, "--dir", folder.path, ...more]);
    const whole = await verify("--json");
    deepEqual(whole.screen.objects(), [{ piecesGood: 7, piecesBad: 0, piecesMissing: 0, complete: true }]);
    const good = readFileSync(folder.join("album/b.bin"));
    const changed = Buffer.from(good);
    changed[block + 1] = 9;
    folder.write("album/b.bin", changed);
    const broken = await verify("--json");
    equal(broken.status, 1);
    deepEqual(broken.screen.objects(), [{ piecesGood: 6, piecesBad: 1, piecesMissing: 0, complete: false }]);
    ok((await verify()).stdout.includes("album/b.bin: of 4 pieces 1 wrong, 0 missing"));
    folder.write("album/b.bin", good);
  }
});
