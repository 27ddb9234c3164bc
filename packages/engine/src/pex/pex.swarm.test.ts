import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { seconds } from "@dure/base";
import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  encodePex,
  pexFlagsOf,
  pexName,
} from "@dure/protocol";
import { Lab } from "../testing/lab.ts";
import { Stage } from "../testing/puppet.ts";
import { haveOf, infoOf, type TorrentShape, torrentOf } from "../testing/torrents.ts";

const half = { pieces: 40, have: [0, 1, 2, 3] };

function chain(shape: { private?: boolean; pex?: boolean } = {}) {
  const lab = new Lab(infoOf({ pieces: half.pieces, private: shape.private ?? false }));
  const off: TorrentShape = shape.pex === false ? { pex: false } : {};
  const [a, b, c] = ["a", "b", "c"].map((name, index) => lab.add(name, { have: [index], ...off }));
  if (a === undefined || b === undefined || c === undefined) throw new Error("three were added");
  lab.introduce(a, b);
  lab.introduce(c, a);
  return { lab, a, b, c, meets: () => c.torrent.peers.size === 2 };
}

test("A knows B, and C knows only A: within ten seconds C finds B", () => {
  const { lab, c, meets } = chain();
  lab.run(seconds(1));
  equal(c.torrent.peers.size, 1);
  lab.run(seconds(9));
  ok(meets());
  equal(c.torrent.book.stats().bySource.pex.known >= 1, true);
});

test("with peer exchange switched off, or in a private torrent, C never finds B (BEP 27)", () => {
  for (const shape of [{ pex: false }, { private: true }]) {
    const { lab, meets } = chain(shape);
    lab.run(seconds(300));
    equal(meets(), false);
  }
});

test("a chain of twenty becomes a swarm in which everyone knows everyone within five minutes", () => {
  const lab = new Lab(infoOf({ pieces: 200 }));
  const nodes = Array.from({ length: 20 }, (_, index) => lab.add(`peer ${index}`, { have: [index] }));
  for (const [index, node] of nodes.entries()) {
    const before = nodes[index - 1];
    if (before !== undefined) lab.introduce(node, before);
  }
  lab.run(seconds(300));
  for (const { name, torrent } of nodes) equal(torrent.peers.size, 19, name);
});

test("ut_pex is offered in the extension handshake of a public torrent alone, and not when switched off", () => {
  const offers = (shape: TorrentShape & { private?: boolean }) => {
    const stage = new Stage(torrentOf(infoOf({ pieces: 4, private: shape.private ?? false }), shape));
    stage.join("x", { extended: true });
    return handshakes(stage).map((m) => m.get(pexName));
  };
  deepEqual(offers({}), [4]);
  deepEqual(offers({ magnet: true }), [4]);
  deepEqual(offers({ private: true }), [undefined]);
  deepEqual(offers({ pex: false }), [undefined]);
});

test("a private torrent takes no gossip: what comes under ut_pex's number all the same is not read", () => {
  for (const shape of [{ private: true }, { pex: false }]) {
    const stage = new Stage(torrentOf(infoOf({ pieces: 4, private: shape.private ?? false }), shape));
    const rude = stage.join("rude", { extended: true }).say(gossip(9));
    rude.say({ type: "extended", id: 4, payload: Uint8Array.of(0x69) });
    stage.tell({ type: "add-peers", addresses: [{ ip: "203.0.113.1", port: 6881 }], source: "user" });
    equal(rude.closed, undefined);
    deepEqual(
      stage.taken().filter((line) => line.startsWith("connect")),
      ["connect 203.0.113.1"],
    );
  }
  const stage = new Stage(torrentOf(infoOf({ pieces: 4, private: true })));
  for (const source of ["lsd", "dht"] as const)
    stage.tell({ type: "add-peers", addresses: [{ ip: "203.0.113.2", port: 6881 }], source });
  deepEqual(stage.taken(), []);
});

