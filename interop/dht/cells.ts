import { deepEqual, equal, ok } from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { DhtNodes, Endpoint } from "../clients/index.ts";
import { type ClosedNetwork, eventually, makeKeys, randomHash } from "./network.ts";
import { rawQuery } from "./raw-query.ts";

const foundWithin = 40_000;
const rawWithin = 2_000;
const announcersOfKind = 3;

/** What two kinds of node do for each other. */
export type Deed = "peers" | "immutable" | "mutable" | "salted" | "samples" | "scrape";

/** `from` announces, stores or answers; `to` finds, reads or asks. */
export interface Cell {
  readonly deed: Deed;
  readonly from: string;
  readonly to: string;
}

const us = "dure";
/** bittorrent-dht neither serves nor asks for them; libtorrent's binding cannot ask for a scrape. */
const asked: Readonly<Partial<Record<Deed, readonly string[]>>> = {
  samples: [us, "libtorrent"],
  scrape: [us],
};
const served: typeof asked = { samples: [us, "libtorrent"], scrape: [us, "libtorrent"] };

export function titleOf({ deed, from, to }: Cell): string {
  return `${from} → ${to}: ${deed}`;
}

/** Every pair of the kinds, and every deed that both can do. */
export function cellsOf(kinds: readonly string[]): readonly Cell[] {
  const deeds: readonly Deed[] = ["peers", "immutable", "mutable", "salted", "samples", "scrape"];
  return kinds
    .flatMap((from) => kinds.flatMap((to) => deeds.map((deed) => ({ deed, from, to }))))
    .filter(
      ({ deed, from, to }) => served[deed]?.includes(from) !== false && asked[deed]?.includes(to) !== false,
    );
}

/** Throws when it does not come to pass. */
export async function fill(network: ClosedNetwork, cell: Cell): Promise<void> {
  const from = kind(network, cell.from);
  const to = kind(network, cell.to);
  switch (cell.deed) {
    case "peers":
      return announced(from, to);
    case "immutable":
      return immutable(from, to);
    case "mutable":
      return mutable(from, to, "");
    case "salted":
      return mutable(from, to, Buffer.from("a salt").toString("hex"));
    case "samples":
      return sampled(from, to);
    case "scrape":
      return scraped(network, from, to);
  }
}

async function announced(from: DhtNodes, to: DhtNodes): Promise<void> {
  const [announcer, asker] = twoOf(from, to);
  const infoHash = randomHash();
  const peer = await announce(from, announcer, infoHash);
  const found = await eventually(() => to.peers(asker, infoHash), {
    until: (peers) => peers.includes(peer),
    within: foundWithin,
  });
  deepEqual(found, [peer]);
}

async function immutable(from: DhtNodes, to: DhtNodes): Promise<void> {
  const [writer, reader] = twoOf(from, to);
  const value = text();
  const target = await from.putImmutable(writer, value);
  equal((await to.getImmutable(reader, target)).value, value);
}

/** One writes and the other reads; then the other, who has the key too, writes the next version and the first reads that. */
async function mutable(from: DhtNodes, to: DhtNodes, salt: string): Promise<void> {
  const [one, other] = twoOf(from, to);
  const keys = makeKeys();
  const { publicKey } = keys;
  const [first, second] = [text(), text()];
  const sequence = await from.putMutable(one, { ...keys, salt, value: first, sequence: 1 });
  deepEqual(await to.getMutable(other, { publicKey, salt }), { value: first, sequence });
  const next = await to.putMutable(other, { ...keys, salt, value: second, sequence: sequence + 1 });
  equal(next, sequence + 1);
  deepEqual(await from.getMutable(one, { publicKey, salt }), { value: second, sequence: next });
}

/** Some node of `from` lies near the info-hash, stores the announce, and tells a node of `to` that it has it. */
async function sampled(from: DhtNodes, to: DhtNodes): Promise<void> {
  const [announcer, asker] = twoOf(from, to);
  const infoHash = randomHash();
  await announce(from, announcer, infoHash);
  const others = from.listen.filter((_, node) => from !== to || node !== asker);
  const found = await eventually(() => samplesOf(to, asker, others, infoHash), {
    until: (samples) => samples.has(infoHash),
    within: foundWithin,
  });
  ok(found.has(infoHash), `${found.size} samples, and the announced info-hash is not among them`);
}

async function samplesOf(
  nodes: DhtNodes,
  node: number,
  others: readonly Endpoint[],
  target: string,
): Promise<ReadonlySet<string>> {
  // Our machine asks the nodes near the target, so one that is far gives nothing.
  const ask = (other: Endpoint) => nodes.sample(node, other, target).catch(() => undefined);
  const answers = await Promise.all(others.map(ask));
  return new Set(answers.flatMap((answer) => answer?.samples ?? []));
}

/** Nodes of `from` answer with filters (BEP 33), and a node of `to` counts by them who announced from many addresses. */
async function scraped(network: ClosedNetwork, from: DhtNodes, to: DhtNodes): Promise<void> {
  const [, asker] = twoOf(from, to);
  const infoHash = randomHash();
  const announcers = [...network.nodes.values()].flatMap((nodes) =>
    nodes.listen.slice(0, announcersOfKind).map((_, node) => ({ nodes, node })),
  );
  await Promise.all(announcers.map(({ nodes, node }) => announce(nodes, node, infoHash)));
  const expected = announcers.length;
  const found = await eventually(() => to.scrape(asker, infoHash), {
    until: ({ seeds, peers }) => near(seeds + peers, expected),
    within: foundWithin,
  });
  ok(near(found.seeds + found.peers, expected), `of ${expected}: ${found.seeds} seeds, ${found.peers} peers`);
  const more = { info_hash: Buffer.from(infoHash, "hex"), scrape: 1 };
  const answers = from.listen.map((node) => rawQuery(node, "get_peers", { more, within: rawWithin }));
  const serves = (await Promise.all(answers)).filter((answer) => answer?.includes("4:BFpe256:"));
  ok(serves.length > 0, "no node of the kind served a filter");
}

/** A filter of 2,048 bits tells a dozen to the one. */
function near(found: number, expected: number): boolean {
  return Math.abs(found - expected) <= 1;
}

async function announce(nodes: DhtNodes, node: number, infoHash: string): Promise<string> {
  const port = await nodes.announce(node, infoHash, 10_000 + node);
  return `${nodes.listen[node]?.ip}:${port}`;
}

/** Drawn anew for each cell, so that no two cells share a node's limits; different ones when it is one kind. */
function twoOf(from: DhtNodes, to: DhtNodes): readonly [number, number] {
  const one = randomBytes(1).readUInt8() % from.listen.length;
  const step = 1 + (randomBytes(1).readUInt8() % (to.listen.length - 1));
  return [one, (one + step) % to.listen.length];
}

function kind(network: ClosedNetwork, name: string): DhtNodes {
  const nodes = network.nodes.get(name);
  if (nodes === undefined) throw new Error(`no nodes of ${name}`);
  return nodes;
}

function text(): string {
  return `value ${randomBytes(8).toString("hex")}`;
}
