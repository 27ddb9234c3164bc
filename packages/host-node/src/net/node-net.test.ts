import { deepEqual, equal, rejects } from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { test } from "node:test";
import type { InterfaceTable } from "./local-binding.ts";
import { recordedNet, until } from "./testing/net-world.ts";

test("traffic follows its interface: gone, nothing is sent; back under another address, it goes on", async () => {
  let table = tunnel("127.0.0.7");
  const net = await recordedNet({ listen: undefined as never, interface: "tun0", interfaces: () => table });
  const server = await recordedNet();
  const { port } = net.address;
  const sourceOf = (index: number) => {
    const event = server.events.filter((event) => event.type === "tcp-incoming")[index];
    return event?.remote.ip;
  };
  net.perform({ type: "tcp-connect", socket: 2, remote: server.address });
  await until(() => sourceOf(0) !== undefined, "a connection");
  equal(sourceOf(0), "127.0.0.7");
  await net.net.rebind();
  equal(net.events.length, 1, "nothing has changed");

  table = { tun0: [] };
  await rejects(net.net.rebind(), { name: "NodeError", code: "listen" });
  deepEqual(net.events.splice(0).at(-1), { type: "tcp-closed", socket: 2, reason: "unreachable" });
  const url = `http://${server.address.ip}:${server.address.port}/announce`;
  net.perform(
    { type: "tcp-connect", socket: 4, remote: server.address },
    { type: "udp-send", to: server.address, bytes: new Uint8Array(5) },
    { type: "http-get", request: 1, url, family: 4, trust: "any", bytesMax: 10, timeout: 1000 },
  );
  await until(() => net.events.length === 2, "two refusals");
  deepEqual(net.events.map((event) => "reason" in event && event.reason).sort(), [
    "unreachable",
    "unreachable",
  ]);

  table = tunnel("127.0.0.8");
  await net.net.rebind();
  deepEqual(net.net.localAddresses, [{ ip: "127.0.0.8", port }]);
  net.perform({ type: "tcp-connect", socket: 6, remote: server.address });
  await until(() => sourceOf(1) !== undefined, "a connection again");
  equal(sourceOf(1), "127.0.0.8");
  equal(server.events.filter((event) => event.type === "udp-data").length, 0);
  await Promise.all([net.net.close(), server.net.close()]);
});

test("closing while the port is bound anew leaves nothing open", async () => {
  let table = tunnel("127.0.0.7");
  const net = await recordedNet({ listen: undefined as never, interface: "tun0", interfaces: () => table });
  table = tunnel("127.0.0.8");
  const rebound = net.net.rebind();
  await net.net.close();
  await rebound;
  const again = await recordedNet({ listen: "127.0.0.8", port: net.address.port });
  await again.net.close();
});

function tunnel(address: string): InterfaceTable {
  const info: NetworkInterfaceInfo = {
    address,
    family: "IPv4",
    netmask: "",
    mac: "",
    internal: false,
    cidr: null,
  };
  return { tun0: [info] };
}
