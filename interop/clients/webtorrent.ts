import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Checking, Client, Leeching, LeechJob, Running, SeedJob, VerifyJob } from "./client.ts";
import { eventNamed } from "./events.ts";
import { doneWithinDefault, leeching, readyWithinDefault } from "./leeching.ts";
import type { Processes, RunningProgram } from "./processes.ts";

const script = join(import.meta.dirname, "webtorrent.mjs");
const manifest = join(import.meta.dirname, "../node_modules/webtorrent/package.json");

/** WebTorrent from npm, on this same Node. It listens on every address: `listen.ip` is not heeded. */
export function webtorrent(processes: Processes): Client {
  function start(
    mode: "seed" | "leech" | "verify",
    job: SeedJob | LeechJob | VerifyJob,
    more: object,
  ): RunningProgram {
    const order = {
      mode,
      dir: job.dir,
      port: job.listen.port,
      encryption: job.encryption ?? "off",
      transport: job.transport ?? "tcp",
      trackers: job.tracker === undefined ? [] : [job.tracker],
      peers: [],
      dht: job.dht?.map((node) => `${node.ip}:${node.port}`),
      ...more,
    };
    return processes.start({
      label: `webtorrent-${mode}`,
      command: process.execPath,
      args: [script, JSON.stringify(order)],
      work: job.work,
      netns: job.netns,
    });
  }

  return {
    name: "webtorrent",
    takesPeer: true,

    async version() {
      if (!existsSync(manifest)) return undefined;
      return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
    },

    async seed(job): Promise<Running> {
      const running = start("seed", job, {
        source: job.torrent,
        assumeComplete: job.assumeComplete ?? true,
        useTorrentTrackers: true,
      });
      await running.until(eventNamed("ready"), {
        within: job.readyWithin ?? readyWithinDefault,
        what: "ready",
      });
      return running;
    },

    async leech(job): Promise<Leeching> {
      const running = start("leech", job, {
        source: job.source,
        peers: job.peer === undefined ? [] : [job.peer],
        // A magnet link or a torrent may name trackers of its own; they count only when no peer was given.
        useTorrentTrackers: job.peer === undefined,
        select: job.select?.map(({ index }) => index),
        once: job.once ?? false,
      });
      const within = job.doneWithin ?? doneWithinDefault;
      return leeching(running, running.until(eventNamed("done"), { within, what: "complete" }));
    },

    async verify(job): Promise<Checking> {
      const running = start("verify", job, { source: job.torrent });
      const within = job.doneWithin ?? doneWithinDefault;
      const done = running
        .until(eventNamed("checked"), { within, what: "checked" })
        .then((event) => ({ complete: event.complete === true }));
      return {
        pid: running.pid,
        stop: () => running.stop(),
        beganAt: running.startedAt,
        fromStart: true,
        done,
        exits: false,
      };
    },
  };
}
