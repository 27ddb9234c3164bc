import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { formatAddress } from "@dure/base";
import { recordedNet, turn, until } from "./testing/net-world.ts";

test("datagrams of both families arrive on the one port, with a canonical source", async () => {
  const net = await recordedNet({ listen: undefined as never });
  const four = await recordedNet({ listen: "127.0.0.1" });
  const six = await recordedNet({ listen: "::1" });
  const bytes = Uint8Array.of(1, 2, 3);
  four.perform({ type: "udp-send", to: { ip: "127.0.0.1", port: net.net.port }, bytes });
  four.perform({ type: "udp-send", to: { ip: "::ffff:127.0.0.1", port: net.net.port }, bytes });
  six.perform({ type: "udp-send", to: { ip: "0:0::1", port: net.net.port }, bytes });
  await until(() => net.events.length === 3, "three datagrams");
  const sources = net.events.map((event) => (event.type === "udp-data" ? formatAddress(event.from) : ""));
  deepEqual(sources.sort(), [four.address, four.address, six.address].map(formatAddress).sort());
  await Promise.all([net.net.close(), four.net.close(), six.net.close()]);
});

test("a datagram that cannot be sent is lost without a word", async () => {
  const net = await recordedNet();
  const bytes = new Uint8Array(10);
  const destinations = [
    { ip: "127.0.0.1", port: 0 },
    { ip: "127.0.0.1", port: 65_536 },
    { ip: "localhost", port: 80 },
    { ip: "::1", port: 80 }, // not the family we are bound to
    { ip: "255.255.255.255", port: 80 }, // needs a permission that is never asked for
    { ip: "0.0.0.0", port: 1 },
    { ip: "8.8.8.8", port: 53 }, // not from a loopback address
    { ip: "127.0.0.1", port: 1 }, // answered with ICMP
  ];
  for (const to of destinations) net.perform({ type: "udp-send", to, bytes });
  net.perform({ type: "udp-send", to: { ip: "127.0.0.1", port: 1 }, bytes: new Uint8Array(70_000) });
  await turn(30);
  equal(net.events.length, 0);
  net.perform({ type: "udp-send", to: net.address, bytes });
  await until(() => net.events.length === 1, "the socket still works");
  await net.net.close();
});

test("bytes in shared memory are sent as they are", async () => {
  const net = await recordedNet();
  const bytes = new Uint8Array(new SharedArrayBuffer(20)).fill(9);
  net.perform({ type: "udp-send", to: net.address, bytes });
  await until(() => net.events.length === 1, "the datagram");
  const [event] = net.events;
  deepEqual(event?.type === "udp-data" && new Uint8Array(event.bytes), new Uint8Array(20).fill(9));
  await net.net.close();
});
