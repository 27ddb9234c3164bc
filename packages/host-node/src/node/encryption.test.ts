import { equal, ok } from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { makeSample, store } from "../crash/testing/index.ts";
import { type EncryptionMode, openNode } from "../index.ts";
import { temporary } from "../testing/temporary.ts";

const limit = { timeout: 30_000 };
const closed = { port: 0, listen: "127.0.0.1", lsd: false, pex: false } as const;

/** Somebody on the way who hears everything. */
async function listenerTo(context: TestContext, port: number) {
  const heard: Buffer[] = []; // bounded by the sample
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("data", (bytes) => heard.push(bytes));
      from.on("error", () => to.destroy());
      from.pipe(to);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => void server.close());
  const hears = (bytes: Buffer) => Buffer.concat(heard).includes(bytes);
  return { port: (server.address() as AddressInfo).port, hears, bytes: () => Buffer.concat(heard).length };
}

async function crossing(context: TestContext, seeds: EncryptionMode, leeches: EncryptionMode) {
  const { folder, remove } = temporary({ inMemory: true });
  const sample = makeSample({ name: "one", pieceBytes: 32_768, content: [{ path: "a", bytes: 700_000 }] });
  store(sample, join(folder, "seed"));
  const seed = await openNode({ profile: join(folder, "p1"), encryption: seeds, ...closed });
  const leecher = await openNode({ profile: join(folder, "p2"), encryption: leeches, ...closed });
  context.after(async () => {
    await Promise.all([seed.close(), leecher.close()]);
    remove();
  });
  const between = await listenerTo(context, seed.port);
  await seed.add({ source: sample.torrent, dir: join(folder, "seed"), assumeComplete: true });
  const dir = join(folder, "copy");
  const handle = await leecher.add({ source: sample.torrent, dir, peers: [`127.0.0.1:${between.port}`] });
  const content = readFileSync(join(folder, "seed/one/a"));
  const same = () => readFileSync(join(dir, "one/a")).equals(content);
  const part = content.subarray(300_000, 300_064);
  return { handle, between, same, part };
}

const protocol = Buffer.from("BitTorrent protocol");

for (const [seeds, leeches] of [
  ["require", "require"],
  ["require", "prefer"],
  ["prefer", "require"],
] as const) {
  test(
    `a seed with ${seeds}, a leecher with ${leeches}: who listens on the way reads none of it`,
    limit,
    async (context) => {
      const { handle, between, same, part } = await crossing(context, seeds, leeches);
      await handle.done;
      ok(same());
      equal(between.hears(part), false, "no byte of the file");
      // A plain greeting that the seed hangs up on is how the leecher finds out.
      equal(between.hears(protocol), leeches === "prefer");
    },
  );
}

test("where nobody insists, nothing is encrypted", limit, async (context) => {
  const { handle, between, same, part } = await crossing(context, "prefer", "prefer");
  await handle.done;
  ok(same() && between.hears(part) && between.hears(protocol));
});

test(
  "who requires encryption gets nothing from who has it off, and says nothing plain",
  limit,
  async (context) => {
    const { handle, between } = await crossing(context, "off", "require");
    while (between.bytes() < 96) await new Promise((resolve) => setTimeout(resolve, 20));
    await new Promise((resolve) => setTimeout(resolve, 500));
    equal(handle.status().bytesDone, 0);
    equal(between.hears(protocol), false);
  },
);
