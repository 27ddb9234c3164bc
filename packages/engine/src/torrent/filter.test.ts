import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { minutes, must, seconds } from "@dure/base";
import { encodeExtensionHandshake, encodePex, pexFlagsOf, pexName } from "@dure/protocol";
import { Stage } from "../testing/puppet.ts";
import { infoOf, torrentOf } from "../testing/torrents.ts";

const filteredIp = "198.51.100.1";
const openIp = "198.51.100.2";
const both = [filteredIp, openIp].map((ip) => ({ ip, port: 7000 }));

function stageOf(list: ReadonlySet<string>): Stage {
  const info = infoOf({ pieces: 4 });
  const filtered = (ip: string) => list.has(ip);
  return new Stage(torrentOf(info, { trackers: [["http://tracker.example/announce"]], filtered }));
}

const dialled = (stage: Stage) => stage.taken().filter((line) => line.startsWith("connect "));

test("a filtered address that a tracker or a peer names is not dialled, and a peer that connects is let go", () => {
  const stage = stageOf(new Set([filteredIp, "192.0.2.2"]));
  const asked = stage.outputs.flatMap((output) =>
    output.type === "tracker" && output.output.type === "announce" ? [output.output.request] : [],
  );
  const reply = { interval: seconds(1800), seeders: undefined, leechers: undefined, peers: both };
  const request = must(asked[0], "the tracker is asked");
  stage.tell({ type: "tracker", input: { type: "reply", request, reply: { type: "announced", reply } } });
  deepEqual(dialled(stage), [`connect ${openIp}`]);
  const gossip = stage.join("gossip", { extended: true });
  const hello = encodeExtensionHandshake({ m: { [pexName]: 9 } });
  const added = ["198.51.100.3", filteredIp].map((ip) => ({
    address: { ip, port: 7001 },
    flags: pexFlagsOf(0),
  }));
  const payload = encodePex({ added, dropped: [] });
  gossip.say({ type: "extended", id: 0, payload: hello }, { type: "extended", id: 4, payload });
  stage.later(minutes(3));
  const gossiped = dialled(stage);
  ok(gossiped.includes("connect 198.51.100.3"), "gossip is heard");
  ok(!gossiped.includes(`connect ${filteredIp}`));
  equal(stage.join("filtered").closed, "filtered");
});

test("whom a new list names is let go and forgotten", () => {
  const list = new Set<string>();
  const stage = stageOf(list);
  stage.tell({ type: "add-peers", addresses: both, source: "user" });
  const [a, b] = [stage.join("a"), stage.join("b")];
  equal(stage.torrent.book.stats().known, 2);
  list.add(filteredIp).add("192.0.2.1");
  stage.tell({ type: "filter-changed" });
  deepEqual([a.closed, b.closed], ["filtered", undefined]);
  equal(stage.torrent.book.stats().known, 1);
});
