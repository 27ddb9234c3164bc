import { createPrivateKey, sign } from "node:crypto";
import { createInterface } from "node:readline";
import { type DhtItem, immutableTarget, mutableTarget, signedBytes } from "@dure/protocol";
import { DhtHost, type HostSettings, type Told } from "./dht-host.ts";

// Nodes of Dure's own machine, one socket each. Orders and answers are JSON lines: ../clients/dht.ts says which.
const privatePrefix = Buffer.from("302e020100300506032b657004220420", "hex");

interface Order {
  readonly order: number;
  readonly op: string;
  readonly node: number;
  readonly addresses: readonly [string, number][];
  readonly infoHash: string;
  readonly port: number;
  readonly value: string;
  readonly seed: string;
  readonly publicKey: string;
  readonly salt: string;
  readonly sequence: number;
  readonly target: string;
  readonly from: readonly [string, number];
}

const job = JSON.parse(process.argv[2] ?? "{}") as {
  listen: readonly [string, number][];
  /** `unlimited`: the benchmark's. JSON knows no infinity. */
  settings: HostSettings & { readonly unlimited?: boolean };
};
const { unlimited, ...limits } = job.settings;
const settings: HostSettings =
  unlimited === true ? { ...limits, answerRate: Infinity, answersPerSource: Infinity } : limits;
const nodes = await Promise.all(job.listen.map(([ip, port]) => DhtHost.open({ ip, port }, settings)));
say({ event: "ready" });

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as Order;
  const node = nodes[order.node];
  void Promise.resolve(node === undefined ? { error: "no such node" } : obey(node, order))
    .catch((error: unknown) => ({ error: String(error) }))
    .then((result) => say({ event: "answer", order: order.order, ...result }));
}
process.exit(0);

async function obey(node: DhtHost, order: Order): Promise<object> {
  const { infoHash, publicKey, salt, target } = {
    infoHash: bytesOf(order.infoHash),
    publicKey: bytesOf(order.publicKey),
    salt: bytesOf(order.salt),
    target: bytesOf(order.target),
  };
  switch (order.op) {
    case "join":
      node.add(order.addresses.map(([ip, port]) => ({ ip, port })));
      return {};
    case "count":
      return { nodes: node.nodes };
    case "announce": {
      const { port } = order;
      const announce = { port, seed: false };
      await node.request((request) => ({ type: "get-peers", request, infoHash, announce }));
      return { port };
    }
    case "peers": {
      const told = await node.request((request) => ({ type: "get-peers", request, infoHash }));
      return { peers: told.peers };
    }
    case "put-immutable": {
      const item: DhtItem = { type: "immutable", value: text(order.value) };
      const told = await node.request((request) => ({ type: "put", request, item }));
      return { target: hexOf(immutableTarget(item.value)), stored: told.report.stored };
    }
    case "put-mutable": {
      const told = await node.request((request) => ({ type: "put", request, item: signed(order) }));
      return { sequence: order.sequence, stored: told.report.stored };
    }
    case "get-immutable":
      return found(await node.request((request) => ({ type: "get", request, target })));
    case "get-mutable":
      return found(
        await node.request((request) => ({
          type: "get",
          request,
          target: mutableTarget(publicKey, salt),
          salt,
        })),
      );
    case "sample": {
      const told = await node.request((request) => ({ type: "sample", request, target }));
      const [ip, port] = order.from;
      const one = told.samples.find(({ from }) => from.address.ip === ip && from.address.port === port);
      return one === undefined
        ? { error: "that node gave no samples" }
        : { samples: one.infoHashes.map(hexOf), stored: one.storedCount };
    }
    case "scrape": {
      const { scraped } = await node.request((request) => ({ type: "scrape", request, infoHash }));
      return scraped === undefined ? { error: "no filters came" } : { ...scraped };
    }
    default:
      return { error: `no such op: ${order.op}` };
  }
}

function signed(order: Order): DhtItem {
  const value = text(order.value);
  const salt = bytesOf(order.salt);
  const { sequence } = order;
  const der = Buffer.concat([privatePrefix, bytesOf(order.seed)]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const signature = sign(null, signedBytes({ value, sequence, salt }), key);
  return { type: "mutable", value, publicKey: bytesOf(order.publicKey), signature, sequence, salt };
}

function found({ item }: Told): { value: string | null; sequence?: number } {
  if (item === undefined) return { value: null };
  const value = Buffer.from(item.value);
  const string = hexOf(value.subarray(value.indexOf(":") + 1));
  return item.type === "mutable" ? { value: string, sequence: item.sequence } : { value: string };
}

/** Values are byte strings here: bencoded they are their length, a colon and themselves. */
function text(hex: string): Buffer {
  const bytes = bytesOf(hex);
  return Buffer.concat([Buffer.from(`${bytes.length}:`), bytes]);
}

function bytesOf(hex: string | undefined): Buffer {
  return Buffer.from(hex ?? "", "hex");
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
