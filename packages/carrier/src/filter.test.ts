import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { must, Prng, seconds } from "@dure/base";
import { encodeKrpc } from "@dure/protocol";
import type { HostEffect } from "./ports/index.ts";
import { CarrierStage } from "./testing/stage.ts";

/** A stage whose list of addresses can be changed, as a file is read anew. */
function stageOf(
  listed: readonly string[],
  shape: Partial<ConstructorParameters<typeof CarrierStage>[0]> = {},
) {
  const list = new Set(listed);
  const stage = new CarrierStage({ pieces: 4, blocks: 2, filtered: (ip) => list.has(ip), ...shape });
  const relist = (...ips: readonly string[]) => {
    list.clear();
    for (const ip of ips) list.add(ip);
    stage.carrier.filterChanged(stage.now);
    stage.drain();
  };
  return { stage, relist };
}

function effects<Type extends HostEffect["type"]>(stage: CarrierStage, type: Type) {
  return stage.effects.flatMap((effect) =>
    effect.type === type ? [effect as Extract<HostEffect, { type: Type }>] : [],
  );
}

const dialled = (stage: CarrierStage) => effects(stage, "tcp-connect").map(({ remote }) => remote.ip);

test("a filtered peer is closed before a byte of it is read; another is answered", () => {
  const { stage } = stageOf(["192.0.2.1"]);
  const filtered = stage.dial();
  ok(filtered.closed);
  equal(stage.carrier.linkCount, 0);
  deepEqual(effects(stage, "tcp-write"), []);
  equal(stage.join().greeting?.infoHash, stage.key.infoHash);
});

test("a filtered address is not dialled, whoever named it, the user included", () => {
  const { stage } = stageOf(["198.51.100.1", "127.0.0.1"]);
  for (const source of ["user", "magnet", "resume", "lsd", "dht"] as const) {
    const addresses = ["198.51.100.1", "127.0.0.1"].map((ip) => ({ ip, port: 7000 }));
    stage.carrier.turn(stage.now, () =>
      stage.torrent.input(stage.now, { type: "add-peers", addresses, source }),
    );
  }
  const addresses = [{ ip: "198.51.100.2", port: 7000 }];
  stage.carrier.turn(stage.now, () =>
    stage.torrent.input(stage.now, { type: "add-peers", addresses, source: "dht" }),
  );
  stage.drain();
  stage.later(seconds(300));
  deepEqual([...new Set(dialled(stage))], ["198.51.100.2"]);
});

test("when the list changes, links to whom it names now end: open ones, those that greet and those being made", () => {
  const { stage, relist } = stageOf([]);
  const addresses = [{ ip: "198.51.100.9", port: 7000 }];
  stage.carrier.turn(stage.now, () =>
    stage.torrent.input(stage.now, { type: "add-peers", addresses, source: "user" }),
  );
  stage.drain();
  deepEqual(dialled(stage), ["198.51.100.9"]);
  const [open, greeting, other] = [stage.join(), stage.dial(), stage.join()];
  relist("192.0.2.1", "192.0.2.2", "198.51.100.9");
  deepEqual([open.closed, greeting.closed, other.closed], [true, true, false]);
  equal(stage.carrier.linkCount, 1);
  equal(stage.torrent.engine.limits.halfOpen, 0);
  stage.later(seconds(600));
  equal(dialled(stage).length, 1, "it was forgotten too");
  relist();
  ok(!stage.join({ id: 77 }).closed, "nobody is filtered any more");
});

test("the DHT neither hears filtered nodes nor asks them; trackers are not filtered", () => {
  const node = (index: number) => ({ ip: `203.0.113.${index}`, port: 6881 });
  const { stage } = stageOf(["203.0.113.1"], {
    lsd: false,
    trackers: ["udp://203.0.113.1:80/announce"],
    dht: { bootstrap: [], tokenSecret: new Uint8Array(32).fill(5), prng: new Prng(4) },
  });
  stage.later(seconds(1));
  const before = effects(stage, "udp-send").length;
  const ping = (index: number) => {
    const id = new Uint8Array(20).fill(index);
    const common = { transaction: Uint8Array.of(1), version: undefined, readOnly: false, seenAs: undefined };
    const bytes = encodeKrpc({ kind: "query", id, ...common, body: { type: "ping" } });
    stage.tell({ type: "udp-data", from: node(index), bytes });
  };
  ping(1);
  equal(effects(stage, "udp-send").length, before);
  ping(2);
  ok(effects(stage, "udp-send").some(({ to }) => to.ip === "203.0.113.2"));
  const dht = must(stage.carrier.dht, "it has a DHT");
  stage.carrier.turn(stage.now, () => dht.addNodes(stage.now, [node(1), node(3)]));
  stage.drain();
  stage.later(seconds(10));
  const krpcTo = new Set(
    effects(stage, "udp-send").flatMap(({ to, bytes }) => (bytes[0] === 0x64 ? [to.ip] : [])),
  );
  deepEqual([...krpcTo].sort(), ["203.0.113.2", "203.0.113.3"]);
  const told = effects(stage, "udp-send").filter(
    ({ to, bytes }) => to.ip === "203.0.113.1" && bytes[0] !== 0x64,
  );
  ok(told.length > 0, "its tracker is the user's choice");
});
