import { deepEqual, equal, notDeepEqual, ok } from "node:assert/strict";
import { test } from "node:test";
import { type Address, minutes, ms, Prng } from "@dure/base";
import { decodeKrpc, isNodeIdValid, type KrpcQuery } from "../krpc/index.ts";
import { CompactNode } from "./compact-node.ts";
import { keyBeside } from "./distance.ts";
import { Alone, queries } from "./testing/alone.ts";

const router: Address = { ip: "20.0.0.1", port: 6881 };
const ownId = Uint8Array.from({ length: 20 }, (_, index) => index);
const prng = new Prng(9);

test("with no contacts and no bootstrap nodes it is idle, and a request ends at once with nothing", () => {
  const node = new Alone();
  node.input({ type: "start" });
  equal(node.dht.deadline(), undefined);
  const outputs = node.input({ type: "get-peers", request: 1, infoHash: prng.bytes(20) });
  const done = outputs.find((output) => output.type === "done");
  ok(done !== undefined && done.report.queries === 0 && done.report.closest.length === 0);
});

test("joining: the bootstrap node is asked for our own id, those it names are asked, then the node is ready", () => {
  const node = new Alone({ bootstrap: [router] });
  const [first] = queries(node.input({ type: "start" }));
  deepEqual(first?.to, router);
  const neighbour = CompactNode.of(prng.bytes(20), { ip: "30.0.0.1", port: 7000 });
  node.now = ms(40);
  const [second] = queries(node.answer(first!, prng.bytes(20), { nodes: neighbour.compact }));
  node.now = ms(90);
  node.answer(second!, neighbour.id, { nodes: new Uint8Array(0) });
  deepEqual(node.transcript, [
    "0 id",
    "0 said find-node to 20.0.0.1:6881",
    "40 heard response from 20.0.0.1:6881",
    "40 said find-node to 30.0.0.1:7000",
    "90 heard response from 30.0.0.1:7000",
    "90 ready",
  ]);
  equal(node.dht.status(node.now).endpoints[0]?.nodes, 2);
});

test("while nobody answers, bootstrap nodes are asked three times over, again and again, ever more slowly", () => {
  const node = new Alone({ bootstrap: [router] });
  const asked = [0];
  node.input({ type: "start" });
  while (node.now < minutes(30)) {
    const before = node.now;
    if (queries(node.runFor(500)).length > 0) asked.push(before);
  }
  const begins = asked.filter((_, index) => index % 3 === 0);
  for (const [index, at] of begins.entries()) ok((asked[index * 3 + 2] ?? at) - at <= 2500);
  const gaps = begins.slice(1).map((at, index) => at - begins[index]!);
  ok(gaps[0]! > 4000 && gaps[0]! < 8000);
  for (let index = 1; index < gaps.length; index += 1) ok(gaps[index]! > gaps[index - 1]! * 0.6);
  ok(gaps.at(-1)! >= 240_000 && gaps.at(-1)! <= 370_000);
});

test("a request hurries the next attempt to join, but not more than one in some seconds", () => {
  const node = new Alone({ bootstrap: [router] });
  node.input({ type: "start" });
  node.runFor(minutes(20)); // by now the attempts are minutes apart
  let begun = 0;
  for (let request = 1; request <= 100; request += 1) {
    if (queries(node.input({ type: "find-node", request, target: prng.bytes(20) })).length > 0) begun += 1;
    node.runFor(200);
  }
  ok(begun >= 2 && begun <= 4, `${begun} attempts in 20 seconds`);
});

test("a request made before the node has joined waits for its first contact, not for the whole join", () => {
  const node = new Alone({ bootstrap: [router] });
  const [first] = queries(node.input({ type: "start" }));
  equal(queries(node.input({ type: "get-peers", request: 1, infoHash: prng.bytes(20) })).length, 0);
  const neighbour = CompactNode.of(prng.bytes(20), { ip: "30.0.0.1", port: 7000 });
  const sent = queries(node.answer(first!, prng.bytes(20), { nodes: neighbour.compact }));
  ok(sent.some(({ query }) => query.body.type === "get-peers"));
});

