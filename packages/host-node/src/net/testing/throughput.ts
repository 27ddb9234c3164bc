/**
 * Moves 1 GiB between two processes over loopback TCP and prints what it cost the process with the `NodeNet` in it:
 *
 *     node packages/host-node/src/net/testing/throughput.ts
 *
 * "read" only counts the bytes; "copy" moves them on into a megabyte, as a torrent's pool does; "write" sends blocks of
 * 16 KiB from shared memory with a small head each, 64 blocks a flush, as a seed does.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { NetEvent } from "@dure/carrier";
import { adopt } from "../adopt.ts";
import { NodeNet } from "../node-net.ts";

const total = 1024 ** 3;
const kinds = [
  "read outgoing",
  "read accepted",
  "copy outgoing",
  "copy accepted",
  "write outgoing",
  "write accepted",
];

async function compare(): Promise<void> {
  for (const one of kinds) {
    const child = fork(import.meta.filename, ["net", one]);
    await once(child, "exit");
  }
}

/** The measured process. */
async function measure(kind: string): Promise<void> {
  const writing = kind.startsWith("write");
  const meter = new Meter();
  const target = new Uint8Array(1024 * 1024);
  let received = 0;
  let sent = 0;
  let written = 0;
  let socket = 0;
  const send = () => {
    for (let block = 0; block < 64 && sent < total; block += 1) {
      net.perform({ type: "tcp-write", socket, bytes: head });
      net.perform({ type: "tcp-write", socket, bytes: pool.subarray(block * 16_384, (block + 1) * 16_384) });
      sent += 16_384;
    }
    net.flush();
  };
  const onEvent = (event: NetEvent) => {
    if (event.type === "tcp-data") {
      meter.start();
      if (kind.startsWith("copy")) copyOn(target, received, event.bytes);
      received += event.bytes.length;
    } else if (event.type === "tcp-open" || event.type === "tcp-incoming") {
      socket = event.socket;
      if (!writing) return;
      meter.start();
      send();
      send();
    } else if (event.type === "tcp-written") {
      written += event.count;
      if (sent < total) send();
      else if (written === (total / 16_384) * 2) finish(kind, meter);
    } else if (event.type === "tcp-closed") finish(kind, meter);
  };
  const head = new Uint8Array(13);
  const pool = new Uint8Array(new SharedArrayBuffer(64 * 16_384));
  const net = await NodeNet.open({ port: 0, listen: "127.0.0.1", socketsMax: 10, onEvent });
  const other = fork(import.meta.filename, ["other", kind, String(net.port)]);
  const [otherPort] = await once(other, "message");
  if (kind.endsWith("outgoing")) {
    net.perform({ type: "tcp-connect", socket: 2, remote: { ip: "127.0.0.1", port: otherPort } });
  }
}

function copyOn(target: Uint8Array, at: number, bytes: Uint8Array): void {
  const offset = at % target.length;
  const first = Math.min(bytes.length, target.length - offset);
  target.set(bytes.subarray(0, first), offset);
  if (first < bytes.length) target.set(bytes.subarray(first), 0);
}

function finish(kind: string, meter: Meter): void {
  console.log(kind.padEnd(16), meter.text());
  process.exit();
}

/** Node without us: sends the bytes, or throws them away. */
async function otherSide(kind: string, port: number): Promise<void> {
  const play = (socket: Socket) => {
    if (!kind.startsWith("write")) sendAll(socket);
    socket.on("error", () => {});
  };
  const onread = { buffer: new Uint8Array(256 * 1024), callback: () => true };
  if (kind.endsWith("outgoing")) {
    const server = createServer({ pauseOnConnect: true }, (socket) => play(adopt(socket, onread)));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    process.send?.(typeof address === "object" ? address?.port : 0);
  } else {
    process.send?.(0);
    play(connect({ port, host: "127.0.0.1", onread }));
  }
}

function sendAll(socket: Socket): void {
  const bytes = new Uint8Array(1024 * 1024).fill(7);
  let left = total;
  const go = () => {
    for (; left > 0; ) {
      left -= bytes.length;
      if (!socket.write(bytes)) return socket.once("drain", go);
    }
    return socket.end();
  };
  go();
}

class Meter {
  #began: { readonly at: number; readonly cpu: NodeJS.CpuUsage } | undefined;

  start(): void {
    this.#began ??= { at: performance.now(), cpu: process.cpuUsage() };
  }

  text(): string {
    if (this.#began === undefined) return "nothing moved";
    const { user, system } = process.cpuUsage(this.#began.cpu);
    const rate = total / 1e3 / (performance.now() - this.#began.at);
    const cpu = (user + system) / 1e6 / (total / 1e9);
    const memory = process.memoryUsage.rss() / 1024 ** 2;
    return `${rate.toFixed(0).padStart(5)} MB/s  ${cpu.toFixed(2)} CPU s/GB  ${memory.toFixed(0)} MiB`;
  }
}

process.once("disconnect", () => process.exit()); // a child ends with its parent
const [, , role, kind = "", port = "0"] = process.argv;
if (role === undefined) await compare();
else if (role === "net") await measure(kind);
else await otherSide(kind, Number(port));
