import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { type Family, infoHash, ms, must, Prng, peerId, utf8 } from "@dure/base";
import {
  type AnnounceRequest,
  announceUrl,
  ConnectionIds,
  decodeHttpAnnounce,
  decodeHttpScrape,
  encodeUdpTrackerRequest,
  scrapeUrl,
  type TrackerAnswer,
  UdpExchange,
} from "@dure/protocol";
import { TrackerServer } from "./tracker-server.ts";

const hash = must(infoHash("11".repeat(20)), "an info-hash");
const leecher = announceOf({ peerId: id("a"), port: 7001, left: 5 });
const seed = announceOf({ peerId: id("b"), port: 7002, left: 0, event: "completed" });

for (const host of ["127.0.0.1", "::1"]) {
  test(`peers that announce over HTTP and over UDP meet in one swarm (${host})`, () =>
    withTracker({ host, httpPort: 0, udpPort: 0 }, async (tracker) => {
      const first = await overHttp(tracker, leecher);
      deepEqual([first.seeders, first.leechers, first.peers], [0, 1, []]);
      equal(first.externalIp, host);
      equal(first.interval, 1_800_000);

      const second = await overUdp(tracker, seed);
      equal(second.type, "announced");
      deepEqual(second.type === "announced" && second.reply.peers, [{ ip: host, port: 7001 }]);

      const third = await overHttp(tracker, leecher);
      deepEqual([third.seeders, third.leechers, third.peers], [1, 1, [{ ip: host, port: 7002 }]]);
      equal(tracker.peersCount, 2);

      const gone = await overUdp(tracker, { ...seed, event: "stopped" });
      equal(gone.type === "announced" && gone.reply.seeders, 0);
      equal(tracker.peersCount, 1);
      equal(tracker.swarmsCount, 1);
    }));
}

test("a scrape counts the swarm the same over both wires", () =>
  withTracker({ host: "127.0.0.1", httpPort: 0, udpPort: 0 }, async (tracker) => {
    await overHttp(tracker, { ...leecher, peerId: id("b"), port: 7002 });
    await overHttp(tracker, seed);
    await overHttp(tracker, leecher);
    const response = await fetch(must(scrapeUrl(tracker.announceUrl, [hash]), "announce has a scrape"));
    const scraped = decodeHttpScrape(new Uint8Array(await response.arrayBuffer()), [hash]);
    const counts = { seeders: 1, leechers: 1, downloaded: 1 };
    deepEqual(scraped, { ok: true, value: { type: "scraped", swarms: [counts] } });
    const answer = await exchange(tracker, { type: "scrape", infoHashes: [hash] });
    deepEqual(answer, { type: "scraped", swarms: [counts] });
  }));

test("whoever asks for a denied info-hash is told so, over both wires", () =>
  withTracker(
    { host: "127.0.0.1", httpPort: 0, udpPort: 0, book: { denied: (infoHash) => infoHash === hash } },
    async (tracker) => {
      const response = await fetch(announceUrl(tracker.announceUrl, leecher));
      match(await response.text(), /failure reason.*denied/);
      const answer = await overUdp(tracker, leecher);
      equal(answer.type, "refused");
      equal(tracker.peersCount, 0);
    },
  ));

test("the address in `ip=` is not believed", () =>
  withTracker({ host: "127.0.0.1", httpPort: 0 }, async (tracker) => {
    await fetch(`${announceUrl(tracker.announceUrl, seed)}&ip=192.0.2.7&ipv4=192.0.2.8`);
    deepEqual((await overHttp(tracker, leecher)).peers, [{ ip: "127.0.0.1", port: 7002 }]);
  }));

test("each thing wrong with a request is told as a failure reason", () =>
  withTracker({ host: "127.0.0.1", httpPort: 0 }, async (tracker) => {
    const url = announceUrl(tracker.announceUrl, leecher);
    const base = `http://127.0.0.1:${tracker.httpPort}`;
    const cases: readonly (readonly [string, number, RegExp])[] = [
      [url.replace(/info_hash=[^&]*/, "info_hash=short"), 200, /info_hash must be 20 bytes/],
      [url.replace(/port=\d+/, "port=0"), 200, /port must be/],
      [url.replace(/peer_id=[^&]*&/, ""), 200, /peer_id must be/],
      [`${url}&left=1`, 200, /a field twice/],
      [`${url}&x%zz=2`, 200, /a % without/],
      [`${base}/announce?${"a=b&".repeat(200)}`, 200, /too many fields/],
      [`${base}/announce?${"a".repeat(9000)}`, 200, /too long/],
      [`${base}/scrape`, 200, /info_hash/],
      [`${base}/`, 404, /only \/announce/],
      [`${base}/etc/passwd`, 404, /only \/announce/],
    ];
    for (const [target, status, text] of cases) {
      const response = await fetch(target);
      equal(response.status, status, target);
      match(await response.text(), text);
    }
    equal(tracker.peersCount, 0);
  }));