test("who asks us is asked back before it enters the table, and read-only nodes never are (BEP 43)", () => {
  const node = new Alone();
  node.input({ type: "start" });
  const stranger = { ip: "30.0.0.1", port: 7000 };
  const id = prng.bytes(20);
  node.hear(stranger, ping(id));
  equal(node.dht.status(node.now).endpoints[0]?.nodes, 0);
  const [check] = queries(node.runFor(1000));
  equal(check?.query.body.type, "ping");
  node.answer(check!, id, {});
  equal(node.dht.status(node.now).endpoints[0]?.nodes, 1);

  node.hear({ ip: "31.0.0.1", port: 7000 }, { ...ping(prng.bytes(20)), readOnly: true });
  equal(queries(node.runFor(1000)).filter(({ to }) => to.ip === "31.0.0.1").length, 0);
});

test("read-only itself, it says so and answers nothing (BEP 43)", () => {
  const node = new Alone({ readOnly: true, bootstrap: [router] });
  const [first] = queries(node.input({ type: "start" }));
  equal(first?.query.readOnly, true);
  deepEqual(node.hear({ ip: "30.0.0.1", port: 7000 }, ping(prng.bytes(20))), []);
});

test("an answer under another id than expected counts for nothing, and the node is out", () => {
  const node = new Alone({ bootstrap: [router] });
  const [first] = queries(node.input({ type: "start" }));
  const neighbour = CompactNode.of(prng.bytes(20), { ip: "30.0.0.1", port: 7000 });
  const [second] = queries(node.answer(first!, prng.bytes(20), { nodes: neighbour.compact }));
  node.answer(second!, prng.bytes(20), {});
  equal(node.dht.status(node.now).endpoints[0]?.nodes, 1);
});

test("an answer nobody asked for, with a guessed id or from another address, changes nothing", () => {
  const node = new Alone({ bootstrap: [router] });
  const [first] = queries(node.input({ type: "start" }));
  const body = { nodes: CompactNode.of(prng.bytes(20), { ip: "30.0.0.1", port: 1 }).compact };
  const response = {
    kind: "response",
    version: undefined,
    id: prng.bytes(20),
    seenAs: undefined,
    body,
  } as const;
  deepEqual(node.hear(router, { ...response, transaction: prng.bytes(4) }), []);
  deepEqual(
    node.hear({ ip: "30.0.0.9", port: 1 }, { ...response, transaction: first!.query.transaction }),
    [],
  );
  equal(node.dht.status(node.now).endpoints[0]?.nodes, 0);
});

test("when five places say where we are, the id moves to fit it, and the neighbours are sought anew (BEP 42)", () => {
  const node = new Alone({ bootstrap: [router] });
  const [first] = queries(node.input({ type: "start" }));
  const nodes = Array.from({ length: 8 }, (_, index) =>
    CompactNode.of(prng.bytes(20), { ip: `${30 + index}.0.0.1`, port: 1 }),
  );
  const seenAs = { ip: "80.1.2.3", port: 6881 };
  const named = Uint8Array.from(nodes.flatMap(({ compact }) => [...compact]));
  let sent = queries(node.answer(first!, prng.bytes(20), { nodes: named }, seenAs));
  for (let round = 0; round < 20 && sent.length > 0; round += 1) {
    sent = sent.flatMap((one) => {
      const id = nodes.find(({ address }) => address.ip === one.to.ip)?.id;
      return id === undefined ? [] : queries(node.answer(one, id, { nodes: named }, seenAs));
    });
  }
  node.runFor(5000); // the router answers no more
  const ids = node.outputs.filter((output) => output.type === "id");
  equal(ids.length, 2);
  ok(isNodeIdValid(ids[1]!.id, "80.1.2.3"));
  const status = node.dht.status(node.now).endpoints[0]!;
  equal(status.externalIp, "80.1.2.3");
  deepEqual(status.id, ids[1]!.id);
  ok(status.nodes >= 8, "the nodes are kept");
  equal(node.outputs.filter((output) => output.type === "ready").length, 1, "the first join was broken off");
});

