import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Endpoint, Running } from "./client.ts";
import { eventNamed } from "./events.ts";
import { type Processes, untilListening } from "./processes.ts";

const readyWithin = 10_000;
const script = join(import.meta.dirname, "bittorrent-tracker.mjs");
const manifest = join(import.meta.dirname, "../node_modules/bittorrent-tracker/package.json");

export interface TrackerJob {
  readonly listen: Endpoint;
  readonly work: string;
  readonly netns?: string;
  /** Hex v1 info-hashes to serve: opentracker answers for no other. */
  readonly infoHashes: readonly string[];
}

export interface RunningTracker extends Running {
  readonly http: string;
  readonly udp: string;
  /** Absent when the program has no WebSocket tracker. */
  readonly ws?: string;
}

/** One tracker program, driven alike. */
export interface Tracker {
  readonly name: string;
  version(): Promise<string | undefined>;
  start(job: TrackerJob): Promise<RunningTracker>;
}

export function opentracker(processes: Processes): Tracker {
  return {
    name: "opentracker",

    async version() {
      // It has no --version; its help says that it is there, and the packager knows which one.
      const program = { label: "opentracker-version", command: "sh", work: processes.scratch };
      const args = ["-c", "command -v opentracker && dpkg-query -W opentracker 2>/dev/null | cut -f2"];
      const { lines } = await processes.run({ ...program, args }, { within: 10_000 });
      return lines.length === 0 ? undefined : (lines[1] ?? "unknown");
    },

    async start(job): Promise<RunningTracker> {
      mkdirSync(job.work, { recursive: true });
      // Started by root it becomes nobody, who may not read in our scratch folder.
      const open = mkdtempSync(join(tmpdir(), "dure-opentracker-"));
      chmodSync(open, 0o755);
      const remove = (): void => rmSync(open, { recursive: true, force: true });
      process.once("exit", remove);
      const whitelist = join(open, "whitelist");
      writeFileSync(whitelist, job.infoHashes.map((hash) => `${hash}\n`).join(""), { mode: 0o644 });
      const { ip, port } = job.listen;
      const running = processes.start({
        label: "opentracker",
        command: "opentracker",
        args: ["-i", ip, "-p", String(port), "-P", String(port), "-w", whitelist],
        work: job.work,
        netns: job.netns,
      });
      await untilListening(running, port, { within: readyWithin });
      const stop = async (): Promise<void> => {
        await running.stop();
        remove();
        process.off("exit", remove);
      };
      return { pid: running.pid, stop, ...addresses(job.listen) };
    },
  };
}

/** The server of the bittorrent-tracker package. It listens on every address: `listen.ip` only names it in the URLs. */
export function bittorrentTracker(processes: Processes): Tracker {
  return {
    name: "bittorrent-tracker",

    async version() {
      if (!existsSync(manifest)) return undefined;
      return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
    },

    async start(job): Promise<RunningTracker> {
      const running = processes.start({
        label: "bittorrent-tracker",
        command: process.execPath,
        args: [script, String(job.listen.port)],
        work: job.work,
        netns: job.netns,
      });
      await running.until(eventNamed("ready"), { within: readyWithin, what: "ready" });
      const { http, udp } = addresses(job.listen);
      const stop = (): Promise<void> => running.stop();
      return { pid: running.pid, stop, http, udp, ws: http.replace(/^http:(.*)\/announce$/, "ws:$1") };
    },
  };
}

function addresses({ ip, port }: Endpoint): { http: string; udp: string } {
  const host = ip.includes(":") ? `[${ip}]` : ip;
  return { http: `http://${host}:${port}/announce`, udp: `udp://${host}:${port}/announce` };
}
