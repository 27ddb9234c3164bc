import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { minutes, seconds } from "@dure/base";
import { decodeLsd, encodeLsd } from "@dure/protocol";
import { CarrierStage } from "./testing/stage.ts";

const shape = { pieces: 4, blocks: 1 };
const from = { ip: "192.168.1.9", port: 6771 };

/** What was said to the local network, and to which peers we went. */
function taken(stage: CarrierStage): string[] {
  return stage.effects.splice(0).flatMap((effect) => {
    if (effect.type === "lsd-listen") return [effect.on ? "listen" : "leave"];
    if (effect.type === "tcp-connect") return [`connect ${effect.remote.ip}:${effect.remote.port}`];
    if (effect.type !== "lsd-send") return [];
    const announce = decodeLsd(effect.bytes);
    return announce.ok
      ? [`IPv${effect.family}: ${announce.value.infoHashes.length} at ${announce.value.port}`]
      : [];
  });
}

function neighbourSays(stage: CarrierStage): void {
  const bytes = encodeLsd(4, { port: 7001, infoHashes: [stage.key.infoHash], cookie: "other" });
  stage.tell({ type: "lsd-data", from, neighbour: true, bytes });
}

test("a torrent is told to the local network, and a neighbour that tells it is dialled", () => {
  const stage = new CarrierStage(shape);
  stage.later(seconds(2));
  deepEqual(taken(stage), ["listen", "IPv4: 1 at 6881", "IPv6: 1 at 6881"]);
  neighbourSays(stage);
  deepEqual(taken(stage), ["connect 192.168.1.9:7001"]);
  equal(stage.torrent.engine.book.stats().bySource.lsd.known, 1);
});

test("switched off, and for a private torrent, nothing is said, heard or joined (BEP 27)", () => {
  for (const off of [{ lsd: false }, { private: true }]) {
    const stage = new CarrierStage({ ...shape, ...off });
    stage.later(minutes(7));
    neighbourSays(stage);
    stage.tell({ type: "address-changed" });
    stage.later(minutes(2));
    deepEqual(taken(stage), []);
  }
});

test("a paused torrent is not told any more, a resumed one is again", () => {
  const stage = new CarrierStage(shape);
  stage.later(seconds(2));
  taken(stage);
  stage.carrier.turn(stage.now, () => stage.torrent.input(stage.now, { type: "pause" }));
  stage.drain();
  neighbourSays(stage);
  stage.later(minutes(10));
  deepEqual(taken(stage), ["leave"]);
  stage.carrier.turn(stage.now, () => stage.torrent.input(stage.now, { type: "resume" }));
  stage.drain();
  stage.later(minutes(2));
  deepEqual(taken(stage).slice(0, 3), ["connect 192.168.1.9:7001", "listen", "IPv4: 1 at 6881"]);
});

test("a torrent that stops or is removed is not told; the groups are left", () => {
  const stage = new CarrierStage(shape);
  stage.later(seconds(2));
  taken(stage);
  stage.torrent.stop(stage.now);
  stage.carrier.remove(stage.key.infoHash);
  stage.drain();
  deepEqual(taken(stage), ["leave"]);
  equal(stage.carrier.deadline(), undefined);
});

test("after the address changed it is told again", () => {
  const stage = new CarrierStage(shape);
  stage.later(minutes(2));
  taken(stage);
  stage.tell({ type: "address-changed" });
  stage.later(seconds(2));
  deepEqual(taken(stage), ["IPv4: 1 at 6881", "IPv6: 1 at 6881"]);
});
