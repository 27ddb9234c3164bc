import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { hash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { buildInfo, encodeTorrent, parseTorrent } from "@dure/protocol";
import { noise } from "../crash/testing/index.ts";
import { type AddOptions, openNode } from "../index.ts";
import { temporary } from "../testing/temporary.ts";

const limit = { timeout: 30_000 };
const closed = { port: 0, listen: "127.0.0.1", lsd: false, pex: false } as const;
const pieceBytes = 16_384;

type Tree = Readonly<Record<string, Buffer>>;

/** A torrent of these files below a folder; of one file called `name` when its path is empty. */
function torrentOf(name: string, tree: Tree) {
  const files = Object.entries(tree);
  const content = Buffer.concat(files.map(([, bytes]) => bytes));
  const digests: Buffer[] = [];
  for (let at = 0; at < content.length; at += pieceBytes)
    digests.push(hash("sha1", content.subarray(at, at + pieceBytes), "buffer"));
  const single = files.length === 1 && files[0]?.[0] === "";
  const infoBytes = buildInfo({
    name,
    content: single
      ? { type: "file", bytes: content.length }
      : {
          type: "folder",
          files: files.map(([path, { length }]) => ({ path: path.split("/"), bytes: length })),
        },
    pieceBytes,
    pieces: Buffer.concat(digests),
    private: false,
    source: null,
  });
  const nothing = { webSeeds: [], comment: null, createdBy: null, createdAt: null };
  const bytes = encodeTorrent({ infoBytes, trackers: [], ...nothing });
  const parsed = parseTorrent(bytes);
  if (!parsed.ok) throw new Error(parsed.reason);
  return { name, tree, bytes, infoHash: parsed.value.info.infoHash };
}

type Version = ReturnType<typeof torrentOf>;

function put(dir: string, { name, tree }: Version): void {
  for (const [path, bytes] of Object.entries(tree)) write(join(dir, name, path), bytes);
}

function write(path: string, bytes: Buffer | string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

/** A publisher that has every version, and a follower that has the first in `dir`. */
async function world(context: TestContext, versions: readonly Version[]) {
  const { folder, remove } = temporary({ inMemory: true });
  const publisher = await openNode({ profile: join(folder, "publisher"), ...closed });
  const follower = await openNode({ profile: join(folder, "profile"), ...closed });
  context.after(async () => {
    await Promise.all([publisher.close(), follower.close()]);
    remove();
  });
  const dir = join(folder, "got");
  const peers = [`127.0.0.1:${publisher.port}`];
  for (const [index, version] of versions.entries()) {
    put(join(folder, `source ${index}`), version);
    await publisher.add({ source: version.bytes, dir: join(folder, `source ${index}`) });
  }
  const [first] = versions;
  if (first !== undefined) {
    put(dir, first);
    const handle = await follower.add({ source: first.bytes, dir });
    await handle.done;
    await handle.stop();
  }
  const get = (version: Version, more: Partial<AddOptions> = {}) =>
    follower.add({ source: `magnet:?xt=urn:btih:${version.infoHash}`, dir, peers, ...more });
  const read = (path: string) => readFileSync(join(dir, path));
  const same = ({ name, tree }: Version) =>
    Object.entries(tree).every(([path, bytes]) => read(join(name, path)).equals(bytes));
  const records = () => {
    const sql = new DatabaseSync(join(folder, "profile", "dure.db"), { readOnly: true });
    const rows = sql.prepare("SELECT info_hash FROM torrent").all();
    sql.close();
    return rows.map((row) => row.info_hash);
  };
  return { dir, get, same, read, records };
}

const kept = noise("kept", 300_000);

test(
  "the next version fetches what changed and keeps the rest, though files grew, shrank and moved",
  limit,
  async (context) => {
    const one = torrentOf("album", {
      a: noise("a1", 50_000),
      "in/kept": kept,
      shrinks: noise("s", 70_000),
      old: noise("o", 9),
    });
    const two = torrentOf("album", {
      a: noise("a2", 40_000),
      "in/kept": kept,
      shrinks: noise("t", 20_000),
      new: noise("n", 8),
    });
    const { get, same, read, records } = await world(context, [one, two]);
    const handle = await get(two, { replaces: one.bytes });
    await handle.done;
    ok(same(two));
    ok(read("album/old").equals(one.tree.old ?? Buffer.of()), "what only the first version has stays");
    const { downloaded } = handle.status();
    context.diagnostic(`${downloaded} bytes for ${40_000 + 20_000 + 8} that changed`);
    ok(downloaded <= 60_008 + 3 * pieceBytes, `${downloaded} bytes`); // pieces that lie across two files
    deepEqual(records(), [two.infoHash], "a record of the first would claim bytes that are gone");
  },
);

test(
  "under another name of the folder equal files are copied, and nothing that is the same is fetched",
  limit,
  async (context) => {
    const one = torrentOf("album 1", { "a/kept": kept, b: noise("b1", 40_000) });
    const two = torrentOf("album 2", { "a/kept": kept, b: noise("b2", 40_000) });
    const { get, same, dir } = await world(context, [one, two]);
    const handle = await get(two, { replaces: one.bytes });
    await handle.done;
    ok(same(two) && same(one), "the first stays as it was");
    ok(handle.status().downloaded <= 40_000 + pieceBytes, `${handle.status().downloaded} bytes`);
    ok(!existsSync(join(dir, "album 2/a/kept.dure-copy")));
  },
);

test("a torrent that is one file goes on under another name", limit, async (context) => {
  const one = torrentOf("film v1.mkv", { "": kept });
  const changed = Buffer.from(kept);
  noise("middle", 1000).copy(changed, 100_000);
  const two = torrentOf("film v2.mkv", { "": changed });
  const { get, same } = await world(context, [one, two]);
  const handle = await get(two, { replaces: one.bytes });
  await handle.done;
  ok(same(two) && same(one));
  ok(handle.status().downloaded <= 2 * pieceBytes, `${handle.status().downloaded} bytes`);
});

test(
  "a file that is not ours is protected as ever, and what is ours is written over without being told",
  limit,
  async (context) => {
    const one = torrentOf("album", { a: noise("a1", 50_000) });
    const two = torrentOf("album", { a: noise("a2", 50_000), letter: noise("l", 50_000) });
    const { get, dir, read, same } = await world(context, [one, two]);
    write(join(dir, "album/letter"), "to my mother");
    const refused = await get(two, { replaces: one.bytes });
    await rejects(refused.done, { code: "not-ours", detail: "album/letter" });
    equal(read("album/letter").toString(), "to my mother");
    await refused.stop();
    const again = await get(two, { replaces: one.bytes, overwrite: true });
    await again.done;
    ok(same(two));
  },
);

test("without a version to replace its files are strangers", limit, async (context) => {
  const one = torrentOf("album", { a: noise("a1", 50_000) });
  const two = torrentOf("album", { a: noise("a2", 50_000) });
  const { get } = await world(context, [one, two]);
  await rejects((await get(two)).done, { code: "not-ours" });
});

test("no symlink leads a copy or a cut out of the folder", limit, async (context) => {
  const one = torrentOf("album", { long: noise("l", 60_000), kept });
  const two = torrentOf("next", { long: noise("m", 20_000), kept });
  const { get, dir } = await world(context, [one, two]);
  const outside = join(dirname(dir), "outside");
  mkdirSync(outside);
  symlinkSync(outside, join(dir, "next"));
  const handle = await get(two, { replaces: one.bytes });
  await Promise.race([handle.done.catch(() => undefined), new Promise((done) => setTimeout(done, 500))]);
  ok(!existsSync(join(outside, "kept")));
});
