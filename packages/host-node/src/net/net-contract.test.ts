import { createServer } from "node:net";
import { type NetWorld, netContract } from "@dure/carrier/contract";
import { recordedNet, turn, until } from "./testing/net-world.ts";

netContract("node over IPv4", () => loopback("127.0.0.1"));
netContract("node over IPv6", () => loopback("::1"));

async function loopback(listen: string): Promise<NetWorld> {
  const left = await recordedNet({ listen });
  const right = await recordedNet({ listen });
  return {
    left,
    right,
    // The system has no route for IPv6 multicast on loopback; lsd-namespaces.test.ts has it between two machines.
    lan: listen === "127.0.0.1" ? 4 : undefined,
    nowhere: { ip: listen, port: await freePort(listen) },
    until,
    settle: () => quiet([left, right]),
    close: async () => void (await Promise.all([left.net.close(), right.net.close()])),
  };
}

/** Loopback delivers within a turn or two of the event loop: nothing new for 50 ms means nothing is under way. */
async function quiet(sides: readonly { readonly events: readonly unknown[] }[]): Promise<void> {
  const total = () => sides.reduce((sum, side) => sum + side.events.length, 0);
  for (let seen = -1; seen !== total(); await turn(50)) seen = total();
}

/** A port that was free a moment ago. */
function freePort(host: string): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? (address?.port ?? 0) : 0));
    });
  });
}
