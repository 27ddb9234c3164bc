import { join } from "node:path";
import type { Endpoint, Running } from "./client.ts";
import { eventNamed } from "./events.ts";
import type { Processes } from "./processes.ts";

const readyWithin = 10_000;

export interface OnePeerTracker extends Running {
  readonly http: string;
}

/**
 * An HTTP tracker of our own that names one peer, whoever asks and for whatever torrent. It is how a program that
 * cannot be given its peer learns it, without the seeder hearing of the leecher too: when both connect at once,
 * either may drop the connection that the other keeps, and some programs then wait a minute.
 */
export async function startOnePeerTracker(
  processes: Processes,
  job: { listen: Endpoint; peer: Endpoint; work: string; netns?: string },
): Promise<OnePeerTracker> {
  const { listen, peer } = job;
  const running = processes.start({
    label: "one-peer-tracker",
    command: process.execPath,
    args: [
      join(import.meta.dirname, "one-peer-tracker-main.ts"),
      ...[listen, peer].flatMap(({ ip, port }) => [ip, String(port)]),
    ],
    work: job.work,
    netns: job.netns,
  });
  await running.until(eventNamed("ready"), { within: readyWithin, what: "ready" });
  const host = listen.ip.includes(":") ? `[${listen.ip}]` : listen.ip;
  return { pid: running.pid, stop: () => running.stop(), http: `http://${host}:${listen.port}/announce` };
}
