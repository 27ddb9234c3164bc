import { equal, ok } from "node:assert/strict";
import type { RequestListener } from "node:http";
import type { Socket } from "node:net";
import { test } from "node:test";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { summary, withHttp, withRaw } from "./testing/http-world.ts";

const kibibyte = 1024;

test("a body of exactly the limit is taken, one byte more is not, said or unsaid", () =>
  withHttp(
    (request, response) => {
      const bytes = Buffer.alloc(Number(request.url?.slice(1)), "a");
      if (bytes.length % 2 === 0) response.setHeader("Content-Length", bytes.length);
      response.end(bytes);
    },
    async ({ get }) => {
      ok(summary(await get("http://127.0.0.1:PORT/1000", { bytesMax: 1000 })).startsWith("200 aaa"));
      equal(summary(await get("http://127.0.0.1:PORT/1001", { bytesMax: 1000 })), "too-long");
      equal(summary(await get("http://127.0.0.1:PORT/1002", { bytesMax: 1000 })), "too-long");
      equal(summary(await get("http://127.0.0.1:PORT/0", { bytesMax: 0 })), "200 ");
    },
  ));

test("gzip, zlib and bare deflate are unpacked; what was not asked for is a bad reply", () =>
  withHttp(
    packed((bytes) => ({
      gzip: gzipSync(bytes),
      "x-gzip": gzipSync(bytes),
      deflate: deflateSync(bytes),
      "deflate-bare": deflateRawSync(bytes),
      identity: bytes,
      GZIP: gzipSync(bytes),
      br: brotliCompressSync(bytes),
      "gzip, gzip": gzipSync(gzipSync(bytes)),
    })),
    async ({ get }) => {
      for (const encoding of ["gzip", "x-gzip", "deflate", "deflate-bare", "identity", "GZIP"]) {
        equal(summary(await get(`http://127.0.0.1:PORT/${encoding}`)), "200 hello", encoding);
      }
      equal(summary(await get("http://127.0.0.1:PORT/br")), "bad-reply");
      equal(summary(await get("http://127.0.0.1:PORT/gzip, gzip")), "bad-reply");
    },
  ));

test("packed bytes that are broken or cut short are a bad reply; none at all is an empty body", () =>
  withHttp(
    packed((bytes) => ({
      gzip: gzipSync(bytes).subarray(0, -9),
      "x-gzip": Buffer.from("not gzip"),
      deflate: Buffer.from([0x78, 0x9c, 0xff, 0xff]),
      "deflate-bare": Buffer.alloc(0),
    })),
    async ({ get }) => {
      equal(summary(await get("http://127.0.0.1:PORT/gzip")), "bad-reply");
      equal(summary(await get("http://127.0.0.1:PORT/x-gzip")), "bad-reply");
      equal(summary(await get("http://127.0.0.1:PORT/deflate")), "bad-reply");
      equal(summary(await get("http://127.0.0.1:PORT/deflate-bare")), "200 ");
    },
  ));

test("a gzip bomb is stopped at the limit, not after it", () => {
  const bomb = gzipSync(Buffer.alloc(64 * kibibyte * kibibyte));
  return withHttp(
    (_request, response) => response.writeHead(200, { "Content-Encoding": "gzip" }).end(bomb),
    async ({ get }) => {
      ok(bomb.length < 128 * kibibyte);
      const before = process.memoryUsage().arrayBuffers;
      equal(summary(await get("http://127.0.0.1:PORT/", { bytesMax: 1024 * kibibyte })), "too-long");
      ok(process.memoryUsage().arrayBuffers - before < 8 * 1024 * kibibyte, "the bomb did not go off");
    },
  );
});

test("gzip that packs nothing, for ever, is stopped by what comes in", () => {
  const nothing = gzipSync(Buffer.alloc(0));
  const many = Buffer.concat(new Array<Buffer>(1000).fill(nothing));
  return withHttp(
    (_request, response) => {
      response.writeHead(200, { "Content-Encoding": "gzip" });
      forever(response, many);
    },
    async ({ get }) =>
      equal(summary(await get("http://127.0.0.1:PORT/", { bytesMax: 10 * kibibyte })), "too-long"),
  );
});