test("other methods, and requests with a body, are refused and hung up on", () =>
  withTracker({ host: "127.0.0.1", httpPort: 0 }, async (tracker) => {
    const url = announceUrl(tracker.announceUrl, leecher);
    const posted = await fetch(url, { method: "POST", body: "x".repeat(100_000) });
    equal(posted.status, 405);
    equal(posted.headers.get("connection"), "close");
    const get = "GET /announce HTTP/1.1\r\nHost: x\r\n";
    match(
      await talk(tracker, `${get}Content-Length: 5000000000\r\n\r\n`),
      /^HTTP\/1.1 413 .*close.*failure reason/s,
    );
    match(
      await talk(tracker, `${get}Transfer-Encoding: chunked\r\n\r\n5\r\n`),
      /^HTTP\/1.1 413 .*failure reason/s,
    );
    equal(tracker.peersCount, 0);
  }));

test("what is not HTTP, or too much of it, is answered with a failure reason too", () =>
  withTracker({ host: "127.0.0.1", httpPort: 0 }, async (tracker) => {
    match(
      await talk(tracker, "\x13BitTorrent protocol".padEnd(68, "\0")),
      /^HTTP\/1.1 400 .*d14:failure reason8:not HTTPe$/s,
    );
    const flood = `GET / HTTP/1.1\r\n${"X: y\r\n".repeat(10_000)}`;
    match(await talk(tracker, flood), /^HTTP\/1.1 431 .*the request is too long/s);
  }));

test("UDP: an id that was not issued gets a short error, and what is malformed no answer at all", () =>
  withTracker({ host: "127.0.0.1", udpPort: 0 }, async (tracker) => {
    const client = createSocket("udp4");
    const heard: Uint8Array[] = [];
    client.on("message", (bytes) => heard.push(bytes));
    const forged = encodeUdpTrackerRequest({
      action: "announce",
      transactionId: 7,
      connectionId: 12345n,
      urlData: "",
      ...leecher,
    });
    const scrape = { action: "scrape", transactionId: 8, connectionId: 1n, infoHashes: [hash] } as const;
    const forgedScrape = encodeUdpTrackerRequest(scrape);
    const silent = [forged.subarray(0, 97), forged.subarray(0, 15), new Uint8Array(0), new Uint8Array(2000)];
    for (const bytes of [...silent, forged, forgedScrape]) client.send(bytes, tracker.udpPort, "127.0.0.1");
    while (heard.length < 2) await once(client, "message");
    client.close();
    deepEqual(
      heard.map((bytes) => bytes[3]),
      [3, 3],
    );
    deepEqual(
      heard.map((bytes) => bytes[7]),
      [7, 8],
    );
    ok(
      heard.every((bytes) => bytes.length <= forgedScrape.length),
      "never more than was sent",
    );
    equal(tracker.peersCount, 0);
  }));

test("UDP: who has echoed an id is told what is wrong", () =>
  withTracker({ host: "127.0.0.1", udpPort: 0 }, async (tracker) => {
    const client = createSocket("udp4");
    const send = async (bytes: Uint8Array) => {
      client.send(bytes, tracker.udpPort, "127.0.0.1");
      const [reply] = await once(client, "message");
      return Buffer.from(reply);
    };
    const connected = await send(encodeUdpTrackerRequest({ action: "connect", transactionId: 1 }));
    const connectionId = connected.readBigUInt64BE(8);
    const request = { action: "announce", transactionId: 2, connectionId, urlData: "", ...leecher } as const;
    equal((await send(encodeUdpTrackerRequest({ ...request, port: 0 }))).toString("latin1", 8), "port-zero");
    equal((await send(encodeUdpTrackerRequest(request).subarray(0, 50))).toString("latin1", 8), "truncated");
    equal((await send(encodeUdpTrackerRequest(request))).readUInt32BE(0), 1);
    client.close();
  }));

