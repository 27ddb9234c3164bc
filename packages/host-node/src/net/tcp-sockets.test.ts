import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTo, createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import type { NetEvent } from "@dure/carrier";
import { LocalBinding } from "./local-binding.ts";
import { NodeNet } from "./node-net.ts";
import { TcpSockets } from "./tcp-sockets.ts";
import { type RecordedNet, recordedNet, turn, until } from "./testing/net-world.ts";

test("sockets read into the one static buffer, outgoing and accepted alike", async () => {
  const buffers = new Set<ArrayBufferLike>();
  const opened: number[] = [];
  const onEvent = (event: NetEvent) => {
    if (event.type === "tcp-data") buffers.add(event.bytes.buffer);
    if (event.type === "tcp-incoming") opened.push(event.socket);
  };
  const net = await NodeNet.open({ port: 0, listen: "127.0.0.1", socketsMax: 10, onEvent });
  const other = await recordedNet();
  other.perform({ type: "tcp-connect", socket: 2, remote: { ip: "127.0.0.1", port: net.port } });
  net.perform({ type: "tcp-connect", socket: 2, remote: other.address });
  await until(() => opened.length === 1 && incomingOf(other) === 1, "both connections");
  other.perform(write(2, 100), write(1, 100));
  await until(() => buffers.size > 0, "bytes");
  await turn(20);
  equal(buffers.size, 1);
  equal([...buffers][0]?.byteLength, 256 * 1024);
  await Promise.all([net.close(), other.net.close()]);
});

test("writes of one batch leave in one system call, without a flush too", async () => {
  const net = await recordedNet();
  const chunks: number[] = [];
  const { server, port } = await listen((socket) => socket.on("data", (bytes) => chunks.push(bytes.length)));
  net.perform({ type: "tcp-connect", socket: 2, remote: { ip: "127.0.0.1", port } });
  await until(() => net.events.length === 1, "the connection");
  for (let count = 0; count < 50; count += 1) net.net.perform(write(2, 100));
  await until(() => chunks.reduce((sum, bytes) => sum + bytes, 0) === 5_000, "all bytes");
  equal(chunks.length, 1);
  deepEqual(net.events.slice(1), [{ type: "tcp-written", socket: 2, count: 50 }]);
  await net.net.close();
  await closeServer(server);
});

test("bytes may lie in shared memory", async () => {
  const net = await recordedNet();
  const other = await recordedNet();
  net.perform({ type: "tcp-connect", socket: 2, remote: other.address });
  await until(() => net.events.length === 1, "the connection");
  const shared = new Uint8Array(new SharedArrayBuffer(300)).fill(7);
  const parts = [shared.subarray(0, 100), shared.subarray(100)];
  net.perform(...parts.map((bytes) => ({ type: "tcp-write", socket: 2, bytes }) as const));
  await until(() => other.events.some((event) => event.type === "tcp-data"), "the bytes");
  const data = other.events.find((event) => event.type === "tcp-data");
  deepEqual(data?.bytes, new Uint8Array(300).fill(7));
  await Promise.all([net.net.close(), other.net.close()]);
});

test("sockets above the ceiling: incoming are hung up on, outgoing are refused", async () => {
  const net = await recordedNet({ socketsMax: 2 });
  const { server, port } = await listen(() => {});
  const remote = { ip: "127.0.0.1", port };
  for (const socket of [2, 4, 6]) net.perform({ type: "tcp-connect", socket, remote });
  await until(() => net.events.length === 3, "two open and one refused");
  deepEqual(
    net.events.filter((event) => event.type === "tcp-closed"),
    [{ type: "tcp-closed", socket: 6, reason: "other" }],
  );
  const late = connectTo(net.address.port, "127.0.0.1");
  late.on("error", () => {});
  await once(late, "close");
  equal(incomingOf(net), 0);
  net.perform({ type: "tcp-close", socket: 2 });
  const welcome = connectTo(net.address.port, "127.0.0.1");
  await until(() => incomingOf(net) === 1, "room again");
  welcome.destroy();
  await net.net.close();
  await closeServer(server);
});

