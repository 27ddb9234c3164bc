import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { Network } from "./testing/network.ts";

test("a node announced by one is found by all others", () => {
  const network = new Network({ seed: 1 });
  network.grow(64);
  network.runFor(60_000);
  const infoHash = network.prng.bytes(20);
  const announcer = network.peers[5]!;
  const announced = network.report(announcer, {
    type: "get-peers",
    request: 1,
    infoHash,
    announce: { port: 7000, seed: true },
  });
  console.log(announced, network.datagrams);
  for (const peer of network.peers)
    console.log(
      peer.dht.status(network.now).endpoints[0]!.nodes,
      peer.dht.status(network.now).endpoints[0]!.networkSize,
    );
  for (const peer of network.peers.slice(6, 9)) {
    const r = network.report(peer, { type: "get-peers", request: 2, infoHash });
    console.log(r.queries, r.elapsed, r.hops, r.firstResult);
    const found = peer.told.flatMap(({ output }) => (output.type === "peers" ? output.addresses : []));
    deepEqual(found, [{ ip: announcer.address.ip, port: 7000 }]);
  }
  ok(announced.stored >= 8);
});
