import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Checking, Client, Leeching, LeechJob, Running, SeedJob, VerifyJob } from "./client.ts";
import { doneWithinDefault, leeching, readyWithinDefault } from "./leeching.ts";
import { type Processes, type RunningProgram, untilListening } from "./processes.ts";

const completeLine = "dure-interop: complete";

type Job = SeedJob | LeechJob | VerifyJob;

/** aria2c. It cannot be given a peer: it learns of them from trackers, PEX, LPD or DHT. */
export function aria2(processes: Processes): Client {
  function start(label: string, job: Job, source: string, more: readonly string[]): RunningProgram {
    if (job.transport === "utp") throw new Error("aria2 has no uTP");
    const args = [...commonArgs(job), ...more, source];
    return processes.start({ label, command: "aria2c", args, work: job.work, netns: job.netns });
  }

  return {
    name: "aria2",
    takesPeer: false,

    async version() {
      const { exit, lines } = await processes.run(
        { label: "aria2-version", command: "aria2c", args: ["--version"], work: processes.scratch },
        { within: 10_000 },
      );
      return exit.code === 0 ? /version (\S+)/.exec(lines[0] ?? "")?.[1] : undefined;
    },

    async seed(job): Promise<Running> {
      const trust = job.assumeComplete ?? true;
      const checks = trust
        ? ["--bt-seed-unverified=true"]
        : ["--check-integrity=true", "--bt-hash-check-seed=true"];
      const running = start("aria2-seed", job, job.torrent, [...checks, "--seed-ratio=0.0"]);
      await untilListening(running, job.listen.port, { within: job.readyWithin ?? readyWithinDefault });
      return running;
    },

    async leech(job): Promise<Leeching> {
      const running = start("aria2-leech", job, job.source, [
        // It would run the hook with its own stdout, so the hook need only speak.
        `--on-bt-download-complete=${hook(job.work)}`,
        ...(job.once === true ? ["--seed-time=0"] : ["--seed-ratio=0.0"]),
        ...(job.select === undefined
          ? []
          : [`--select-file=${job.select.map(({ index }) => index + 1).join(",")}`]),
      ]);
      const done = running.until((line) => (line === completeLine ? true : undefined), {
        within: job.doneWithin ?? doneWithinDefault,
        what: "complete",
      });
      return leeching(running, done);
    },

    async verify(job): Promise<Checking> {
      const running = start("aria2-verify", job, job.torrent, [
        "--check-integrity=true",
        "--hash-check-only=true",
        "--bt-hash-check-seed=false",
        "--seed-time=0",
      ]);
      // Status 0 when all pieces were right, 7 ("unfinished downloads") or 1 when not.
      const done = running.exited.then(({ code }) => ({ complete: code === 0 }));
      return {
        pid: running.pid,
        stop: () => running.stop(),
        beganAt: running.startedAt,
        fromStart: true,
        done,
        exits: true,
      };
    },
  };
}

function commonArgs(job: Job): string[] {
  const encryption = job.encryption ?? "off";
  const v6 = job.listen.ip.includes(":");
  return [
    `--dir=${job.dir}`,
    `--listen-port=${job.listen.port}`,
    `--disable-ipv6=${!v6}`,
    "--no-conf=true",
    // `none` on purpose: the default would first write every file full of zeros.
    "--file-allocation=none",
    ...dhtArgs(job),
    "--enable-dht6=false",
    "--bt-enable-lpd=false",
    "--enable-peer-exchange=false",
    `--bt-require-crypto=${encryption === "require"}`,
    `--bt-force-encryption=${encryption === "require"}`,
    `--bt-min-crypto-level=${encryption === "require" ? "arc4" : "plain"}`,
    "--follow-torrent=mem",
    "--auto-save-interval=0",
    "--console-log-level=warn",
    "--show-console-readout=false",
    "--summary-interval=0",
    "--download-result=hide",
    "--enable-color=false",
    "--bt-tracker-interval=5",
    ...(job.tracker === undefined ? [] : [`--bt-tracker=${job.tracker}`]),
  ];
}

/** It takes one node to begin with. */
function dhtArgs(job: Job): string[] {
  const entry = job.dht?.[0];
  if (entry === undefined) return ["--enable-dht=false"];
  return [
    "--enable-dht=true",
    `--dht-entry-point=${entry.ip}:${entry.port}`,
    `--dht-listen-port=${job.listen.port}`,
    `--dht-file-path=${join(job.work, "dht.dat")}`,
  ];
}

function hook(work: string): string {
  mkdirSync(work, { recursive: true });
  const path = join(work, "complete.sh");
  writeFileSync(path, `#!/bin/sh\necho "${completeLine}"\n`);
  chmodSync(path, 0o755);
  return path;
}