test("an external address that the host knows is not voted upon", () => {
  const node = new Alone();
  node.input({ type: "start" });
  const [id] = node.input({ type: "external-address", endpoint: 0, ip: "80.1.2.3" });
  ok(id?.type === "id" && isNodeIdValid(id.id, "80.1.2.3"));
  deepEqual(node.input({ type: "external-address", endpoint: 0, ip: "80.1.2.3" }), []);
});

test("a new node under our own id or at an impossible address is never asked", () => {
  const node = new Alone({ bootstrap: [router] });
  const [first] = queries(node.input({ type: "start" }));
  const nonsense = [
    CompactNode.of(ownId, { ip: "30.0.0.1", port: 1 }),
    CompactNode.of(prng.bytes(20), { ip: "0.0.0.0", port: 1 }),
    CompactNode.of(prng.bytes(20), { ip: "239.0.0.1", port: 1 }),
    CompactNode.of(prng.bytes(20), { ip: "30.0.0.2", port: 0 }),
    CompactNode.of(prng.bytes(20), { ip: "192.168.0.1", port: 1 }),
  ];
  const named = Uint8Array.from(nonsense.flatMap(({ compact }) => [...compact]));
  deepEqual(queries(node.answer(first!, prng.bytes(20), { nodes: named })), []);
  deepEqual(queries(node.runFor(2000)), []);
});

test("a restart begins with the nodes of the last life, and asks no bootstrap node", () => {
  const contacts = Array.from({ length: 40 }, (_, index) => ({
    id: keyBeside(ownId, index % 6, prng.bytes(20)),
    address: { ip: `${30 + index}.0.0.1`, port: 1 },
  }));
  const node = new Alone({ bootstrap: [router], contacts });
  const sent = queries(node.input({ type: "start" }));
  ok(sent.length > 0 && sent.every(({ to }) => to.ip !== router.ip));
  const peers = queries(node.input({ type: "get-peers", request: 1, infoHash: prng.bytes(20) }));
  equal(peers.length, 4, "a request begins at once");
  deepEqual(
    new Set(node.dht.snapshot().contacts.map(({ address }) => address.ip)),
    new Set(contacts.map(({ address }) => address.ip)),
  );
});

test("silence of the whole world is our own line's fault: the table outlives it", () => {
  const contacts = Array.from({ length: 30 }, (_, index) => ({
    id: keyBeside(ownId, index % 6, prng.bytes(20)),
    address: { ip: `${30 + index}.0.0.1`, port: 1 },
  }));
  const node = new Alone({ contacts });
  node.input({ type: "start" });
  node.runFor(minutes(60));
  equal(node.dht.status(node.now).endpoints[0]?.nodes, 30);
});

test("after the network changed the table is kept, told to nobody, and asked again", () => {
  const node = new Alone({ bootstrap: [router] });
  const [first] = queries(node.input({ type: "start" }));
  const id = prng.bytes(20);
  node.answer(first!, id, {});
  const told = () => {
    const asker = { ip: "99.0.0.1", port: 1 };
    const query = {
      ...ping(prng.bytes(20)),
      body: { type: "find-node", target: id, want: undefined },
    } as const;
    const [reply] = node.hear(asker, query).filter((output) => output.type === "send");
    const message = reply && decodeKrpc(reply.bytes);
    return message?.ok && message.value.kind === "response" ? message.value.body.nodes?.length : undefined;
  };
  equal(told(), 26);
  const sent = queries(node.input({ type: "network-changed" }));
  ok(sent.some(({ to }) => to.ip === router.ip));
  equal(told(), 0);
});

test("cancelled requests say so once and ask nobody any more; those too many are cancelled at once", () => {
  const contacts = Array.from({ length: 30 }, (_, index) => ({
    id: prng.bytes(20),
    address: { ip: `${30 + index}.0.0.1`, port: 1 },
  }));
  const node = new Alone({ contacts });
  node.input({ type: "start" });
  for (let request = 0; request < 40; request += 1) {
    node.input({ type: "find-node", request, target: prng.bytes(20) });
  }
  equal(node.dht.status(node.now).lookups, 40);
  for (const request of [5, 35]) {
    const outputs = node.input({ type: "cancel", request });
    const done = outputs.filter((output) => output.type === "done");
    equal(done.length, 1);
    equal(done[0]?.report.cancelled, true);
    deepEqual(node.input({ type: "cancel", request }), []);
  }
  for (let request = 100; request < 2100; request += 1) {
    node.input({ type: "find-node", request, target: prng.bytes(20) });
  }
  const refused = node.outputs.filter((output) => output.type === "done" && output.request >= 100);
  equal(refused.length, 6, "32 run and 6 wait already; 2,000 may");
});

