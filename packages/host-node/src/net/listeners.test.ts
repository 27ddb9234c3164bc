import { deepEqual, equal, rejects } from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { openListeners } from "./listeners.ts";
import { LocalBinding } from "./local-binding.ts";

const local = new LocalBinding({ listen: "127.0.0.1" });
const everywhere = new LocalBinding({});

test("port 0 gives one free port to TCP and UDP of both families", async () => {
  const listeners = await openListeners(everywhere, 0);
  const ports = [
    ...listeners.servers.map((server) => server.address()),
    ...[...listeners.datagrams.values()].map((socket) => socket.address()),
  ].map((address) => typeof address === "object" && address?.port);
  deepEqual(ports, new Array(ports.length).fill(listeners.port));
  deepEqual(listeners.addresses[0], { ip: "0.0.0.0", port: listeners.port });
  await listeners.close();
});

test("without a wish the first free port of 6881 to 6889 is taken, one that only UDP holds not being free", async () => {
  const first = await openListeners(local, undefined);
  const blocker = createSocket("udp4").bind(first.port + 1, "127.0.0.1");
  await once(blocker, "listening");
  const second = await openListeners(local, undefined);
  equal(second.port > first.port + 1, true);
  blocker.close();
  await Promise.all([first.close(), second.close()]);
});

test("a port that is taken is said so, and nothing of it stays open", async () => {
  const blocker = createSocket("udp4").bind(0, "127.0.0.1");
  await once(blocker, "listening");
  const { port } = blocker.address();
  await rejects(openListeners(local, port), { name: "NodeError", code: "listen", detail: String(port) });
  const server = createServer().listen(port, "127.0.0.1"); // TCP was opened first and is free again
  await once(server, "listening");
  server.close();
  blocker.close();
});

test("an address that is not on this machine cannot be listened on", () =>
  rejects(openListeners(new LocalBinding({ listen: "203.0.113.77" }), 0), {
    name: "NodeError",
    code: "listen",
    message: /not on this machine/,
  }));
