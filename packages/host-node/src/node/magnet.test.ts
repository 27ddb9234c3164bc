import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { makeSample, store } from "../crash/testing/index.ts";
import { openNode } from "../index.ts";
import { temporary } from "../testing/temporary.ts";

const limit = { timeout: 30_000 };
const closed = { port: 0, listen: "127.0.0.1", lsd: false, pex: false } as const;

/** A seed of three files and an empty folder; only a magnet link leads from one to the other. */
async function seedOf(context: TestContext) {
  const { folder, remove } = temporary({ inMemory: true });
  const files = ["a", "b", "c"].map((path) => ({ path, bytes: 40_000 }));
  const sample = makeSample({ name: "three", pieceBytes: 16_384, content: files });
  store(sample, join(folder, "seed"));
  const seed = await openNode({ profile: join(folder, "seed-profile"), ...closed });
  const leecher = await openNode({ profile: join(folder, "profile"), ...closed });
  context.after(async () => {
    await Promise.all([seed.close(), leecher.close()]);
    remove();
  });
  await seed.add({ source: sample.torrent, dir: join(folder, "seed"), assumeComplete: true });
  const dir = join(folder, "copy");
  const magnet = (more: string) => `magnet:?xt=urn:btih:${sample.infoHash}&dn=a%20name${more}`;
  const same = (path: string) =>
    existsSync(join(dir, "three", path)) &&
    readFileSync(join(dir, "three", path)).equals(readFileSync(join(folder, "seed/three", path)));
  return { port: seed.port, leecher, dir, magnet, same };
}

test(
  "the peers that a magnet link names are enough (x.pe), and the files that it selects all that comes (so)",
  limit,
  async (context) => {
    const { port, leecher, dir, magnet, same } = await seedOf(context);
    const handle = await leecher.add({ source: magnet(`&x.pe=127.0.0.1:${port}&so=1`), dir });
    equal(handle.status().name, "a name", "until the metadata says another (dn)");
    await handle.done;
    equal(handle.status().name, "three");
    deepEqual(
      handle.files().map(({ selected }) => selected),
      [false, true, false],
    );
    ok(same("b"));
    ok(!same("a") && !same("c"));
  },
);

test(
  "a peer may be named by its host; names that nobody finds, and dead addresses, hold nobody up",
  limit,
  async (context) => {
    const { port, leecher, dir, magnet, same } = await seedOf(context);
    const dead = Array.from({ length: 20 }, (_, index) => `&x.pe=no-such-host-${index}.invalid:6881`).join(
      "",
    );
    const begun = performance.now();
    const source = magnet(`${dead}&x.pe=127.0.0.2:9999&x.pe=%5B::1%5D:9999&x.pe=localhost:${port}`);
    const handle = await leecher.add({ source, dir });
    ok(performance.now() - begun < 2000, "nobody waits for names");
    await handle.done;
    for (const path of ["a", "b", "c"]) ok(same(path), path);
  },
);

test(
  "a magnet link that selects files which are not there fails, rather than fetching everything",
  limit,
  async (context) => {
    const { port, leecher, dir, magnet } = await seedOf(context);
    const handle = await leecher.add({ source: magnet(`&x.pe=127.0.0.1:${port}&so=7,9-11`), dir });
    await rejects(handle.done, { code: "no-such-file", detail: "7,9-11" });
    ok(!existsSync(join(dir, "three")));
  },
);

test("a node that closes while names are looked up goes in peace", limit, async (context) => {
  const { leecher, dir, magnet } = await seedOf(context);
  await leecher.add({ source: magnet("&x.pe=localhost:6881"), dir });
  await leecher.close(0);
});
