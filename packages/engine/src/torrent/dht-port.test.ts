import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { seconds } from "@dure/base";
import { Stage } from "../testing/puppet.ts";
import { infoOf, type TorrentShape, torrentOf } from "../testing/torrents.ts";

function stageOf(shape: TorrentShape & { private?: boolean } = {}): Stage {
  const info = infoOf({ pieces: 4, private: shape.private ?? false });
  return new Stage(torrentOf(info, { dht: true, ...shape }));
}

const nodesOf = (stage: Stage) =>
  stage.outputs.flatMap((output) => (output.type === "dht-node" ? [output.address] : []));

test("peers that take part in the DHT are told our port there, the others are not (BEP 5)", () => {
  const stage = stageOf();
  stage.join("a", { dht: true });
  stage.join("b");
  deepEqual(stage.taken(/have-none/), ["a < port"]);
  equal(
    stage.outputs.some((output) => output.type === "send" && output.message.type === "port"),
    true,
  );
});

test("a peer's port of the DHT is passed on, once a connection, and none that nobody could ask", () => {
  const stage = stageOf();
  const a = stage.join("a", { dht: true });
  for (let port = 7000; port < 7050; port += 1) a.say({ type: "port", port });
  stage.join("b").say({ type: "port", port: 0 });
  deepEqual(nodesOf(stage), [{ ip: "192.0.2.1", port: 7000 }]);
});

test("without a DHT of ours nothing is told and nothing heard", () => {
  const stage = stageOf({ dht: false });
  stage.join("a", { dht: true }).say({ type: "port", port: 7000 });
  deepEqual(stage.taken(/have-none/), []);
  deepEqual(nodesOf(stage), []);
});

test("peers of a private torrent are told nothing of the DHT, and not believed about it (BEP 27)", () => {
  const stage = stageOf({ private: true });
  stage.join("a", { dht: true }).say({ type: "port", port: 7000 });
  deepEqual(stage.taken(/have-none/), []);
  deepEqual(nodesOf(stage), []);
});

test("peers of the DHT are taken by every torrent but a private one", () => {
  const addresses = [{ ip: "198.51.100.1", port: 6881 }];
  for (const isPrivate of [false, true]) {
    const stage = stageOf({ private: isPrivate });
    stage.tell({ type: "add-peers", addresses, source: "dht" });
    deepEqual(stage.taken(), isPrivate ? [] : ["connect 198.51.100.1"]);
    equal(stage.torrent.discoverable, !isPrivate);
  }
});

test("a download without anybody to try is hungry; a paused or complete one is not", () => {
  const stage = stageOf();
  equal(stage.torrent.hungry(stage.now), true);
  stage.tell({ type: "add-peers", addresses: [{ ip: "198.51.100.1", port: 6881 }], source: "dht" });
  equal(stage.torrent.hungry(stage.now), true, "it is being tried");
  for (let index = 0; index < 10; index += 1) stage.join(`peer ${index}`);
  equal(stage.torrent.hungry(stage.now), false);
  stage.tell({ type: "pause" });
  stage.later(seconds(1));
  equal(stage.torrent.hungry(stage.now), false);
  equal(stageOf({ have: "all" }).torrent.hungry(stage.now), false);
});
