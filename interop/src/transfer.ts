import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Leeching, Running, RunningTracker } from "../clients/index.ts";
import { type Case, wantedFiles } from "./cases.ts";
import { freePorts, type Lab } from "./lab.ts";
import type { Network } from "./network.ts";
import { differences, torrentOf, writePayload } from "./payload.ts";
import { us } from "./plan.ts";

const doneWithin = 120_000;
const announcedWithin = 20_000;
// These treat a pad file as a file like any other and want it on disk; the rest must do without.
const wantPadsOnDisk: readonly string[] = ["aria2", "transmission", "webtorrent"];
// Transmission makes no file that has no bytes, WebTorrent only some of them.
const skipEmptyFiles: readonly string[] = ["transmission", "webtorrent"];

export interface Transfer {
  readonly title: string;
  readonly case: Case;
  readonly seeder: string;
  readonly leecher: string;
  readonly tracker: string;
  readonly scheme: "http" | "udp";
}

/** Moves the case's torrent from one program to the other and compares what arrived. Throws when anything is wrong. */
export async function transfer(lab: Lab, network: Network, one: Transfer): Promise<void> {
  const work = join(lab.folder, one.title.replaceAll(/[^a-z0-9-]+/gi, "-"));
  mkdirSync(work);
  const running: Running[] = []; // tracker, seeder, leecher
  try {
    await transferIn(lab, network, { one, work, started: (program) => running.push(program) });
  } finally {
    // The tracker last: the peers tell it that they go.
    for (const program of running.reverse()) await program.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

interface Scene {
  readonly one: Transfer;
  readonly work: string;
  readonly started: (program: Running) => void;
}

async function transferIn(lab: Lab, network: Network, { one, work, started }: Scene): Promise<void> {
  const { payload, ipv6, throughTracker } = one.case;
  const ports = await freePorts(network);
  const [seedIp, leechIp] = [network.seeder, network.leecher].map((place) => (ipv6 ? place.ip6 : place.ip));
  if (seedIp === undefined || leechIp === undefined) throw new Error("both places have addresses");
  const seeder = lab.client(one.seeder);
  const leecher = lab.client(one.leecher);
  const dirs = { seed: join(work, "seed"), leech: join(work, "leech") };
  for (const dir of Object.values(dirs)) mkdirSync(dir);
  writePayload(payload, dirs.seed, { pads: wantPadsOnDisk.includes(one.seeder) });

  const { infoHash } = torrentOf(payload);
  const encrypted = one.case.encrypted === true ? ({ encryption: "require" } as const) : {};
  const meets = throughTracker === true || !leecher.takesPeer;
  let tracker: RunningTracker | undefined;
  if (meets) {
    tracker = await lab.tracker(one.tracker).start({
      listen: { ip: leechIp, port: ports.tracker },
      infoHashes: [infoHash],
      work: join(work, "tracker"),
      ...placed(network.leecher.netns),
    });
    started(tracker);
  }
  const announce = tracker?.[one.scheme];
  const torrent = join(work, "payload.torrent");
  writeFileSync(torrent, torrentOf(payload, announce).torrent);

  started(
    await seeder.seed({
      torrent,
      dir: dirs.seed,
      listen: { ip: seedIp, port: ports.seed },
      work: join(work, "seeder"),
      ...encrypted,
      ...placed(network.seeder.netns),
    }),
  );
  if (tracker !== undefined) await untilAnnounced(lab, network, { tracker, infoHash, work });

  const wanted = wantedFiles(one.case);
  const leeching = await leecher.leech({
    source: one.case.magnet ? magnetOf(infoHash, announce) : torrent,
    dir: dirs.leech,
    listen: { ip: leechIp, port: ports.leech },
    work: join(work, "leecher"),
    ...encrypted,
    doneWithin,
    ...placed(network.leecher.netns),
    ...(meets ? {} : { peer: `${ipv6 ? `[${seedIp}]` : seedIp}:${ports.seed}` }),
    ...(wanted && {
      select: wanted.map((file) => ({ index: payload.files.indexOf(file), path: file.path })),
    }),
  });
  started(leeching);
  await untilDone(leeching, one);
  const expected = wanted ?? payload.files.filter(({ pad }) => pad !== true);
  const wrong = differences(payload, dirs.leech, {
    expected: skipEmptyFiles.includes(one.leecher) ? expected.filter(({ bytes }) => bytes > 0) : expected,
    nothingElse: one.leecher === us,
  });
  if (wrong.length > 0) throw new Error(`${one.leecher} reports completion, but: ${wrong.join("; ")}`);
}

/** What we report done is done; others may have more to write, and are asked to leave first. */
async function untilDone(leeching: Leeching, { leecher }: Transfer): Promise<void> {
  await leeching.done;
  if (leecher !== us) await leeching.stop();
}

interface Announced {
  readonly tracker: RunningTracker;
  readonly infoHash: string;
  readonly work: string;
}

async function untilAnnounced(
  lab: Lab,
  network: Network,
  { tracker, infoHash, work }: Announced,
): Promise<void> {
  const scrape = tracker.http.replace(/announce$/, "scrape");
  const program = lab.processes.start({
    label: "until-announced",
    command: process.execPath,
    args: [join(import.meta.dirname, "until-announced.ts"), scrape, infoHash, String(announcedWithin)],
    work,
    ...placed(network.leecher.netns),
  });
  const { code } = await program.exited;
  if (code !== 0) throw program.failure("the seeder did not announce itself");
}

function magnetOf(infoHash: string, announce: string | undefined): string {
  const tracker = announce === undefined ? "" : `&tr=${encodeURIComponent(announce)}`;
  return `magnet:?xt=urn:btih:${infoHash}${tracker}`;
}

/** The field, or none: an optional field that is there is never undefined. */
function placed(netns: string | undefined): { netns?: string } {
  return netns === undefined ? {} : { netns };
}
