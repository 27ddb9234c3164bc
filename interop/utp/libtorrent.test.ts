import { deepEqual } from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { eventNamed, makeSample, type RunningProgram, type Sample } from "../clients/index.ts";
import { type LibtorrentOrder, startLibtorrent } from "../clients/libtorrent.ts";
import { openLab } from "../src/lab.ts";
import { BareWire, bitfield, handshake, interested, message, piece, request, unchoke } from "./bare-peer.ts";
import { UtpHost } from "./utp-host.ts";

// Our uTP with libtorrent's, on loopback: libtorrent speaks nothing else here, and each side connects once.
const required = process.env.DURE_INTEROP === "required";
const lab = await openLab({ atOnce: 1 });
const within = 60_000;
const pieceBytes = 16_384; // a piece is a block
const fileBytes = 4 * 1024 * 1024;
const programs: RunningProgram[] = [];
const hosts: UtpHost[] = [];

after(async () => {
  for (const host of hosts) host.close();
  await Promise.all(programs.map((program) => program.stop()));
});

test("a file comes whole from libtorrent when we connect over uTP", async (context) => {
  if (absent(context)) return;
  const sample = sampleOf("from-libtorrent");
  const { program, port } = await libtorrent("seed", sample, sample.dir, {
    mode: "seed",
    assumeComplete: true,
  });
  await program.until(eventNamed("ready"), { within, what: "seeding" });
  const wanted = content(sample);
  const got = Buffer.alloc(fileBytes);
  let gotPieces = 0;
  let asked = false;
  await settled((done, failed) => {
    const say = (bytes: Buffer) =>
      host.then((utp) => utp.handle({ type: "write", connection: 2, bytes, more: false }));
    const wire = new BareWire(({ id, body }) => {
      if (id === -1) deepEqual(body.subarray(28, 48).toString("hex"), sample.infoHash);
      if (id === -1) say(message(interested));
      if (id === unchoke && !asked) {
        asked = true; // it may unchoke twice
        for (let index = 0; index < 16; index += 1) say(message(request, index, 0, pieceBytes));
      }
      if (id !== piece) return;
      const index = body.readUInt32BE();
      body.copy(got, index * pieceBytes, 8);
      gotPieces += 1;
      if (index + 16 < fileBytes / pieceBytes) say(message(request, index + 16, 0, pieceBytes));
      if (gotPieces === fileBytes / pieceBytes) done();
    });
    const host = UtpHost.open(randomBytes(16), (output) => {
      if (output.type === "opened") say(handshake(sample.infoHash));
      if (output.type === "closed") failed(new Error(`closed: ${output.reason}`));
      if (output.type !== "data") return;
      wire.receive(output.bytes);
      const { connection, bytes } = output;
      void host.then((utp) => utp.handle({ type: "consumed", connection, bytes: bytes.length }));
    });
    void host.then((utp) => {
      hosts.push(utp);
      utp.handle({ type: "connect", connection: 2, remote: { ip: "127.0.0.1", port } });
    });
  });
  deepEqual(got.equals(wanted), true);
});

test("a file goes whole to libtorrent when it connects to us over uTP", async (context) => {
  if (absent(context)) return;
  const sample = sampleOf("to-libtorrent");
  const wanted = content(sample);
  const wire = new BareWire(({ id, body }) => {
    if (id === -1) {
      say(handshake(sample.infoHash));
      say(message(bitfield, Buffer.alloc(fileBytes / pieceBytes / 8, 0xff)));
    }
    if (id === interested) say(message(unchoke));
    if (id !== request) return;
    const [index, begin, length] = [body.readUInt32BE(0), body.readUInt32BE(4), body.readUInt32BE(8)];
    const from = index * pieceBytes + begin;
    say(message(piece, index, begin, wanted.subarray(from, from + length)));
  });
  let incoming = -1;
  const host = await UtpHost.open(randomBytes(16), (output) => {
    if (output.type === "incoming") incoming = output.connection;
    if (output.type !== "data") return;
    wire.receive(output.bytes);
    host.handle({ type: "consumed", connection: output.connection, bytes: output.bytes.length });
  });
  hosts.push(host);
  const say = (bytes: Buffer) => host.handle({ type: "write", connection: incoming, bytes, more: false });
  const dir = join(lab.folder, "to-libtorrent-data");
  mkdirSync(dir, { recursive: true });
  const { program } = await libtorrent("leech", sample, dir, {
    peers: [`127.0.0.1:${host.address.port}`],
    once: true,
  });
  await program.until(eventNamed("done"), { within, what: "complete" });
  await program.exited;
  deepEqual(readFileSync(join(dir, sample.options.name)).equals(wanted), true);
});

function sampleOf(name: string): Sample {
  const place = join(lab.folder, name);
  mkdirSync(place, { recursive: true });
  return makeSample(place, { name, files: [{ path: "", bytes: fileBytes }], pieceBytes });
}

function content(sample: Sample): Buffer {
  return readFileSync(join(sample.dir, sample.options.name));
}

async function libtorrent(name: string, sample: Sample, dir: string, more: Partial<LibtorrentOrder>) {
  const port = await freePort();
  const order: LibtorrentOrder = {
    mode: "leech",
    source: sample.torrent,
    dir,
    listen: `127.0.0.1:${port}`,
    encryption: "off",
    transport: "utp",
    ...more,
  };
  const program = startLibtorrent(lab.processes, order, { work: join(lab.folder, name) });
  programs.push(program);
  return { program, port };
}

function settled(begin: (done: () => void, failed: (cause: Error) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not within ${within} ms`)), within);
    begin(() => {
      clearTimeout(timer);
      resolve();
    }, reject);
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("a listening TCP server has a port");
  return address.port;
}

function absent(context: TestContext): boolean {
  if (lab.versions.libtorrent !== null) return false;
  if (required) throw new Error("libtorrent is absent");
  context.skip("libtorrent is absent");
  return true;
}
