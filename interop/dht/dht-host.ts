import { createPublicKey, randomBytes, verify } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { ms, Prng } from "@dure/base";
import {
  Dht,
  type DhtCommand,
  type DhtItem,
  type DhtOutput,
  type LookupReport,
  type ResponderOptions,
} from "@dure/protocol";
import type { Endpoint } from "../clients/index.ts";

// RFC 8410: what stands before the 32 bytes of an ed25519 public key.
const publicPrefix = Buffer.from("302a300506032b6570032100", "hex");
const timerMax = 60_000;

export type HostSettings = Omit<ResponderOptions, "tokenSecret"> & {
  /** Nodes to begin with. */
  readonly bootstrap?: readonly Endpoint[];
};

/** What a request told until it was done. */
export interface Told {
  readonly peers: readonly string[];
  /** Of mutable items the newest. */
  readonly item: DhtItem | undefined;
  readonly samples: readonly Extract<DhtOutput, { type: "samples" }>[];
  readonly scraped: { readonly seeds: number; readonly peers: number } | undefined;
  readonly report: LookupReport;
}

interface Request {
  readonly peers: string[];
  readonly samples: Extract<DhtOutput, { type: "samples" }>[];
  item: DhtItem | undefined;
  scraped: { seeds: number; peers: number } | undefined;
  readonly resolve: (told: Told) => void;
}

/** One `Dht` on one real socket: nothing of the product's own host, so that what is proved is the machine. */
export class DhtHost {
  readonly #socket: Socket;
  readonly #dht: Dht;
  readonly #requests = new Map<number, Request>(); // as many as the harness has asked for
  #requestId = 0;
  #alarm: { readonly at: number; readonly timer: NodeJS.Timeout } | undefined;

  static async open(listen: Endpoint, settings: HostSettings): Promise<DhtHost> {
    const socket = createSocket({
      type: "udp4",
      recvBufferSize: 1 << 20,
      // Every address is an IP literal: without this each datagram waits a turn for its look-up.
      lookup: (host, _options, done) => done(null, host, 4),
    });
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind({ address: listen.ip, port: listen.port, exclusive: true }, resolve);
    });
    return new DhtHost(socket, settings);
  }

  /** Use `open`. */
  constructor(socket: Socket, { bootstrap, ...limits }: HostSettings) {
    this.#socket = socket;
    this.#dht = new Dht({
      endpoints: [{ family: 4 }],
      prng: new Prng(randomBytes(6).readUIntBE(0, 6)),
      bootstrap: bootstrap ?? [],
      responder: { tokenSecret: randomBytes(16), ...limits },
    });
    socket.on("error", () => {}); // of an earlier datagram: its query times out
    socket.on("message", (bytes, { address, port }) => {
      this.#handle({ type: "datagram", endpoint: 0, from: { ip: address, port }, bytes });
    });
    this.#handle({ type: "start" });
  }

  get nodes(): number {
    return this.#dht.status(ms(performance.now())).endpoints[0]?.nodes ?? 0;
  }

  add(others: readonly Endpoint[]): void {
    this.#handle({ type: "add-nodes", addresses: others });
  }

  request(command: (request: number) => DhtCommand): Promise<Told> {
    this.#requestId += 1;
    const id = this.#requestId;
    return new Promise((resolve) => {
      this.#requests.set(id, { peers: [], samples: [], item: undefined, scraped: undefined, resolve });
      this.#handle(command(id));
    });
  }

  #handle(input: Parameters<Dht["handle"]>[1]): void {
    this.#dht.handle(ms(performance.now()), input);
    for (let output = this.#dht.poll(); output !== undefined; output = this.#dht.poll()) this.#obey(output);
    this.#schedule();
  }

  #obey(output: DhtOutput): void {
    if (output.type === "send") {
      this.#socket.send(output.bytes, output.to.port, output.to.ip);
    } else if (output.type === "verify-signature") {
      const { job } = output;
      const good = isSignature(output);
      // The machine wants `poll` drained first.
      queueMicrotask(() => this.#handle({ type: "signature", job, good }));
    } else if ("request" in output) this.#tell(output);
  }

  #tell(output: Extract<DhtOutput, { request: number }>): void {
    const request = this.#requests.get(output.request);
    if (request === undefined) return;
    switch (output.type) {
      case "peers":
        request.peers.push(...output.addresses.map(({ ip, port }) => `${ip}:${port}`));
        return;
      case "value":
        request.item = output.item;
        return;
      case "samples":
        request.samples.push(output);
        return;
      case "scraped":
        request.scraped = output;
        return;
      case "done": {
        this.#requests.delete(output.request);
        const { peers, item, samples, scraped } = request;
        request.resolve({ peers, item, samples, scraped, report: output.report });
      }
    }
  }

  /** An alarm that is too early is left to ring: setting one anew for each datagram costs more than the datagram. */
  #schedule(): void {
    const at = this.#dht.deadline();
    if (at === undefined || (this.#alarm !== undefined && this.#alarm.at <= at)) return;
    clearTimeout(this.#alarm?.timer);
    const wait = Math.min(Math.max(at - performance.now(), 0), timerMax);
    const ring = (): void => {
      this.#alarm = undefined;
      this.#handle({ type: "wake" });
    };
    this.#alarm = { at, timer: setTimeout(ring, Math.ceil(wait)) };
  }
}

function isSignature(job: Extract<DhtOutput, { type: "verify-signature" }>): boolean {
  const der = Buffer.concat([publicPrefix, job.publicKey]);
  try {
    return verify(
      null,
      job.message,
      createPublicKey({ key: der, format: "der", type: "spki" }),
      job.signature,
    );
  } catch {
    return false; // 32 bytes that are no point of the curve
  }
}