test("a body without end is cut at the limit", () =>
  withHttp(
    (_request, response) => forever(response, Buffer.alloc(16 * kibibyte)),
    async ({ get }) => equal(summary(await get("http://127.0.0.1:PORT/")), "too-long"),
  ));

const slow: Readonly<Record<string, (socket: Socket) => void>> = {
  "says nothing": (socket) => socket.resume(),
  "sends its head a byte at a time": (socket) =>
    drip(socket, "HTTP/1.1 200 OK\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaa"),
  "sends its body a byte at a time": (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    drip(socket, "a".repeat(1000));
  },
  "says 100 Continue for ever": (socket) => forever(socket, Buffer.from("HTTP/1.1 100 Continue\r\n\r\n")),
  "says 103 Early Hints for ever": (socket) =>
    forever(socket, Buffer.from("HTTP/1.1 103 Early Hints\r\n\r\n")),
  "keeps the connection open after half a body": (socket) =>
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"),
};

for (const [habit, talk] of Object.entries(slow)) {
  test(`a server that ${habit} is left when the time is up`, () =>
    withRaw(talk, async ({ get }) => {
      const began = performance.now();
      equal(summary(await get("http://127.0.0.1:PORT/", { timeout: 150 })), "timeout");
      ok(performance.now() - began < 2_000);
    }));
}

const broken: Readonly<Record<string, string>> = {
  "is not HTTP": "SSH-2.0-OpenSSH_9.2\r\n",
  "hangs up": "",
  "hangs up in the head": "HTTP/1.1 200 OK\r\nContent-Le",
  "hangs up in the body": "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf",
  "breaks its chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf",
  "ends its chunks early": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
  "sends two lengths": "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
  "sends a length and chunks":
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "sends a negative length": "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nab",
  "upgrades to something else":
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
  "floods with one header": `HTTP/1.1 200 OK\r\nX: ${"a".repeat(64 * kibibyte)}\r\n\r\n`,
  "floods with many headers": `HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(20 * kibibyte)}\r\n`,
};

for (const [habit, text] of Object.entries(broken)) {
  test(`a server that ${habit} gives a bad reply`, () =>
    withRaw(
      (socket) => socket.once("data", () => socket.end(text)),
      async ({ get }) => equal(summary(await get("http://127.0.0.1:PORT/", { timeout: 3_000 })), "bad-reply"),
    ));
}

test("an old server that only closes at the end of its body is understood", () =>
  withRaw(
    (socket) => socket.once("data", () => socket.end("HTTP/1.0 200 OK\r\n\r\nd8:intervali1800ee")),
    async ({ get }) => equal(summary(await get("http://127.0.0.1:PORT/")), "200 d8:intervali1800ee"),
  ));

function packed(pack: (bytes: Buffer) => Readonly<Record<string, Buffer>>): RequestListener {
  const replies = pack(Buffer.from("hello"));
  return (request, response) => {
    const encoding = decodeURIComponent(request.url?.slice(1) ?? "");
    response.writeHead(200, { "Content-Encoding": encoding.replace("-bare", "") }).end(replies[encoding]);
  };
}

/** Writes until the other side hangs up. */
function forever(
  to: { write(bytes: Buffer): boolean; once(event: string, listener: () => void): unknown },
  bytes: Buffer,
): void {
  let open = true;
  to.once("close", () => {
    open = false;
  });
  const go = () => {
    if (!open) return;
    if (to.write(bytes)) setImmediate(go);
    else to.once("drain", go);
  };
  go();
}

function drip(socket: Socket, text: string): void {
  let sent = 0;
  const timer = setInterval(() => {
    if (sent < text.length) socket.write(text.charAt(sent));
    sent += 1;
  }, 5);
  socket.once("close", () => clearInterval(timer));
}
