import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Checking, Client, Leeching, LeechJob, Running, SeedJob, VerifyJob } from "./client.ts";
import { doneWithinDefault, leeching, readyWithinDefault } from "./leeching.ts";
import type { Processes, RunningProgram } from "./processes.ts";

const completeLine = "dure-interop: complete";
// Each question is a process of its own: often enough to time a check, seldom enough not to disturb it.
const pollWait = 40;
const remoteWithin = 10_000;

type Job = SeedJob | LeechJob | VerifyJob;

interface Daemon {
  readonly running: RunningProgram;
  /** Lines that transmission-remote printed. */
  remote(...args: readonly string[]): Promise<readonly string[]>;
}

/**
 * transmission-daemon steered by transmission-remote. It cannot be given a peer, learns none in 127.0.0.0/8, and
 * hashes what it finds whenever a torrent is added.
 */
export function transmission(processes: Processes): Client {
  async function start(mode: "seed" | "leech" | "verify", job: Job): Promise<Daemon> {
    const config = join(job.work, "config");
    mkdirSync(config, { recursive: true });
    const rpcPort = await freePort();
    writeFileSync(join(config, "settings.json"), JSON.stringify(settings(job, rpcPort), null, 2));
    const running = processes.start({
      label: `transmission-${mode}`,
      command: "transmission-daemon",
      args: ["--foreground", "--config-dir", config, "--log-error"],
      work: job.work,
      netns: job.netns,
      env: { TRANSMISSION_HOME: config },
    });
    const remote = async (...args: readonly string[]): Promise<readonly string[]> => {
      const program = {
        label: "transmission-remote",
        command: "transmission-remote",
        args: [`127.0.0.1:${rpcPort}`, ...args],
        work: job.work,
        netns: job.netns,
      };
      const { exit, lines } = await processes.run(program, { within: remoteWithin });
      if (exit.code !== 0) throw running.failure(`transmission-remote ${args.join(" ")}: ${lines.join(" ")}`);
      return lines;
    };
    const daemon = { running, remote };
    await untilItAnswers(daemon);
    return daemon;
  }

  return {
    name: "transmission",
    takesPeer: false,

    async version() {
      // It prints its version on stderr; the remote of the same package prints the same one there too.
      const program = { label: "transmission-version", command: "sh", work: processes.scratch };
      const args = ["-c", "transmission-daemon --version 2>&1 && command -v transmission-remote"];
      const { exit, lines } = await processes.run({ ...program, args }, { within: 10_000 });
      return exit.code === 0 ? /transmission-daemon (\S+)/.exec(lines[0] ?? "")?.[1] : undefined;
    },

    async seed(job): Promise<Running> {
      const daemon = await start("seed", job);
      await daemon.remote("--add", job.torrent, "--download-dir", job.dir);
      await addTracker(daemon, job);
      await untilChecked(daemon, job.readyWithin ?? readyWithinDefault);
      return daemon.running;
    },

    async leech(job): Promise<Leeching> {
      const daemon = await start("leech", job);
      // Paused until it knows what is wanted; but a paused magnet link would never have files to choose from.
      const paused = job.select !== undefined && !job.source.startsWith("magnet:");
      await daemon.remote("--add", job.source, "--download-dir", job.dir, ...(paused ? ["--stop"] : []));
      await addTracker(daemon, job);
      if (job.select !== undefined) await select(daemon, job.select);
      if (paused) await daemon.remote("--torrent", "all", "--start");
      const done = daemon.running.until((line) => (line === completeLine ? true : undefined), {
        within: job.doneWithin ?? doneWithinDefault,
        what: "complete",
      });
      if (job.once === true)
        void done.then(
          () => daemon.running.stop(),
          () => undefined,
        );
      return leeching(daemon.running, done);
    },

    async verify(job): Promise<Checking> {
      const daemon = await start("verify", job);
      const beganAt = performance.now();
      await daemon.remote("--add", job.torrent, "--download-dir", job.dir);
      const done = untilChecked(daemon, job.doneWithin ?? doneWithinDefault).then(() => ({ complete: true }));
      const { running } = daemon;
      return { pid: running.pid, stop: () => running.stop(), beganAt, fromStart: false, done, exits: false };
    },
  };
}

