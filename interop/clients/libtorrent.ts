import { join } from "node:path";
import type {
  Checking,
  Client,
  Encryption,
  Leeching,
  LeechJob,
  Running,
  SeedJob,
  VerifyJob,
} from "./client.ts";
import { eventNamed } from "./events.ts";
import { doneWithinDefault, leeching, readyWithinDefault } from "./leeching.ts";
import type { Processes, RunningProgram } from "./processes.ts";

// Debian's binding belongs to the system's interpreter, which need not be the first python3 on PATH.
const python = "/usr/bin/python3";
const script = join(import.meta.dirname, "libtorrent-peer.py");

/** What the script is told; see there. */
export interface LibtorrentOrder {
  readonly mode: "seed" | "leech" | "verify";
  readonly source: string;
  readonly dir: string;
  /** `IP:port`. */
  readonly listen: string;
  readonly encryption: Encryption;
  readonly transport: "tcp" | "utp";
  readonly tracker?: string | undefined;
  readonly dht?: readonly (readonly [ip: string, port: number])[] | undefined;
  readonly peers?: readonly string[];
  readonly select?: readonly number[] | undefined;
  readonly once?: boolean;
  readonly assumeComplete?: boolean;
  readonly lsd?: boolean;
  readonly pex?: boolean;
  /** BEP 16. */
  readonly superSeed?: boolean;
  /** Prints `{"event":"peers","peers":[{"address","pex","lsd"}]}` now and then: whom it is connected to, and by what. */
  readonly tellPeers?: boolean;
}

export function startLibtorrent(
  processes: Processes,
  order: LibtorrentOrder,
  place: { readonly work: string; readonly netns?: string | undefined },
): RunningProgram {
  return processes.start({
    label: `libtorrent-${order.mode}`,
    command: python,
    args: [script, JSON.stringify(order)],
    ...place,
  });
}

/** libtorrent-rasterbar through its Python binding: the engine of qBittorrent and Deluge. */
export function libtorrent(processes: Processes): Client {
  function start(
    mode: "seed" | "leech" | "verify",
    job: SeedJob | LeechJob | VerifyJob,
    more: Pick<LibtorrentOrder, "source"> & Partial<LibtorrentOrder>,
  ): RunningProgram {
    const { ip, port } = job.listen;
    const order: LibtorrentOrder = {
      mode,
      dir: job.dir,
      listen: ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`,
      encryption: job.encryption ?? "off",
      transport: job.transport ?? "tcp",
      tracker: job.tracker,
      dht: job.dht?.map((node) => [node.ip, node.port] as const),
      lsd: job.lsd ?? false,
      ...more,
    };
    return startLibtorrent(processes, order, { work: job.work, netns: job.netns });
  }

  return {
    name: "libtorrent",
    takesPeer: true,

    async version() {
      const { exit, lines } = await processes.run(
        {
          label: "libtorrent-version",
          command: python,
          args: [script, '{"mode":"version"}'],
          work: processes.scratch,
        },
        { within: 10_000 },
      );
      if (exit.code !== 0) return undefined;
      return (JSON.parse(lines[0] ?? "{}") as { version?: string }).version;
    },

    async seed(job): Promise<Running> {
      const running = start("seed", job, { source: job.torrent, assumeComplete: job.assumeComplete ?? true });
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
