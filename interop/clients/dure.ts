import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Checking, Client, Leeching, LeechJob, Running, SeedJob } from "./client.ts";
import { eventNamed, parse } from "./events.ts";
import { doneWithinDefault, leeching, readyWithinDefault } from "./leeching.ts";
import type { Processes, RunningProgram } from "./processes.ts";

const program = process.env.DURE_PROGRAM ?? join(import.meta.dirname, "../../bin/dure");

/**
 * Dure itself, through the command line of CONTRACT.md. `DURE_PROGRAM` names another build of it. It takes trackers
 * from the torrent or the magnet link alone: `tracker` is not heeded.
 */
export function dure(processes: Processes): Client {
  function start(command: "seed" | "get", job: SeedJob | LeechJob, args: readonly string[]): RunningProgram {
    return processes.start({
      label: `dure-${command}`,
      command: program,
      args: [command, ...args, ...networkArgs(job), "--json", "--profile", join(job.work, "profile")],
      work: job.work,
      netns: job.netns,
    });
  }

  return {
    name: "dure",
    takesPeer: true,

    async version() {
      if (!existsSync(program)) return undefined;
      const { exit, lines } = await processes.run(
        { label: "dure-version", command: program, args: ["--version"], work: processes.scratch },
        { within: 10_000 },
      );
      return exit.code === 0 ? lines[0]?.replace(/^dure /, "") : undefined;
    },

    async seed(job): Promise<Running> {
      const trust = job.assumeComplete ?? true;
      const running = start("seed", job, [
        job.torrent,
        "--dir",
        job.dir,
        ...(trust ? ["--assume-complete"] : []),
      ]);
      const within = job.readyWithin ?? readyWithinDefault;
      await running.until(eventNamed("start"), { within, what: "started" });
      if (!trust) await running.until(wholeProgress, { within, what: "checked" });
      return running;
    },

    async leech(job): Promise<Leeching> {
      const running = start("get", job, [
        job.source,
        "--dir",
        job.dir,
        ...(job.peer === undefined ? [] : ["--peer", job.peer]),
        ...(job.once === true ? ["--once"] : []),
        ...(job.select ?? []).flatMap(({ path }) => ["--select", path]),
      ]);
      const within = job.doneWithin ?? doneWithinDefault;
      return leeching(running, running.until(eventNamed("done"), { within, what: "complete" }));
    },

    async verify(job): Promise<Checking> {
      const running = processes.start({
        label: "dure-verify",
        command: program,
        args: ["verify", job.torrent, "--dir", job.dir, "--json", "--profile", join(job.work, "profile")],
        work: job.work,
        netns: job.netns,
      });
      const done = running.exited.then(async () => {
        await running.drained;
        const report = running.lines.map(parse).find((event) => event?.complete !== undefined);
        return { complete: report?.complete === true };
      });
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

function networkArgs(job: SeedJob | LeechJob): string[] {
  return [
    "--port",
    String(job.listen.port),
    "--listen",
    job.listen.ip,
    "--encryption",
    job.encryption ?? "off",
    job.transport === "utp" ? "--no-tcp" : "--no-utp",
    ...(job.dht?.flatMap((node) => ["--dht-bootstrap", `${node.ip}:${node.port}`]) ?? ["--no-dht"]),
    "--no-pex",
    ...(job.lsd === true ? [] : ["--no-lsd"]),
    "--no-port-mapping",
  ];
}

function wholeProgress(line: string): true | undefined {
  const event = parse(line);
  if (event?.event === "done") return true;
  return event?.event === "progress" && event.bytesDone === event.bytesTotal ? true : undefined;
}
