import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { seconds } from "@dure/base";
import { Limits, nodeLimitsDefault } from "../session/index.ts";
import { Lab, type LabNode } from "../testing/lab.ts";
import { infoOf } from "../testing/torrents.ts";

const mib = 1 << 20;

test("a seed and ten leechers: everyone finishes, in little more time than the seed's line needs", () => {
  const info = infoOf({ pieces: 64, pieceBytes: 4 * 16_384 }); // 4 MiB
  const lab = new Lab(info);
  const seed = lab.add("seed", { have: "all", upBytesPerSecond: mib });
  const leechers = Array.from({ length: 10 }, (_, index) =>
    lab.add(`leecher ${index}`, { upBytesPerSecond: mib }),
  );
  for (const [index, leecher] of leechers.entries())
    lab.introduce(leecher, seed, ...leechers.slice(0, index));
  lab.run(seconds(60));
  for (const leecher of leechers)
    ok(leecher.torrent.complete, `${leecher.name} ${leecher.torrent.ready?.picker.wantedLeft}`);
  const last = Math.max(...leechers.map(({ done }) => done.at ?? Number.POSITIVE_INFINITY));
  ok(last < 25_000, `the last one is done after ${last} ms; one copy takes 4 s`);
  ok(seed.torrent.uploaded < 20 * mib, `the seed gave ${seed.torrent.uploaded / mib} MiB of 40`);
});

test("from an info-hash alone: the metadata comes from peers, then the pieces (BEP 9)", () => {
  const info = infoOf({ pieces: 2000, pieceBytes: 16_384 }); // metadata of three pieces
  const lab = new Lab(info);
  const seed = lab.add("seed", { have: "all", upBytesPerSecond: 20 * mib });
  const other = lab.add("other", { have: [0, 5, 1999] });
  const magnet = lab.add("magnet", { magnet: true });
  lab.introduce(magnet, seed, other);
  lab.run(seconds(30));
  ok(magnet.torrent.ready !== undefined);
  ok(magnet.torrent.complete, `${magnet.torrent.ready?.picker.wantedLeft} left`);
});

/** Bytes a second from 5 s to 35 s. */
function measured(lab: Lab, leecher: LabNode): number {
  lab.run(seconds(5));
  const before = leecher.torrent.downloaded;
  lab.run(seconds(30));
  return (leecher.torrent.downloaded - before) / 30;
}

const rates = [50_000, 500_000, 2_000_000];

for (const [what, shapes] of [
  ["the torrent's download rate", (rate: number) => [{}, { limits: { downRateMax: rate } }]],
  ["the torrent's upload rate", (rate: number) => [{ limits: { upRateMax: rate } }, {}]],
  [
    "the node's download rate",
    (rate: number) => [{}, { node: new Limits({ ...nodeLimitsDefault, downRateMax: rate }) }],
  ],
  [
    "the node's upload rate",
    (rate: number) => [{ node: new Limits({ ...nodeLimitsDefault, upRateMax: rate }) }, {}],
  ],
] as const) {
  test(`${what} is kept within a tenth, and used to nine tenths`, () => {
    for (const rate of rates) {
      const lab = new Lab(infoOf({ pieces: 500, pieceBytes: 16 * 16_384 }), 20);
      const [above, below] = shapes(rate);
      const seed = lab.add("seed", { have: "all", ...above });
      const leecher = lab.add("leecher", below);
      lab.introduce(leecher, seed);
      const found = measured(lab, leecher);
      ok(Math.abs(found / rate - 1) < 0.1, `${what} of ${rate}: ${Math.round(found)}`);
    }
  });
}

test("one limit is shared by all peers of a torrent", () => {
  const lab = new Lab(infoOf({ pieces: 500, pieceBytes: 16 * 16_384 }), 20);
  const leecher = lab.add("leecher", { limits: { downRateMax: 300_000 } });
  for (let index = 0; index < 6; index += 1)
    lab.introduce(leecher, lab.add(`seed ${index}`, { have: "all" }));
  const found = measured(lab, leecher);
  ok(Math.abs(found / 300_000 - 1) < 0.1, `${Math.round(found)}`);
});

test("connections are limited by the torrent and by the node, dialled and accepted alike", () => {
  for (const outgoing of [true, false]) {
    for (const byNode of [true, false]) {
      const limit = { connectionsMax: 5 };
      const lab = new Lab(infoOf({ pieces: 100 }));
      const node = new Limits({ ...nodeLimitsDefault, ...(byNode ? limit : {}) });
      const hub = lab.add("hub", { node, ...(byNode ? {} : { limits: limit }) });
      const others = Array.from({ length: 12 }, (_, index) => lab.add(`peer ${index}`, { have: [index] }));
      if (outgoing) lab.introduce(hub, ...others);
      else for (const other of others) lab.introduce(other, hub);
      let most = 0;
      lab.run(seconds(30), () => {
        most = Math.max(most, hub.torrent.peers.size);
      });
      equal(most, 5);
      equal(node.connections, hub.torrent.peers.size);
    }
  }
});

test("two peers that dial each other at once keep one connection, not none", () => {
  const info = infoOf({ pieces: 40 });
  const lab = new Lab(info);
  const a = lab.add("a", { have: [0, 1, 2] });
  const b = lab.add("b", { have: [3, 4, 5] });
  lab.introduce(a, b);
  lab.introduce(b, a);
  lab.run(seconds(3));
  equal(a.torrent.peers.size, 1);
  equal(b.torrent.peers.size, 1);
  equal([...a.torrent.peers.values()][0]?.facts.incoming, ![...b.torrent.peers.values()][0]?.facts.incoming);
  ok(a.torrent.ready?.picker.have.has(4) && b.torrent.ready?.picker.have.has(1));
});

test("whatever was opened is closed: counts of connections and dials return to none", () => {
  const lab = new Lab(infoOf({ pieces: 40 }));
  const node = new Limits(nodeLimitsDefault);
  const hub = lab.add("hub", { node });
  const others = Array.from({ length: 8 }, (_, index) => lab.add(`peer ${index}`, { have: [index] }));
  lab.introduce(hub, ...others, { ...(others[0] as LabNode), address: { ip: "203.0.113.9", port: 1 } });
  lab.run(15); // dials are under way
  lab.tell(hub, { type: "pause" });
  lab.run(seconds(2));
  equal(node.halfOpen + node.connections, 0);
  lab.tell(hub, { type: "resume" });
  lab.run(seconds(60));
  ok(node.connections > 0);
  lab.tell(hub, { type: "stop" });
  lab.run(seconds(2));
  equal(node.halfOpen + node.connections, 0);
  equal(hub.torrent.limits.connections, 0);
});
