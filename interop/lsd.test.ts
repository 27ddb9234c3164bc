import { deepEqual } from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { differences, makeSample, type Sample } from "./clients/index.ts";
import { openLab } from "./src/lab.ts";
import type { Place } from "./src/network.ts";

// Local discovery (BEP 14) between two machines: network namespaces on a cable, nobody is told of anybody.
const required = process.env.DURE_INTEROP === "required";
const lab = await openLab({ atOnce: 1 });
/** Everyone says a new torrent at once, and libtorrent thrice within seconds; from then on it is minutes until the next time. */
const quietAfter = 6000;

interface Direction {
  readonly what: string;
  readonly seeder: string;
  readonly leecher: string;
  readonly family: 4 | 6;
}

const directions: readonly Direction[] = [
  { what: "libtorrent's announce is heard by ours", seeder: "dure", leecher: "libtorrent", family: 4 },
  { what: "our announce is heard by libtorrent", seeder: "libtorrent", leecher: "dure", family: 4 },
  { what: "ours hears ours", seeder: "dure", leecher: "dure", family: 4 },
  { what: "ours hears ours over IPv6", seeder: "dure", leecher: "dure", family: 6 },
];

for (const direction of directions) {
  test(`${direction.what}: a torrent without trackers moves from one machine to the other`, async (context) => {
    if (absent(context, direction)) return;
    await lab.lend(async ({ seeder, leecher }) => {
      const work = join(lab.folder, `lsd-${direction.seeder}-${direction.leecher}-${direction.family}`);
      mkdirSync(work);
      const sample = makeSample(work, {
        name: "x",
        files: [{ path: "a", bytes: 300_000 }],
        pieceBytes: 16_384,
      });
      await move(direction, sample, { work, seeder, leecher });
    });
  });
}

async function move(
  { seeder, leecher, family }: Direction,
  sample: Sample,
  { work, ...places }: { readonly work: string; readonly seeder: Place; readonly leecher: Place },
): Promise<void> {
  const at = (place: Place, port: number) => ({
    listen: { ip: family === 4 ? place.ip : place.ip6, port },
    lsd: true,
    ...(place.netns === undefined ? {} : { netns: place.netns }),
  });
  const seeding = await lab.client(seeder).seed({
    torrent: sample.torrent,
    dir: sample.dir,
    work: join(work, "seeder"),
    ...at(places.seeder, 7001),
  });
  // What the seeder says when it starts is over: it is the leecher that is heard.
  await new Promise((resolve) => setTimeout(resolve, quietAfter));
  const dir = join(work, "copy");
  mkdirSync(dir);
  const leeching = await lab.client(leecher).leech({
    source: sample.torrent,
    dir,
    work: join(work, "leecher"),
    doneWithin: 30_000,
    ...at(places.leecher, 7002),
  });
  try {
    await leeching.done;
  } finally {
    await leeching.stop();
    await seeding.stop();
  }
  deepEqual(differences(sample, dir), []);
}

function absent(context: TestContext, { seeder, leecher, family }: Direction): boolean {
  const programs = [seeder, leecher].filter((name) => lab.versions[name] === null);
  const why =
    lab.networks.refused ??
    (programs.length > 0 ? `${programs.join(", ")} absent` : undefined) ??
    (family === 6 && !lab.hasIpv6 ? "no IPv6 here" : undefined);
  if (why === undefined) return false;
  if (required && family === 4) throw new Error(why);
  context.skip(why);
  return true;
}