test("a connect that nobody answers is given up after its wait", async () => {
  const events: NetEvent[] = [];
  const emit = (event: NetEvent) => events.push(event);
  const tcp = new TcpSockets({ binding: new LocalBinding({}), socketsMax: 20, emit, connectWait: 150 });
  const deaf = await deafListener();
  const sockets = [2, 4, 6, 8, 10, 12];
  for (const socket of sockets) tcp.connect(socket, { ip: "127.0.0.1", port: deaf.port });
  await until(() => events.length === sockets.length, "an answer for each");
  const closed = events.filter((event) => event.type === "tcp-closed");
  ok(closed.length > 0 && closed.every((event) => event.reason === "timeout"));
  tcp.closeAll();
  await deaf.close();
});

test("an address that cannot be connected to is unreachable, never an exception", async () => {
  const net = await recordedNet();
  const remotes = [
    { ip: "127.0.0.1", port: 0 },
    { ip: "127.0.0.1", port: 70_000 },
    { ip: "localhost", port: 80 },
    { ip: "fe80::1%lo", port: 80 },
    { ip: "::1", port: 80 }, // not the family we are bound to
    { ip: "", port: 80 },
  ];
  for (const [index, remote] of remotes.entries())
    net.perform({ type: "tcp-connect", socket: 2 * index + 2, remote });
  await until(() => net.events.length === remotes.length, "all answers");
  ok(net.events.every((event) => event.type === "tcp-closed" && event.reason === "unreachable"));
  await net.net.close();
});

test("a peer that resets is told apart from one that ends", async () => {
  const net = await recordedNet();
  const { server, port } = await listen((socket) => socket.once("data", () => socket.resetAndDestroy()));
  net.perform({ type: "tcp-connect", socket: 2, remote: { ip: "127.0.0.1", port } });
  await until(() => net.events.length === 1, "the connection");
  net.perform(write(2, 10));
  await until(() => net.events.at(-1)?.type === "tcp-closed", "the close");
  deepEqual(net.events.at(-1), { type: "tcp-closed", socket: 2, reason: "reset" });
  await net.net.close();
  await closeServer(server);
});

test("a socket that was stopped before it opened delivers nothing until it flows", async () => {
  const net = await recordedNet();
  const { server, port } = await listen((socket) => socket.write("hello"));
  net.perform(
    { type: "tcp-connect", socket: 2, remote: { ip: "127.0.0.1", port } },
    { type: "tcp-read", socket: 2, flowing: false },
  );
  await until(() => net.events.length === 1, "the connection");
  await turn(30);
  equal(net.events.length, 1);
  net.perform({ type: "tcp-read", socket: 2, flowing: true });
  await until(() => net.events.length === 2, "the bytes");
  await net.net.close();
  await closeServer(server);
});

test("after close the port is free, peers are gone, and nothing more is told", async () => {
  const net = await recordedNet();
  const peer = connectTo(net.address.port, "127.0.0.1");
  peer.on("error", () => {});
  await until(() => incomingOf(net) === 1, "the peer");
  const gone = once(peer, "close");
  peer.resume();
  net.net.perform({ type: "resolve", request: 1, host: "localhost", family: 4, trust: "any" });
  const told = net.events.length;
  await net.net.close();
  await gone;
  await turn(20);
  equal(net.events.length, told);
  throws(() => net.perform({ type: "tcp-close", socket: 2 }), /the net is open/);
  const again = await recordedNet({ port: net.address.port });
  await again.net.close();
});

function write(socket: number, bytes: number) {
  return { type: "tcp-write", socket, bytes: new Uint8Array(bytes) } as const;
}

function incomingOf(net: RecordedNet): number {
  return net.events.filter((event) => event.type === "tcp-incoming").length;
}

async function listen(onSocket: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    onSocket(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return { server, port: typeof address === "object" ? (address?.port ?? 0) : 0 };
}

/** Listens with room for hardly anyone and never accepts, so that the kernel drops further connects. */
async function deafListener(): Promise<{ port: number; close(): Promise<number> }> {
  const code = `
    const { parentPort } = require("node:worker_threads");
    const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
    });`;
  const worker = new Worker(code, { eval: true });
  const [port] = await once(worker, "message");
  await turn(30); // it is asleep by now
  return { port, close: () => worker.terminate() };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
