import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import {
  type Address,
  hex,
  infoHash,
  type Ms,
  ms,
  must,
  Prng,
  parseAddress,
  peerId,
  seconds,
} from "@dure/base";
import type { AnnounceRequest } from "../tracker/index.ts";
import { ConnectionIds } from "./connection-ids.ts";
import { UdpExchange, type UdpExchangeOutput, type UdpQuestion } from "./exchange.ts";
import { encodeUdpTrackerReply } from "./replies.ts";
import { decodeUdpTrackerRequest, type UdpTrackerRequest } from "./requests.ts";

const announce: AnnounceRequest = {
  infoHash: must(infoHash("aa".repeat(20)), "a hash"),
  peerId: must(peerId("bb".repeat(20)), "an id"),
  port: 6881,
  uploaded: 0,
  downloaded: 0,
  left: 1000,
  event: "started",
  key: 7,
  numwant: 80,
};
const endpoint = must(parseAddress("192.0.2.1:6969"), "an address");
const endpoint6 = must(parseAddress("[2001:db8::1]:6969"), "an address");

/** An exchange on virtual time, with what it said as readable lines. */
class Story {
  now: Ms = ms(0);
  readonly connectionIds: ConnectionIds;
  readonly exchange: UdpExchange;
  readonly lines: string[] = [];
  last: UdpTrackerRequest | undefined;
  end: UdpExchangeOutput | undefined;

  constructor(
    options: { connectionIds?: ConnectionIds; endpoint?: Address; question?: UdpQuestion; now?: Ms } = {},
  ) {
    this.now = options.now ?? ms(0);
    this.connectionIds = options.connectionIds ?? new ConnectionIds();
    this.exchange = new UdpExchange({
      endpoint: options.endpoint ?? endpoint,
      question: options.question ?? { type: "announce", announce, urlData: "" },
      connectionIds: this.connectionIds,
      prng: new Prng(1),
    });
    this.exchange.handle(this.now, { type: "start" });
    this.#drain();
  }

  hear(after: number, bytes: Uint8Array): void {
    this.now = ms(this.now + after * 1000);
    this.exchange.handle(this.now, { type: "datagram", bytes });
    this.#drain();
  }

  connected(after: number, connectionId: bigint): void {
    this.hear(
      after,
      encodeUdpTrackerReply({ action: "connect", transactionId: this.transactionId, connectionId }),
    );
  }

  announced(after: number, peers: readonly Address[] = []): void {
    const { transactionId } = this;
    const interval = seconds(1800);
    this.hear(
      after,
      encodeUdpTrackerReply({ action: "announce", transactionId, interval, leechers: 2, seeders: 1, peers }),
    );
  }

  refused(after: number, message: string): void {
    this.hear(after, encodeUdpTrackerReply({ action: "error", transactionId: this.transactionId, message }));
  }

  /** Jumps to the next deadline. */
  silence(): void {
    this.now = must(this.exchange.deadline(), "a running exchange has a deadline");
    this.exchange.handle(this.now, { type: "wake" });
    this.#drain();
  }

  get transactionId(): number {
    return must(this.last, "something was sent").transactionId;
  }

  #drain(): void {
    for (let output = this.exchange.poll(); output !== undefined; output = this.exchange.poll()) {
      if (output.type !== "send") {
        this.end = output;
        this.lines.push(`${this.now / 1000} ${output.type}`);
        continue;
      }
      const request = decodeUdpTrackerRequest(output.bytes);
      ok(request.ok, "what we send, a tracker can read");
      this.last = request.value;
      const id = request.value.action === "connect" ? "" : ` id ${request.value.connectionId}`;
      this.lines.push(`${this.now / 1000} ${request.value.action}${id}`);
    }
  }
}

test("an announce is a connect, its answer, the announce and its answer (BEP 15, Normal announce)", () => {
  const story = new Story();
  story.connected(1, 5n);
  story.announced(1, [{ ip: "192.0.2.9", port: 80 }]);
  deepEqual(story.lines, ["0 connect", "1 announce id 5", "2 announced"]);
  deepEqual(story.end, {
    type: "announced",
    reply: { interval: seconds(1800), seeders: 1, leechers: 2, peers: [{ ip: "192.0.2.9", port: 80 }] },
  });
  equal(story.exchange.deadline(), undefined);
});

test("a silent tracker is asked nine times over two hours, then given up (BEP 15)", () => {
  const story = new Story();
  while (story.end === undefined) story.silence();
  const sent = [0, 15, 45, 105, 225, 465, 945, 1905, 3825].map((at) => `${at} connect`);
  deepEqual(story.lines, [...sent, "7665 gave-up"]);
});

test("an expired connection id is renewed while the announce backs off (BEP 15, Announce times out)", () => {
  const story = new Story();
  story.connected(1, 5n);
  for (let round = 0; round < 4; round += 1) story.silence();
  deepEqual(story.lines, [
    "0 connect",
    "1 announce id 5",
    "16 announce id 5",
    "46 announce id 5",
    "106 connect",
    "226 connect",
  ]);
});

test("a tracker that answers connects and never announces is given up in the end", () => {
  const story = new Story();
  while (story.end === undefined) {
    if (must(story.last, "asked").action === "connect") story.connected(1, BigInt(story.lines.length));
    else story.silence();
    ok(story.lines.length < 40, "it ends");
  }
  equal(story.end.type, "gave-up");
  ok(story.now <= seconds(2 * 7665), "within the two full back-offs");
});

