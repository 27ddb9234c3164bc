import { hex } from "@dure/base";
import type { DhtHandle } from "@dure/host-node";
import { writeJson } from "../context.ts";
import { CliError } from "../errors.ts";
import type { MessageKey } from "../messages/index.ts";
import { displayWidth, padEnd } from "../terminal/width.ts";
import type { Ask, Asking } from "./asking.ts";

/** A node that finds nobody in this time says so. */
const joinWithin = 10_000;
const lookEvery = 50;

/** `dure dht status`: how a node stands in the DHT once it knows its neighbourhood. */
export function status(): Ask {
  return tellStatus;
}

async function tellStatus({ context, dht, port }: Asking): Promise<number> {
  await joined(dht);
  const { endpoints } = dht.status();
  const found = endpoints.map(({ family, id, externalIp, nodes, goodNodes, networkSize }) => ({
    family,
    id: hex(id),
    address: externalIp === undefined ? null : addressOf(externalIp, port),
    nodes,
    goodNodes,
    networkSize: Math.round(networkSize),
  }));
  const nodes = found.reduce((sum, endpoint) => sum + endpoint.nodes, 0);
  const networkSize = Math.max(0, ...found.map((endpoint) => endpoint.networkSize));
  // Where the families differ, what is said first is of the one that knows more.
  const [main] = found.toSorted((a, b) => b.nodes - a.nodes || a.family - b.family);
  if (context.json) {
    const { id = null, address = null } = main ?? {};
    writeJson(context.screen, { id, address, nodes, networkSize, endpoints: found });
  } else {
    for (const endpoint of found.filter((each) => each === main || each.nodes > 0))
      context.screen.out(block(endpoint, context.messages));
  }
  if (nodes === 0) throw new CliError("dht-unreachable", "dht.unreachable");
  return 0;
}

interface Endpoint {
  readonly family: 4 | 6;
  readonly id: string;
  readonly address: string | null;
  readonly nodes: number;
  readonly goodNodes: number;
  readonly networkSize: number;
}

function block(endpoint: Endpoint, messages: Asking["context"]["messages"]): string {
  const { family, id, address, nodes, goodNodes, networkSize } = endpoint;
  const size = (count: number) => count.toLocaleString("en-US");
  const rows: readonly (readonly [MessageKey, string])[] = [
    ["dht.status-family", `IPv${family}`],
    ["dht.status-id", id],
    ["dht.status-address", address ?? messages.text("dht.status-address-unknown")],
    ["dht.status-nodes", messages.text("dht.status-good", { count: size(nodes), good: size(goodNodes) })],
    ["dht.status-network", messages.text("dht.status-about", { count: size(networkSize) })],
  ];
  const width = Math.max(...rows.map(([key]) => displayWidth(messages.text(key))));
  return rows.map(([key, value]) => `${padEnd(messages.text(key), width)}  ${value}\n`).join("");
}

function addressOf(ip: string, port: number): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** Every family that knows anybody knows its neighbourhood, or the time is over. */
function joined(dht: DhtHandle): Promise<void> {
  return new Promise((done) => {
    const until = performance.now() + joinWithin;
    const look = () => {
      const known = dht.status().endpoints.filter(({ nodes }) => nodes > 0);
      const ready = known.length > 0 && known.every((endpoint) => endpoint.ready);
      if (!ready && performance.now() < until) return;
      clearInterval(timer);
      done();
    };
    const timer = setInterval(look, lookEvery);
    timer.unref();
    look();
  });
}
