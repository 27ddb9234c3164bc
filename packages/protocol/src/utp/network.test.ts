import { deepEqual, ok } from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "@dure/base";
import { path } from "./testing/path.ts";
import { RenoFlow } from "./testing/reno-flow.ts";
import { Transfer } from "./testing/transfer.ts";
import { VirtualHost } from "./testing/virtual-host.ts";
import { Link, type LinkOptions, Timeline } from "./testing/virtual-network.ts";

const mebibyte = 1024 * 1024;
// One more seed:  DURE_UTP_SEED=7 node --test packages/protocol/src/utp/network.test.ts
const seed = Number(process.env.DURE_UTP_SEED ?? 1);

/** Carries so many bytes over a path and says how many virtual seconds it took. */
function carry(
  total: number,
  link: LinkOptions,
  within: number,
  options: Parameters<typeof path>[2] = {},
): number {
  const { timeline, a, b } = path(seed, link, options);
  const transfer = new Transfer(a, b, { total });
  timeline.runUntil(() => transfer.ended !== undefined, within * 1000);
  const replay = `replay: DURE_UTP_SEED=${seed}`;
  deepEqual([transfer.ended, transfer.received, transfer.wrong], ["end", total, 0], replay);
  timeline.runUntil(() => false, timeline.now + 60_000);
  deepEqual([a.endpoint.connectionsCount, b.endpoint.connectionsCount], [0, 0], "both ends forget it");
  deepEqual([a.endpoint.reorderBytes, b.endpoint.reorderBytes], [0, 0], "and what it kept");
  return timeline.now / 1000;
}

test("bytes arrive as they were sent over a clean path", () => {
  carry(4 * mebibyte, { delay: 20 }, 5);
});

test("bytes arrive as they were sent where packets are lost, overtaken and doubled", () => {
  const chance = new Prng(seed, "paths");
  for (let round = 0; round < 12; round += 1) {
    carry(
      mebibyte / 4,
      {
        delay: chance.below(60),
        jitter: chance.below(40),
        loss: chance.float() * 0.3,
        duplicates: chance.float() * 0.2,
        mtu: chance.between(576, 1500),
      },
      400,
    );
  }
});

test("4 MiB arrive within 75 s where 30 % are lost each way", () => {
  carry(4 * mebibyte, { delay: 1, loss: 0.3 }, 75);
});

test("what was written before the end is delivered, however long it takes", () => {
  carry(2 * mebibyte, { delay: 20, loss: 0.3 }, 100);
});

test("where packets overtake one another, they are not taken for lost for long", () => {
  carry(2 * mebibyte, { delay: 20, jitter: 30, duplicates: 0.1 }, 20);
});

test("the largest packet a path carries is found, and what is larger than that is never waited for", () => {
  for (const mtu of [576, 700, 1000, 1280, 1499, 1500]) {
    const { timeline, a, b } = path(seed, { delay: 10, mtu });
    const transfer = new Transfer(a, b, { total: 8 * mebibyte });
    timeline.runUntil(() => transfer.received > 6 * mebibyte, 30_000);
    const packetBytes = a.endpoint.figures(2)?.packetBytes ?? 0;
    ok(packetBytes <= mtu - 28 && packetBytes >= mtu - 28 - 16, `${packetBytes} of ${mtu}`);
  }
});

test("a clock that runs off by 200 millionths takes nothing of the rate", () => {
  const bottleneck = { delay: 20, rate: 1250, queueBytesMax: 256 * 1024 };
  const right = carry(16 * mebibyte, bottleneck, 30);
  for (const drift of [0.9998, 1.0002]) {
    const off = carry(16 * mebibyte, bottleneck, 30, { a: { drift } });
    ok(off < right * 1.1, `${off} s and ${right} s`);
  }
});

test("what nobody reads is not sent, and is sent when somebody does", () => {
  const { timeline, a, b } = path(seed, { delay: 5 }, { b: { receiveBytesMax: 64 * 1024 } });
  let incoming = -1;
  let unread = 0;
  let received = 0;
  b.onOutput = (output) => {
    if (output.type === "incoming") incoming = output.connection;
    if (output.type !== "data") return;
    unread += output.bytes.length;
    received += output.bytes.length;
  };
  a.onOutput = (output) => {
    if (output.type !== "opened") return;
    a.handle({ type: "write", connection: 2, bytes: new Uint8Array(mebibyte), more: false });
  };
  a.handle({ type: "connect", connection: 2, remote: b.address });
  timeline.runUntil(() => false, 300_000);
  ok(unread > 60 * 1024 && unread <= 64 * 1024, `${unread} bytes`);
  const packetsBefore = a.sentPackets;
  timeline.runUntil(() => false, 600_000);
  ok(a.sentPackets - packetsBefore < 200, "a closed window is asked now and then");
  const done = () => {
    if (unread > 0) b.handle({ type: "consumed", connection: incoming, bytes: unread });
    unread = 0;
    return received === mebibyte;
  };
  ok(timeline.runUntil(done, 630_000), `${received} bytes`);
});

test("two flows share a bottleneck, whether they begin together or not", () => {
  for (const [queueBytesMax, later] of [
    [256 * 1024, 0],
    [40 * 1024, 10_000],
  ] as const) {
    const { timeline, pair } = bottleneck({ delay: 20, rate: 1250, queueBytesMax });
    const first = pair(1);
    timeline.runUntil(() => false, later);
    const second = pair(2);
    timeline.runUntil(() => false, later + 20_000);
    const before = [first.received, second.received] as const;
    timeline.runUntil(() => false, later + 80_000);
    const share = (first.received - before[0]) / (second.received - before[1]);
    ok(share > 0.8 && share < 1.25, `${share} with ${queueBytesMax} bytes of queue`);
    const used = (first.received + second.received - before[0] - before[1]) / (60_000 * 1250);
    ok(used > 0.85, `${used} of the path used`);
  }
});

test("a TCP-like flow keeps its rate beside uTP", () => {
  for (const queueBytesMax of [256 * 1024, 512 * 1024]) {
    const rate = (withUtp: boolean) => {
      const { timeline, pair, forth, back } = bottleneck({ delay: 20, rate: 1250, queueBytesMax });
      const reno = new RenoFlow(timeline, forth, back);
      if (withUtp) pair(1);
      timeline.runUntil(() => false, 60_000);
      return reno.receivedBytes / 60_000;
    };
    const alone = rate(false);
    const beside = rate(true);
    ok(alone > 0.8 * 1250, `${alone} alone`);
    ok(beside > 0.8 * alone, `${beside} of ${alone}`);
  }
});

/** A narrow way that several pairs of hosts share. */
function bottleneck(link: LinkOptions) {
  const timeline = new Timeline();
  const prng = new Prng(seed);
  const forth = new Link(timeline, prng, link);
  const back = new Link(timeline, prng, { delay: link.delay ?? 0 });
  const pair = (port: number) => {
    const a = new VirtualHost(timeline, { ip: "10.0.0.1", port }, { offset: 1e6 });
    const b = new VirtualHost(timeline, { ip: "10.0.0.2", port });
    a.route(b, forth);
    b.route(a, back);
    return new Transfer(a, b, { total: 1e9 });
  };
  return { timeline, pair, forth, back };
}
