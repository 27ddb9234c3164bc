import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { type Address, formatAddress, hex, minutes, must, Prng, seconds } from "@dure/base";
import {
  decodeKrpc,
  encodeKrpc,
  type KrpcMessage,
  type KrpcQuery,
  type LookupReport,
  writeNodes,
} from "@dure/protocol";
import type { DhtDeskOptions } from "./dht-options.ts";
import type { HostEffect } from "./ports/index.ts";
import { CarrierStage, type StageShape } from "./testing/stage.ts";

const nodeAt: Address = { ip: "198.51.100.9", port: 6881 };
const nodeId = new Uint8Array(20).fill(9);
const target = new Uint8Array(20).fill(3);

function stageOf(dht: Partial<DhtDeskOptions> = {}, shape: Partial<StageShape> = {}): CarrierStage {
  const options = { bootstrap: [], tokenSecret: new Uint8Array(32).fill(5), prng: new Prng(4), ...dht };
  return new CarrierStage({ pieces: 4, blocks: 2, lsd: false, dht: options, ...shape });
}

/** A stage, and a node in its network that answers everything it is asked, knows nobody else and takes announces. */
class World {
  readonly stage: CarrierStage;
  readonly asked: KrpcQuery[] = [];
  #seen = 0;

  constructor(shape: Partial<StageShape> = {}) {
    this.stage = stageOf({ bootstrap: [{ host: nodeAt.ip, port: nodeAt.port }] }, shape);
    this.later(seconds(3));
  }

  get getPeers(): number {
    return this.asked.filter(({ body }) => body.type === "get-peers").length;
  }

  turn(act: (stage: CarrierStage) => void): void {
    this.stage.carrier.turn(this.stage.now, () => act(this.stage));
    this.stage.drain();
  }

