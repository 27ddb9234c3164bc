import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { createInterface } from "node:readline";
import { literal, openCrowd, targetsAmong } from "./dht-crowd.ts";
import { isAnswer, type QueryKind, QueryTemplate, transactionOf } from "./dht-queries.ts";
import { type LoadResult, type Source, Window } from "./dht-window.ts";

// The load of `npm run bench -- dht`, a process of its own. It asks the server for its id, opens a crowd round it, says
// where they are, and at each line on stdin measures once. Argument: `LoadJob` as JSON.

export interface LoadJob {
  readonly server: readonly [string, number];
  /** Queries always outstanding. */
  readonly window: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

const sourcesCount = 16;
const askAgainWait = 100;

await main(JSON.parse(process.argv[2] ?? "{}") as LoadJob);

async function main(job: LoadJob): Promise<void> {
  const sources = await Promise.all(
    Array.from({ length: sourcesCount }, (_, index) => openSource(job, `127.128.${index}.1`)),
  );
  const first = sources[0];
  if (first === undefined) throw new Error("there are sources");
  const crowd = await openCrowd(await idOf(first));
  say({
    event: "crowd",
    addresses: crowd.map(({ ip, port }) => [ip, port]),
    targets: targetsAmong(crowd).map(({ id }) => id.toString("hex")),
  });
  const load = new Window(job.window, sources);
  for await (const _ of createInterface({ input: process.stdin })) {
    load.start();
    await sleep(job.warmUpMs);
    say({ event: "measuring" });
    load.clear();
    const startedAt = performance.now();
    const cpuBefore = process.cpuUsage();
    await sleep(job.measureMs);
    const seconds = (performance.now() - startedAt) / 1000;
    const { user, system } = process.cpuUsage(cpuBefore);
    const result: LoadResult = { ...load.stop(), seconds, cpuSeconds: (user + system) / 1e6 };
    say({ event: "result", ...result });
  }
  process.exit(0);
}

/** Connected: the kernel need not look the server up for each datagram. */
async function openSource({ server: [ip, port] }: LoadJob, address: string): Promise<Source> {
  const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 20, lookup: literal });
  const id = randomBytes(20);
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ address, port: 0, exclusive: true }, () => socket.connect(port, ip, resolve));
  });
  socket.on("error", () => {}); // refused: the server went first
  const template = (kind: QueryKind): QueryTemplate => new QueryTemplate(kind, id);
  return {
    id,
    socket,
    templates: {
      ping: template("ping"),
      find_node: template("find_node"),
      get_peers: template("get_peers"),
    },
  };
}

async function idOf({ socket, templates }: Source): Promise<Buffer> {
  const transaction = 0xffff_ffff;
  const asking = setInterval(() => socket.send(templates.ping.with(transaction)), askAgainWait);
  try {
    return await new Promise((resolve) => {
      const hear = (datagram: Buffer): void => {
        if (transactionOf(datagram) !== transaction || !isAnswer("ping", datagram)) return;
        socket.off("message", hear);
        const at = datagram.indexOf("2:id20:") + 7;
        resolve(Buffer.from(datagram.subarray(at, at + 20)));
      };
      socket.on("message", hear);
    });
  } finally {
    clearInterval(asking);
  }
}

function sleep(wait: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, wait));
}

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