function settings(job: Job, rpcPort: number): Record<string, unknown> {
  if (job.dht !== undefined) throw new Error("Transmission is not made to join a closed DHT here");
  const v6 = job.listen.ip.includes(":");
  return {
    "bind-address-ipv4": v6 ? "0.0.0.0" : job.listen.ip,
    "bind-address-ipv6": v6 ? job.listen.ip : "::1",
    "peer-port": job.listen.port,
    "peer-port-random-on-start": false,
    "port-forwarding-enabled": false,
    "dht-enabled": false,
    "lpd-enabled": false,
    "pex-enabled": false,
    "utp-enabled": job.transport === "utp",
    encryption: { off: 0, prefer: 1, require: 2 }[job.encryption ?? "off"],
    "rpc-enabled": true,
    "rpc-bind-address": "127.0.0.1",
    "rpc-port": rpcPort,
    "rpc-whitelist-enabled": false,
    "rpc-host-whitelist-enabled": false,
    "rpc-authentication-required": false,
    "download-dir": job.dir,
    "incomplete-dir-enabled": false,
    "rename-partial-files": false,
    "speed-limit-down-enabled": false,
    "speed-limit-up-enabled": false,
    "ratio-limit-enabled": false,
    "idle-seeding-limit-enabled": false,
    "download-queue-enabled": false,
    "seed-queue-enabled": false,
    "watch-dir-enabled": false,
    "start-added-torrents": true,
    "script-torrent-done-enabled": true,
    // It would run the script with its own stdout, so the script need only speak.
    "script-torrent-done-filename": hook(job.work),
  };
}

function hook(work: string): string {
  const path = join(work, "complete.sh");
  writeFileSync(path, `#!/bin/sh\necho "${completeLine}"\n`);
  chmodSync(path, 0o755);
  return path;
}

async function addTracker(daemon: Daemon, job: Job): Promise<void> {
  if (job.tracker !== undefined) await daemon.remote("--torrent", "all", "--tracker-add", job.tracker);
}

async function select(daemon: Daemon, wanted: readonly { index: number }[]): Promise<void> {
  let indices: number[] = [];
  await until(daemon, readyWithinDefault, "showing its files", async () => {
    const lines = await daemon.remote("--torrent", "all", "--info-files");
    indices = lines.flatMap((line) => /^\s*(\d+):/.exec(line)?.[1] ?? []).map(Number);
    return indices.length > 0;
  });
  // Never all of them, not for a moment: a torrent of which nothing is wanted is complete.
  const unwanted = indices.filter((index) => !wanted.some((file) => file.index === index));
  if (unwanted.length > 0) await daemon.remote("--torrent", "all", "--no-get", unwanted.join(","));
}

async function untilItAnswers(daemon: Daemon): Promise<void> {
  await until(daemon, remoteWithin, "answering its RPC", async () => {
    try {
      await daemon.remote("--session-info");
      return true;
    } catch {
      return false; // not listening yet; the deadline is in `until`
    }
  });
}

async function untilChecked(daemon: Daemon, within: number): Promise<void> {
  await until(daemon, within, "checked and whole", async () => {
    const text = (await daemon.remote("--torrent", "all", "--info")).join("\n");
    return /Percent Done: 100%/.test(text) && /State: (Seeding|Idle|Finished|Stopped)/.test(text);
  });
}

async function until(
  daemon: Daemon,
  within: number,
  what: string,
  holds: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + within;
  while (!(await holds())) {
    if (performance.now() > deadline) throw daemon.running.failure(`not ${what} within ${within} ms`);
    await new Promise((resolve) => setTimeout(resolve, pollWait));
  }
}

/** Free here and now; a fresh network namespace has all its ports free. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("a listening TCP server has a port");
  return address.port;
}