  later(duration: number): void {
    this.#answer();
    this.stage.later(duration, () => this.#answer());
  }

  #answer(): void {
    const { effects: all } = this.stage;
    for (; this.#seen < all.length; this.#seen += 1) {
      const effect = all[this.#seen];
      if (effect?.type !== "udp-send" || formatAddress(effect.to) !== formatAddress(nodeAt)) continue;
      const message = decodeKrpc(effect.bytes);
      if (!message.ok || message.value.kind !== "query") continue;
      this.asked.push(structuredClone(message.value));
      const { transaction } = message.value;
      const body = { nodes: new Uint8Array(0), token: Uint8Array.of(1, 2) };
      const common = { id: nodeId, transaction, version: undefined, seenAs: undefined };
      const bytes = encodeKrpc({ kind: "response", ...common, body });
      this.stage.tell({ type: "udp-data", from: nodeAt, bytes });
    }
  }
}

function effects<Type extends HostEffect["type"]>(stage: CarrierStage, type: Type) {
  return stage.effects.flatMap((effect) =>
    effect.type === type ? [effect as Extract<HostEffect, { type: Type }>] : [],
  );
}

function said(stage: CarrierStage): KrpcMessage[] {
  return effects(stage, "udp-send").flatMap(({ bytes }) => {
    const message = decodeKrpc(bytes);
    return message.ok ? [message.value] : [];
  });
}

const dhtOf = (stage: CarrierStage) => must(stage.carrier.dht, "it has a DHT");

function ping(number: number): Uint8Array {
  const transaction = Uint8Array.of(number, 1);
  const common = { id: new Uint8Array(20).fill(number), transaction, version: undefined, readOnly: false };
  return encodeKrpc({ kind: "query", ...common, body: { type: "ping" } });
}

const pings = (stage: CarrierStage) =>
  said(stage).flatMap((message) => (message.kind === "response" ? [message.transaction[0]] : []));

test("datagrams that begin with a d are the DHT's, all others the trackers'", () => {
  const stage = stageOf({}, { trackers: ["udp://198.51.100.77:6969"] });
  const trackerAt = { ip: "198.51.100.77", port: 6969 };
  const connects = effects(stage, "udp-send").filter(({ to }) => to.ip === trackerAt.ip);
  equal(connects.length, 1);
  stage.tell({ type: "udp-data", from: trackerAt, bytes: ping(1) });
  deepEqual(pings(stage), [1], "who asks the DHT is answered by it, wherever it is");
  const reply = new Uint8Array(16);
  reply.set(must(connects[0], "it was asked").bytes.subarray(12, 16), 4);
  stage.tell({ type: "udp-data", from: trackerAt, bytes: reply });
  equal(
    effects(stage, "udp-send").filter(({ to }) => to.ip === trackerAt.ip).length,
    3,
    "and the tracker is told",
  );
});

test("without a DHT its datagrams mean nothing", () => {
  const stage = new CarrierStage({ pieces: 4, blocks: 2, lsd: false });
  stage.tell({ type: "udp-data", from: nodeAt, bytes: ping(1) });
  equal(effects(stage, "udp-send").length, 0);
  equal(stage.join({ dht: true }).greeting?.dht, false);
});

test("what is asked while the saved tables are read is answered then, as far as there is room", () => {
  const stage = stageOf({ answerRate: 1e6 }, { holdState: true });
  for (let number = 1; number <= 100; number += 1)
    stage.tell({ type: "udp-data", from: { ip: `198.51.100.${number}`, port: 1000 }, bytes: ping(number) });
  equal(said(stage).length, 0);
  stage.answerState();
  equal(pings(stage).length, 64);
});

test("the nodes of last time are asked first; what is known is saved after a minute, and then every ten", () => {
  const nodes = writeNodes([{ id: nodeId, address: nodeAt }], 4);
  const stage = stageOf({}, { dhtTables: [{ family: 4, id: new Uint8Array(20).fill(8), nodes }] });
  deepEqual(hex(dhtOf(stage).status(stage.now)?.endpoints[0]?.id ?? nodeId), "08".repeat(20));
  equal(formatAddress(must(effects(stage, "udp-send")[0], "it is asked").to), formatAddress(nodeAt));
  const world = new World();
  const saves = () => world.stage.stateJobs.filter(({ type }) => type === "save-dht");
  equal(saves().length, 0);
  world.later(minutes(1));
  equal(saves().length, 1);
  world.later(minutes(21));
  equal(saves().length, 3);
  const [job] = saves();
  ok(job?.type === "save-dht");
  deepEqual(
    job.tables.map(({ family, nodes: kept }) => [family, hex(kept)]),
    [[4, hex(nodes)]],
  );
});

test("an empty table does not take the place of the one that was saved", () => {
  const stage = stageOf();
  stage.later(minutes(30));
  stage.carrier.turn(stage.now, () => dhtOf(stage).stop(stage.now));
  stage.drain();
  equal(stage.stateJobs.filter(({ type }) => type === "save-dht").length, 0);
});

test("a database that fails is told of once, and is no reason to stop", () => {
  const world = new World();
  world.stage.failState = true;
  world.later(minutes(40));
  deepEqual(
    world.stage.dhtReports
      .filter(({ type }) => type === "warning")
      .map((report) => "code" in report && report.code),
    ["dht-state"],
  );
});

test("bootstrap names are looked up with growing waits until the node is ready, and told of once when nobody has them", () => {
  const stage = stageOf({ bootstrap: [{ host: "router.example", port: 6881 }] });
  const lookups = () => effects(stage, "resolve");
  const at: number[] = [];
  stage.watch = () => {
    if (stage.effects.at(-1)?.type === "resolve") at.push(stage.now / 1000);
  };
  deepEqual(
    lookups().map(({ host, family, trust }) => [host, family, trust]),
    [["router.example", 4, "any"]],
  );
  const fail = () => {
    for (const { request } of lookups())
      stage.tell({ type: "resolve-failed", request, reason: "name-not-found" });
  };
  fail();
  stage.later(seconds(80), fail);
  deepEqual(at, [5, 15, 35, 75]);
  equal(stage.dhtReports.length, 1);
  const { request } = must(lookups().at(-1), "it is looked up");
  ok(request < 0, "trackers have the positive numbers");
});

test("a name's addresses are asked", () => {
  const stage = stageOf({ bootstrap: [{ host: "router.example", port: 6881 }] });
  const { request } = must(effects(stage, "resolve")[0], "it is looked up");
  stage.tell({ type: "resolved", request, ips: [nodeAt.ip] });
  stage.later(seconds(1));
  ok(effects(stage, "udp-send").some(({ to }) => formatAddress(to) === formatAddress(nodeAt)));
});

test("a question waits for the node to be ready, eight seconds at most, and then ends with nothing", () => {
  const stage = stageOf();
  const answers: (LookupReport | string)[] = [];
  const ask = () =>
    stage.carrier.turn(stage.now, () =>
      dhtOf(stage).ask(stage.now, { type: "find-node", target }, (answer) =>
        answers.push(answer.type === "done" ? answer.report : answer.type),
      ),
    );
  ask();
  const second = ask();
  stage.carrier.turn(stage.now, () => dhtOf(stage).cancel(stage.now, second));
  equal(answers.length, 1);
  stage.later(seconds(7));
  equal(answers.length, 1);
  stage.later(seconds(2));
  deepEqual(
    answers.map((report) => typeof report === "object" && report.cancelled),
    [true, false],
  );
});

test("every question ends with the DHT, and nothing is said afterwards", () => {
  const { stage } = new World();
  let ended = 0;
  for (let count = 0; count < 40; count += 1)
    stage.carrier.turn(stage.now, () =>
      dhtOf(stage).ask(stage.now, { type: "find-node", target }, ({ type }) => {
        if (type === "done") ended += 1;
      }),
    );
  stage.carrier.turn(stage.now, () => dhtOf(stage).stop(stage.now));
  stage.drain();
  equal(ended, 40);
  const count = effects(stage, "udp-send").length;
  stage.tell({ type: "udp-data", from: nodeAt, bytes: ping(1) });
  stage.later(minutes(20));
  equal(effects(stage, "udp-send").length, count);
  equal(dhtOf(stage).status(stage.now), undefined);
});

test("a torrent is announced with the port that others see, or the one that a gateway maps", () => {
  const world = new World({ have: "all" });
  const announces = () => world.asked.flatMap(({ body }) => (body.type === "announce-peer" ? [body] : []));
  const [first] = announces();
  ok(first !== undefined && first.port === undefined && first.fallbackPort === 6881 && first.seed);
  const external = { family: 4, ip: "203.0.113.5", port: 40_000 } as const;
  world.turn((stage) => dhtOf(stage).externalAddress(stage.now, external));
  world.later(minutes(3));
  equal(announces().at(-1)?.port, 40_000);
  equal(dhtOf(world.stage).status(world.stage.now)?.endpoints[0]?.externalIp, "203.0.113.5");
});

test("a paused torrent is asked for no more until it is resumed", () => {
  const world = new World();
  ok(world.getPeers > 0);
  world.turn((stage) => stage.torrent.input(stage.now, { type: "pause" }));
  const before = world.getPeers;
  world.later(minutes(60));
  equal(world.getPeers, before);
  world.turn((stage) => stage.torrent.input(stage.now, { type: "resume" }));
  world.later(seconds(5));
  ok(world.getPeers > before);
});

test("a private torrent is never asked for (BEP 27)", () => {
  const world = new World({ private: true });
  world.later(minutes(60));
  equal(world.getPeers, 0);
  ok(world.asked.length > 0);
});

test("peers hear that we take part, unless the torrent is private or we answer nobody (BEP 5, 27, 43)", () => {
  equal(stageOf().join({ dht: true }).greeting?.dht, true);
  equal(stageOf({}, { private: true }).join({ dht: true }).greeting?.dht, false);
  equal(stageOf({ readOnly: true }).join({ dht: true }).greeting?.dht, false);
  const told = (peer: { messages: readonly { type: string }[] }) =>
    peer.messages.filter(({ type }) => type === "port").length;
  equal(told(stageOf().join({ dht: true })), 1);
  equal(told(stageOf().join()), 0);
  equal(told(stageOf({ readOnly: true }).join({ dht: true })), 0);
});

test("ports that peers tell are asked, twenty in ten seconds at most", () => {
  const stage = stageOf();
  for (let last = 1; last <= 40; last += 1)
    stage.carrier.turn(stage.now, () =>
      dhtOf(stage).portHeard(stage.now, { ip: `198.51.100.${last}`, port: 7000 }),
    );
  stage.later(seconds(30));
  const asked = () => new Set(effects(stage, "udp-send").map(({ to }) => formatAddress(to))).size;
  equal(asked(), 20);
});