test("within a minute the next exchange goes without a connect, after it with one", () => {
  const first = new Story();
  first.connected(0, 5n);
  first.announced(0);
  const { connectionIds } = first;
  const second = new Story({ connectionIds, now: seconds(59) });
  const third = new Story({ connectionIds, now: seconds(60) });
  deepEqual([second.lines, third.lines], [["59 announce id 5"], ["60 connect"]]);
});

test("an error to a kept connection id gets a new one once; a second error is the tracker's word", () => {
  const connectionIds = new ConnectionIds();
  connectionIds.set(ms(0), endpoint, 5n);
  const story = new Story({ connectionIds });
  story.refused(1, "bad connection id");
  story.connected(1, 6n);
  story.refused(1, "torrent not known here");
  deepEqual(story.lines, ["0 announce id 5", "1 connect", "2 announce id 6", "3 refused"]);
  deepEqual(story.end, { type: "refused", failure: "torrent not known here" });
});

test("an error to the connect itself ends the exchange", () => {
  const story = new Story();
  story.refused(1, "go away");
  deepEqual(story.lines, ["0 connect", "1 refused"]);
});

test("another transaction, another action and noise are ignored", () => {
  const story = new Story();
  const wrong = (story.transactionId + 1) >>> 0;
  story.hear(1, encodeUdpTrackerReply({ action: "connect", transactionId: wrong, connectionId: 1n }));
  story.hear(1, encodeUdpTrackerReply({ action: "error", transactionId: wrong, message: "spoofed" }));
  story.announced(1);
  story.hear(1, new Uint8Array(7));
  story.connected(1, 5n);
  story.connected(1, 6n);
  const { transactionId } = story;
  story.hear(1, encodeUdpTrackerReply({ action: "scrape", transactionId, swarms: [] }));
  deepEqual(story.lines, ["0 connect", "5 announce id 5"]);
  story.announced(1);
  story.announced(1);
  deepEqual(story.lines, ["0 connect", "5 announce id 5", "8 announced"]);
});

test("an answer to an earlier copy of the question counts", () => {
  const story = new Story();
  const { transactionId } = story;
  story.silence();
  equal(story.transactionId, transactionId);
  story.connected(1, 5n);
  const asked = story.transactionId;
  story.silence();
  equal(story.transactionId, asked);
  story.announced(1);
  equal(story.end?.type, "announced");
});

test("peers have 18 bytes when the tracker was asked over IPv6 (BEP 15, IPv6)", () => {
  const peers = [{ ip: "2001:db8::2", port: 6881 }];
  const story = new Story({ endpoint: endpoint6 });
  story.connected(1, 5n);
  story.announced(1, peers);
  deepEqual(story.end?.type === "announced" && story.end.reply.peers, peers);
});

test("a scrape asks for its hashes and returns their counts in order", () => {
  const hashes = [announce.infoHash, must(infoHash("cc".repeat(20)), "a hash")];
  const story = new Story({ question: { type: "scrape", infoHashes: hashes } });
  story.connected(1, 5n);
  deepEqual(story.last?.action === "scrape" && story.last.infoHashes, hashes);
  story.announced(1); // not what was asked
  const { transactionId } = story;
  const swarms = [
    { seeders: 1, leechers: 2, downloaded: 3 },
    { seeders: 4, leechers: 5, downloaded: 6 },
  ];
  story.hear(1, encodeUdpTrackerReply({ action: "scrape", transactionId, swarms }));
  deepEqual(story.end, { type: "scraped", swarms });
});

test("the announce carries every field of the request and the path of the URL (BEP 41)", () => {
  const question: UdpQuestion = { type: "announce", announce, urlData: "/announce?key=1" };
  const story = new Story({ question });
  story.connected(1, 5n);
  const { transactionId } = story;
  deepEqual(story.last, {
    action: "announce",
    transactionId,
    connectionId: 5n,
    urlData: "/announce?key=1",
    ...announce,
  });
});

test("a wake before the deadline changes nothing", () => {
  const story = new Story();
  story.exchange.handle(seconds(14), { type: "wake" });
  equal(story.exchange.poll(), undefined);
  equal(story.exchange.deadline(), seconds(15));
});

test("the cache of connection ids drops the oldest endpoint at its ceiling", () => {
  const connectionIds = new ConnectionIds();
  for (let port = 1; port <= 1025; port += 1)
    connectionIds.set(ms(0), { ip: "192.0.2.1", port }, BigInt(port));
  equal(connectionIds.get(ms(1), { ip: "192.0.2.1", port: 1 }), undefined);
  equal(connectionIds.get(ms(1), { ip: "192.0.2.1", port: 2 })?.connectionId, 2n);
  connectionIds.clear();
  equal(connectionIds.get(ms(1), { ip: "192.0.2.1", port: 2 }), undefined);
});

test("chance decides only the transaction ids", () => {
  const sent = (seed: number): string => {
    const options = { endpoint, question: { type: "announce", announce, urlData: "" } as const };
    const exchange = new UdpExchange({
      ...options,
      connectionIds: new ConnectionIds(),
      prng: new Prng(seed),
    });
    exchange.handle(ms(0), { type: "start" });
    const output = exchange.poll();
    return output?.type === "send" ? hex(output.bytes) : "";
  };
  equal(sent(1), sent(1));
  equal(sent(1).slice(0, 24), sent(2).slice(0, 24));
  ok(sent(1) !== sent(2));
});