test("a magnet link whose metadata says private takes its offer back, and lets go whom gossip named", () => {
  const info = infoOf({ pieces: 4, private: true });
  const stage = new Stage(torrentOf(info, { magnet: true }));
  const tracker = { ip: "203.0.113.1", port: 6881 };
  const rumour = { ip: "203.0.113.9", port: 6881 };
  const incoming = stage.join("in", { extended: true }).say(gossip(9, 10));
  stage.later(seconds(1));
  stage.tell({ type: "add-peers", addresses: [tracker], source: "user" });
  const named = stage.join("named", { extended: true, incoming: false, address: tracker });
  const gossiped = stage.join("gossiped", { extended: true, incoming: false, address: rumour });
  stage.taken();
  stage.torrent.setReady(stage.now, { info, have: haveOf(info, []), partial: [], files: undefined });
  stage.drain();
  equal(gossiped.closed, "private");
  deepEqual([incoming.closed, named.closed], [undefined, undefined]);
  deepEqual(
    handshakes(stage)
      .slice(-2)
      .map((m) => m.get(pexName)),
    [0, 0],
  );
  equal(stage.torrent.book.stats().bySource.pex.known, 0);
  incoming.say(gossip(11));
  equal(stage.torrent.book.stats().bySource.pex.known, 0);
});

test("a peer is told of who is there: dialled ones, and incoming ones once they have said where they listen", () => {
  const stage = new Stage(torrentOf(infoOf({ pieces: 4 })));
  const hello = (p?: number) => ({
    type: "extended" as const,
    id: 0,
    payload: encodeExtensionHandshake({ m: { [pexName]: 7 }, ...(p === undefined ? {} : { p }) }),
  });
  const x = stage.join("x", { extended: true }).say(hello());
  stage.join("dialled", { extended: true, incoming: false }).say(hello());
  stage.join("listens", { extended: true }).say(hello(7001), { type: "have-all" });
  stage.join("silent", { extended: true });
  stage.later(seconds(5));
  const told = stage.outputs.flatMap((output) =>
    output.type === "send" &&
    output.link === x.link &&
    output.message.type === "extended" &&
    output.message.id === 7
      ? [output.message.payload]
      : [],
  );
  const expected = encodePex({
    added: [
      { address: { ip: "192.0.2.2", port: 6881 }, flags: pexFlagsOf(0x10) },
      { address: { ip: "192.0.2.3", port: 7001 }, flags: pexFlagsOf(0x02) },
    ],
    dropped: [],
  });
  deepEqual(told, [expected]);
});

test("privileged ports that gossip names are not dialled; hints are kept", () => {
  const stage = new Stage(torrentOf(infoOf({ pieces: 4 })));
  const [low, high] = [80, 6881].map((port) => ({ ip: `203.0.113.${port & 255}`, port }));
  if (low === undefined || high === undefined) throw new Error("two ports were given");
  const added = [low, high].map((address) => ({ address, flags: pexFlagsOf(0x06) }));
  stage
    .join("x", { extended: true })
    .say({ type: "extended", id: 4, payload: encodePex({ added, dropped: [] }) });
  stage.later(seconds(2));
  deepEqual(
    stage.taken().filter((line) => line.startsWith("connect")),
    [`connect ${high.ip}`],
  );
  const hints = { seed: true, utp: true, prefersEncryption: false, holepunch: false };
  deepEqual(stage.torrent.book.hints(high), hints);
});

test("a flood of gossip ends the link, and so does nonsense", () => {
  const stage = new Stage(torrentOf(infoOf({ pieces: 4 })));
  const flood = stage.join("flood", { extended: true });
  for (let index = 0; index < 8; index += 1) flood.say(gossip(index + 1));
  equal(flood.closed, "flood");
  equal(stage.torrent.book.stats().bySource.pex.known, 2);
  const nonsense = stage.join("nonsense", { extended: true });
  equal(nonsense.say({ type: "extended", id: 4, payload: Uint8Array.of(0x69) }).closed, "bad-message");
});

function gossip(...hosts: readonly number[]) {
  const added = hosts.map((host) => ({
    address: { ip: `203.0.113.${host}`, port: 6881 },
    flags: pexFlagsOf(0),
  }));
  return { type: "extended" as const, id: 4, payload: encodePex({ added, dropped: [] }) };
}

function handshakes(stage: Stage): ReadonlyMap<string, number>[] {
  return stage.outputs.flatMap((output) => {
    if (output.type !== "send" || output.message.type !== "extended" || output.message.id !== 0) return [];
    const decoded = decodeExtensionHandshake(output.message.payload);
    return decoded.ok ? [decoded.value.m] : [];
  });
}