test("nodes somebody told us of are asked, and kept when they answer", () => {
  const node = new Alone();
  node.input({ type: "start" });
  node.input({
    type: "add-nodes",
    addresses: [router, { ip: "0.0.0.0", port: 1 }, { ip: "2001:db9::1", port: 1 }],
  });
  const sent = queries(node.outputs);
  equal(sent.length, 1);
  const outputs = node.answer(sent[0]!, prng.bytes(20), {});
  equal(node.dht.status(node.now).endpoints[0]?.nodes, 1);
  ok(
    queries(outputs).some(({ query }) => query.body.type === "find-node"),
    "and the node joins through it",
  );
});

test("two families: bootstrap answers name nodes of both, and each endpoint has its own id (BEP 32, 45)", () => {
  const node = new Alone({
    endpoints: [{ family: 4 }, { family: 6 }, { family: 4 }],
    bootstrap: [router],
  });
  const sent = queries(node.input({ type: "start" }));
  deepEqual(
    sent.map(({ endpoint }) => endpoint),
    [0, 2],
  );
  deepEqual(sent[0]?.query.body.type === "find-node" && sent[0].query.body.want, {
    nodes4: true,
    nodes6: true,
  });
  notDeepEqual(sent[0]?.query.id, sent[1]?.query.id);
  const six = CompactNode.of(prng.bytes(20), { ip: "2001:db9::1", port: 7000 });
  const outputs = [...node.answer(sent[0]!, prng.bytes(20), { nodes6: six.compact }), ...node.runFor(1000)];
  const toSix = queries(outputs).filter(({ to }) => to.ip === "2001:db9::1");
  equal(toSix[0]?.endpoint, 1);
});

test("with several addresses of a family, an announce goes out from each, one after the other (BEP 45)", () => {
  const contacts = Array.from({ length: 12 }, (_, index) => ({
    id: prng.bytes(20),
    address: { ip: `${30 + index}.0.0.1`, port: 1 },
  }));
  const node = new Alone({ endpoints: [{ family: 4 }, { family: 4 }], contacts });
  const seen: string[] = [];
  let sent = queries(node.input({ type: "start" }));
  const announce = { port: 7000, seed: false };
  sent.push(...queries(node.input({ type: "get-peers", request: 1, infoHash: prng.bytes(20), announce })));
  while (sent.length > 0) {
    const [one] = sent.splice(0, 1) as [(typeof sent)[0]];
    const { type } = one.query.body;
    if (type === "get-peers" || type === "announce-peer") seen.push(`${one.endpoint} ${type}`);
    const id = contacts.find(({ address }) => address.ip === one.to.ip)!.id;
    sent = [...sent, ...queries(node.answer(one, id, { nodes: new Uint8Array(0), token: Uint8Array.of(7) }))];
  }
  deepEqual(
    [...new Set(seen)],
    ["0 get-peers", "0 announce-peer", "1 get-peers", "1 announce-peer"],
    "in this order, for a Set keeps it",
  );
  const done = node.outputs.find((output) => output.type === "done");
  equal(done?.type === "done" && done.report.stored, 24);
});

test("noise is heard without harm", () => {
  const node = new Alone({ bootstrap: [router] });
  node.input({ type: "start" });
  const before = node.dht.deadline();
  for (let index = 0; index < 10_000; index += 1) {
    const bytes = prng.bytes(prng.below(200));
    if (bytes.length > 0) bytes[0] = 0x64;
    node.input({ type: "datagram", endpoint: 0, from: router, bytes });
  }
  equal(node.dht.deadline(), before);
});

function ping(id: Uint8Array): KrpcQuery {
  return {
    kind: "query",
    transaction: prng.bytes(2),
    version: undefined,
    id,
    readOnly: false,
    body: { type: "ping" },
  };
}