test("a reply over UDP stays inside one packet, however many peers there are", () =>
  withTracker({ host: "::1", httpPort: 0, udpPort: 0 }, async (tracker) => {
    for (let port = 1; port <= 120; port += 1) await overHttp(tracker, { ...leecher, port });
    const answer = await overUdp(tracker, { ...leecher, port: 7001, numwant: 1000 });
    equal(answer.type === "announced" && answer.reply.peers.length, 64);
  }));

test("a port that is taken is said so, and nothing stays open", () =>
  withTracker({ host: "127.0.0.1", httpPort: 0, udpPort: 0 }, async ({ httpPort, udpPort }) => {
    const expected = { name: "NodeError", code: "listen" };
    await rejects(TrackerServer.open({ host: "127.0.0.1", httpPort }), expected);
    await rejects(TrackerServer.open({ host: "127.0.0.1", httpPort: 0, udpPort }), expected);
    await rejects(TrackerServer.open({ host: "localhost", httpPort: 0 }), expected);
  }));

test("closing hangs up on clients that linger", async () => {
  const tracker = await TrackerServer.open({ host: "127.0.0.1", httpPort: 0 });
  const socket = connect(tracker.httpPort, "127.0.0.1");
  await once(socket, "connect");
  const closed = once(socket, "close");
  socket.on("error", () => {});
  socket.resume();
  await tracker.close();
  await closed;
});

type Options = Parameters<typeof TrackerServer.open>[0];

async function withTracker(
  options: Options,
  story: (tracker: TrackerServer) => Promise<void>,
): Promise<void> {
  const tracker = await TrackerServer.open(options);
  try {
    await story(tracker);
  } finally {
    await tracker.close();
  }
}

function announceOf(
  some: Pick<AnnounceRequest, "peerId" | "port" | "left"> & Partial<AnnounceRequest>,
): AnnounceRequest {
  return {
    infoHash: hash,
    uploaded: 0,
    downloaded: 0,
    event: "started",
    key: 1,
    numwant: undefined,
    ...some,
  };
}

function id(letter: string) {
  return must(peerId(utf8(letter.repeat(20))), "twenty bytes");
}

async function overHttp(tracker: TrackerServer, announce: AnnounceRequest) {
  const response = await fetch(announceUrl(tracker.announceUrl, announce));
  const answer = decodeHttpAnnounce(new Uint8Array(await response.arrayBuffer()));
  if (!answer.ok || answer.value.type !== "announced") throw new Error(JSON.stringify(answer));
  return answer.value.reply;
}

function overUdp(tracker: TrackerServer, announce: AnnounceRequest): Promise<TrackerAnswer> {
  return exchange(tracker, { type: "announce", announce, urlData: "" });
}

/** Drives the protocol's own client over a real socket. */
async function exchange(
  tracker: TrackerServer,
  question: ConstructorParameters<typeof UdpExchange>[0]["question"],
): Promise<TrackerAnswer> {
  const ip = new URL(tracker.udpAnnounceUrl.replace("udp:", "http:")).hostname.replace(/[[\]]/g, "");
  const family: Family = ip.includes(":") ? 6 : 4;
  const client = createSocket(family === 4 ? "udp4" : "udp6");
  const endpoint = { ip, port: tracker.udpPort };
  const prng = new Prng(1);
  const machine = new UdpExchange({ endpoint, question, connectionIds: new ConnectionIds(), prng });
  machine.handle(ms(0), { type: "start" });
  try {
    for (;;) {
      const output = machine.poll();
      if (output === undefined) {
        const [bytes] = await once(client, "message");
        machine.handle(ms(0), { type: "datagram", bytes });
      } else if (output.type === "send") client.send(output.bytes, endpoint.port, ip);
      else if (output.type === "gave-up") throw new Error("gave up");
      else return output;
    }
  } finally {
    client.close();
  }
}

/** Everything the server says to a text, until it hangs up. */
async function talk(tracker: TrackerServer, text: string): Promise<string> {
  const socket = connect(tracker.httpPort, "127.0.0.1");
  let heard = "";
  socket.setEncoding("latin1").on("data", (part) => {
    heard += part;
  });
  socket.on("error", () => {}); // the server hangs up with bytes of ours unread
  socket.write(text, "latin1");
  await once(socket, "close");
  return heard;
}
