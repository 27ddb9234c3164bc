import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { makeTorrent } from "../create/make.ts";
import { walk } from "../create/walk.ts";
import { DemoReport, type DemoResult } from "../demo/demo-report.ts";
import { giftsOf } from "../demo/gifts.ts";
import { differences, makeSample, sampleFiles, sampleName } from "../demo/sample.ts";
import { Swarm, type SwarmPeer } from "../demo/swarm.ts";
import { CliError } from "../errors.ts";
import { version } from "../version.ts";

const pieceBytes = 256 * 1024;
/** Slow enough to be watched, and that two downloads have something to give each other. */
const seedUpRateMax = 16 * 1024 * 1024;
const giveUpAfter = 60_000;

/** `dure demo`: a tracker, a seed and two downloads on this machine, from nothing to the compared bytes. */
export async function demo(context: Context): Promise<number> {
  const root = await mkdtemp(join(tmpdir(), "dure-demo-"));
  try {
    return await play(context, root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function play(context: Context, root: string): Promise<number> {
  const seedDir = join(root, "seed");
  const sample = await makeSample(seedDir);
  await using tracker = await context.openTracker();
  const torrent = await makeTorrent(await walk(sample), {
    pieceBytes,
    trackers: [[tracker.url]],
    webSeeds: [],
    private: false,
    pads: false,
    comment: undefined,
    source: undefined,
    createdBy: `Dure ${version()}`,
    createdAt: Math.floor(Date.now() / 1000),
    onBytes: () => {},
    signal: context.interrupt.signal,
  });
  const swarm = new Swarm(context, { root, seedDir, torrent, seedUpRateMax });
  try {
    await context.interrupt.race(swarm.start());
    return await watch(context, swarm, { sample, trackerUrl: tracker.url });
  } finally {
    await swarm.close();
  }
}

async function watch(
  context: Context,
  swarm: Swarm,
  stage: { readonly sample: string; readonly trackerUrl: string },
): Promise<number> {
  const startedAt = performance.now();
  const report = new DemoReport(context);
  const bytes = sampleFiles.reduce((sum, file) => sum + file.bytes, 0);
  const filesCount = sampleFiles.length;
  report.started({ trackerUrl: stage.trackerUrl, filesCount, bytes, peers: swarm.peers });
  const ticker = setInterval(() => report.progress(swarm.peers), report.every);
  try {
    await context.interrupt.race(allDone(swarm.peers));
  } finally {
    clearInterval(ticker);
  }
  report.progress(swarm.peers);
  const seconds = Math.round(performance.now() - startedAt) / 1000;
  const result = { bytes, filesCount, seconds, ...(await inspect(swarm, stage.sample)) };
  report.finished(result);
  const [wrong] = result.wrong;
  if (wrong !== undefined) throw new CliError("internal", "demo.wrong", { path: wrong });
  return 0;
}

async function allDone(peers: readonly SwarmPeer[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, fail) => {
    const seconds = giveUpAfter / 1000;
    timer = setTimeout(() => fail(new CliError("internal", "demo.late", { seconds })), giveUpAfter);
  });
  try {
    await Promise.race([Promise.all(peers.map((peer) => peer.handle.done)), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function inspect(swarm: Swarm, sample: string): Promise<Pick<DemoResult, "gifts" | "wrong">> {
  const wrong: string[] = [];
  const first = swarm.peer("first");
  const second = swarm.peer("second");
  for (const peer of [first, second]) wrong.push(...(await differences(sample, join(peer.dir, sampleName))));
  return { gifts: giftsOf(first.handle.status(), second.handle.status()), wrong };
}
