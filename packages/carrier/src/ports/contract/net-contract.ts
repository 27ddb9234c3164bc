import { test } from "node:test";
import { type Address, assert, equalBytes, type Family, Prng } from "@dure/base";
import type { NetEffect, NetEvent, SocketId } from "../net.ts";

/** Two nets that reach each other, and time to pass. Fresh for each case. */
export interface NetWorld {
  readonly left: NetSide;
  readonly right: NetSide;
  /** An address of a machine that is there, with nobody listening. */
  readonly nowhere: Address;
  /** They share a local network on which multicast of this family works; undefined: of none. */
  readonly lan: Family | undefined;
  /** Lets time pass until the condition holds; rejects, naming `what`, when it does not within a few seconds. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** Lets everything arrive that is under way and can. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

export type NetFactory = () => Promise<NetWorld>;

export interface NetSide {
  readonly address: Address;
  /** Everything told so far; the bytes of `tcp-data` and `udp-data` copied when they were told. */
  readonly events: readonly NetEvent[];
  /** In order, flushed at the end. */
  perform(...effects: readonly NetEffect[]): void;
}

/** What every host's net must do (`ports/net.ts`). Registers its tests under the host's name. */
export function netContract(host: string, make: NetFactory): void {
  for (const story of stories) {
    test(`${host} net: ${story.name}`, async (context) => {
      const world = await make();
      try {
        if (story.onLan === true && world.lan === undefined)
          return context.diagnostic("no multicast in this world: nothing to try");
        await story.run(world);
      } finally {
        await world.close();
      }
    });
  }
}

interface Story {
  readonly name: string;
  /** Only where the two share a local network. */
  readonly onLan?: true;
  run(world: NetWorld): Promise<void>;
}

const stories: readonly Story[] = [
  {
    name: "a connection is heard of on both sides: even number out, odd number in",
    async run(world) {
      const { out, incoming } = await connect(world);
      assert(out % 2 === 0 && incoming % 2 === 1, "outgoing even, incoming odd");
      const told = world.right.events.find((event) => event.type === "tcp-incoming");
      assert(told?.remote.ip === world.left.address.ip, "the incoming side knows where it comes from");
    },
  },
  {
    name: "a connect where nobody listens is refused, once",
    async run(world) {
      world.left.perform({ type: "tcp-connect", socket: 2, remote: world.nowhere });
      await world.until(() => closed(world.left, 2) !== undefined, "the refusal");
      await world.settle();
      assert(closed(world.left, 2)?.reason === "refused", "the reason is refused");
      assert(about(world.left, 2).length === 1, "nothing else is told of the socket");
    },
  },
  {
    name: "bytes arrive whole and in order in both directions, however they were cut into writes",
    async run(world) {
      const { out, incoming } = await connect(world);
      const there = payload(1, 1_500_000);
      const back = payload(2, 700_000);
      world.left.perform(...cutIntoWrites(out, there, 40_000));
      world.right.perform(...cutIntoWrites(incoming, back, 900));
      await world.until(() => received(world.right, incoming).length >= there.length, "all bytes there");
      await world.until(() => received(world.left, out).length >= back.length, "all bytes back");
      assert(equalBytes(received(world.right, incoming), there), "the bytes there are those sent");
      assert(equalBytes(received(world.left, out), back), "the bytes back are those sent");
    },
  },
  {
    name: "each write is counted as written once, over one batch or several",
    async run(world) {
      const { out } = await connect(world);
      const writes = cutIntoWrites(out, payload(3, 100_000), 3_000);
      const half = Math.floor(writes.length / 2);
      world.left.perform(...writes.slice(0, half));
      await world.until(() => written(world.left, out) === half, "the first half written");
      world.left.perform(...writes.slice(half));
      await world.until(() => written(world.left, out) === writes.length, "all written");
      await world.settle();
      assert(written(world.left, out) === writes.length, "and not one more");
    },
  },
  {
    name: "memory is free again once it counts as written",
    async run(world) {
      const { out, incoming } = await connect(world);
      const block = payload(4, 200_000);
      const lent = block.slice();
      world.left.perform({ type: "tcp-write", socket: out, bytes: lent });
      await world.until(() => written(world.left, out) === 1, "the write");
      lent.fill(0xee);
      await world.until(() => received(world.right, incoming).length >= block.length, "the bytes");
      assert(equalBytes(received(world.right, incoming), block), "the receiver has what was written");
    },
  },
  {
    name: "a socket that does not read holds the writer back, and lets it go on when it reads again",
    async run(world) {
      const { out, incoming } = await connect(world);
      world.right.perform({ type: "tcp-read", socket: incoming, flowing: false });
      const writes = cutIntoWrites(out, payload(5, 24_000_000), 500_000);
      world.left.perform(...writes.slice(0, 1));
      await world.settle();
      world.left.perform(...writes.slice(1));
      await world.settle();
      const delivered = received(world.right, incoming).length;
      assert(delivered === 0, "a stopped socket delivers nothing");
      assert(written(world.left, out) < writes.length, "the writer is held back");
      world.right.perform({ type: "tcp-read", socket: incoming, flowing: true });
      await world.until(() => receivedBytes(world.right, incoming) === 24_000_000, "everything after all");
      await world.until(() => written(world.left, out) === writes.length, "all written");
    },
  },
  {
    name: "what had left before a close arrives before the close",
    async run(world) {
      const { out, incoming } = await connect(world);
      const last = payload(6, 50_000);
      world.left.perform(...cutIntoWrites(out, last, 10_000));
      await world.until(() => written(world.left, out) === 5, "the last words");
      world.left.perform({ type: "tcp-close", socket: out });
      await world.until(() => closed(world.right, incoming) !== undefined, "the close");
      assert(equalBytes(received(world.right, incoming), last), "every byte came");
      assert(closed(world.right, incoming)?.reason === "end", "and then the end");
      assert(world.right.events.at(-1)?.type === "tcp-closed", "the close is the last event");
    },
  },
  {
    name: "nothing is told of a socket after its close was ordered",
    async run(world) {
      const { out, incoming } = await connect(world);
      world.right.perform(...cutIntoWrites(incoming, payload(7, 2_000_000), 100_000));
      await world.until(() => receivedBytes(world.left, out) > 0, "the flow");
      world.left.perform(
        { type: "tcp-write", socket: out, bytes: payload(8, 100) },
        { type: "tcp-close", socket: out },
      );
      const told = about(world.left, out).length;
      await world.until(() => closed(world.right, incoming) !== undefined, "the other side hears of it");
      await world.settle();
      assert(about(world.left, out).length === told, "silence after the close");
      assert(about(world.right, incoming).at(-1)?.type === "tcp-closed", "silence after being closed");
    },
  },
  {
    name: "a connect that was closed at once tells nothing",
    async run(world) {
      world.left.perform(
        { type: "tcp-connect", socket: 2, remote: world.right.address },
        { type: "tcp-close", socket: 2 },
        { type: "tcp-connect", socket: 4, remote: world.nowhere },
        { type: "tcp-close", socket: 4 },
      );
      await world.settle();
      assert(world.left.events.length === 0, "silence");
    },
  },
  {
    name: "orders for a socket that has closed are ignored",
    async run(world) {
      const { out, incoming } = await connect(world);
      world.left.perform({ type: "tcp-close", socket: out });
      await world.until(() => closed(world.right, incoming) !== undefined, "the close");
      const told = world.right.events.length;
      for (const [side, socket] of [
        [world.left, out],
        [world.right, incoming],
      ] as const) {
        side.perform(
          { type: "tcp-write", socket, bytes: payload(9, 10) },
          { type: "tcp-read", socket, flowing: false },
          { type: "tcp-read", socket, flowing: true },
          { type: "tcp-close", socket },
        );
      }
      await world.settle();
      assert(world.right.events.length === told, "silence");
    },
  },
  {
    name: "twenty connections at once keep their bytes apart",
    async run(world) {
      const sockets = Array.from({ length: 20 }, (_, index) => 2 * (index + 1));
      for (const socket of sockets)
        world.left.perform({ type: "tcp-connect", socket, remote: world.right.address });
      await world.until(() => count(world.left, "tcp-open") === 20, "twenty open");
      // Each first byte is the socket's number; the rest follows from it.
      for (const socket of sockets) {
        const bytes = payload(socket, 5_000);
        bytes[0] = socket;
        world.left.perform(...cutIntoWrites(socket, bytes, 700));
      }
      const incoming = () => world.right.events.filter((event) => event.type === "tcp-incoming");
      const total = () =>
        incoming().reduce((sum, event) => sum + receivedBytes(world.right, event.socket), 0);
      await world.until(() => total() === 100_000, "all bytes");
      for (const { socket } of incoming()) {
        const bytes = received(world.right, socket);
        const expected = payload(bytes[0] ?? 0, 5_000);
        assert(equalBytes(bytes.subarray(1), expected.subarray(1)), "one connection, one sender");
      }
    },
  },
  {
    name: "a datagram arrives with the address to answer to, and one to nowhere is lost without a word",
    async run(world) {
      const bytes = payload(10, 1_200);
      world.left.perform(
        { type: "udp-send", to: world.nowhere, bytes },
        { type: "udp-send", to: world.right.address, bytes },
      );
      await world.until(() => count(world.right, "udp-data") === 1, "the datagram");
      const told = world.right.events.find((event) => event.type === "udp-data");
      assert(told !== undefined && equalBytes(told.bytes, bytes), "its bytes");
      world.right.perform({ type: "udp-send", to: told.from, bytes: payload(11, 1) });
      await world.until(() => count(world.left, "udp-data") === 1, "the answer");
      await world.settle();
      assert(world.left.events.length === 1 && world.right.events.length === 1, "nothing else");
    },
  },
  {
    name: "what is said to the local network is heard by who has joined its groups, from the speaker's address",
    onLan: true,
    async run(world) {
      const { left, right } = world;
      const family = world.lan ?? 4;
      for (const side of [left, right]) side.perform({ type: "lsd-listen", on: true });
      for (const [speaker, listener, seed] of [
        [left, right, 12],
        [right, left, 13],
      ] as const) {
        const bytes = payload(seed, 600);
        const heard = () => said(listener, bytes)[0];
        await sayUntil(world, () => heard() !== undefined, speaker, { type: "lsd-send", family, bytes });
        assert(heard()?.from.ip === speaker.address.ip, "the speaker's address");
        assert(heard()?.neighbour === true, "it is a neighbour");
      }
    },
  },
  {
    name: "who has left the groups of the local network hears nothing and says nothing; joining anew helps",
    onLan: true,
    async run(world) {
      const { left, right } = world;
      const family = world.lan ?? 4;
      const say = (seed: number) => ({ type: "lsd-send", family, bytes: payload(seed, 100) }) as const;
      for (const side of [left, right]) side.perform({ type: "lsd-listen", on: true });
      const first = say(14);
      await sayUntil(world, () => said(right, first.bytes).length > 0, left, first);
      right.perform({ type: "lsd-listen", on: false }, { type: "lsd-listen", on: false });
      await world.settle();
      left.perform(say(15));
      right.perform(say(16));
      await world.settle();
      assert(said(right, say(15).bytes).length === 0, "right has left");
      assert(said(left, say(16).bytes).length === 0, "and is silent");
      right.perform({ type: "lsd-listen", on: true }, { type: "lsd-listen", on: true });
      const last = say(17);
      await sayUntil(world, () => said(right, last.bytes).length > 0, left, last);
    },
  },
];

/** Joining takes its time, and what is said before it is lost: said again until it is heard. */
async function sayUntil(
  world: NetWorld,
  heard: () => boolean,
  speaker: NetSide,
  effect: NetEffect,
): Promise<void> {
  for (let attempt = 0; attempt < 50 && !heard(); attempt += 1) {
    speaker.perform(effect);
    await world.settle();
  }
  assert(heard(), "it is heard");
}

/** Strangers may be on the same network: only these bytes count. */
function said(side: NetSide, bytes: Uint8Array): readonly Extract<NetEvent, { type: "lsd-data" }>[] {
  return side.events
    .filter((event) => event.type === "lsd-data")
    .filter((event) => equalBytes(event.bytes, bytes));
}

/** A connection from left to right, open on both sides. */
async function connect(world: NetWorld): Promise<{ readonly out: SocketId; readonly incoming: SocketId }> {
  const out = 2;
  world.left.perform({ type: "tcp-connect", socket: out, remote: world.right.address });
  await world.until(() => count(world.left, "tcp-open") === 1, "the connection");
  await world.until(() => count(world.right, "tcp-incoming") === 1, "the incoming connection");
  const told = world.right.events.find((event) => event.type === "tcp-incoming");
  assert(told !== undefined, "it was just counted");
  return { out, incoming: told.socket };
}

function payload(seed: number, length: number): Uint8Array<ArrayBuffer> {
  const some = new Prng(seed, "net-contract").bytes(Math.min(length, 10_007)); // a prime: cuts never line up with it
  const bytes = new Uint8Array(length);
  for (let offset = 0; offset < length; offset += some.length) {
    bytes.set(some.subarray(0, Math.min(some.length, length - offset)), offset);
  }
  return bytes;
}

function cutIntoWrites(socket: SocketId, bytes: Uint8Array, size: number): NetEffect[] {
  const writes: NetEffect[] = [];
  for (let offset = 0; offset < bytes.length; offset += size) {
    writes.push({ type: "tcp-write", socket, bytes: bytes.subarray(offset, offset + size) });
  }
  return writes;
}

function about(side: NetSide, socket: SocketId): readonly NetEvent[] {
  return side.events.filter((event) => "socket" in event && event.socket === socket);
}

function closed(side: NetSide, socket: SocketId): Extract<NetEvent, { type: "tcp-closed" }> | undefined {
  return side.events.filter((event) => event.type === "tcp-closed").find((event) => event.socket === socket);
}

function count(side: NetSide, type: NetEvent["type"]): number {
  return side.events.filter((event) => event.type === type).length;
}

function written(side: NetSide, socket: SocketId): number {
  const told = side.events.filter((event) => event.type === "tcp-written" && event.socket === socket);
  return told.reduce((sum, event) => sum + (event.type === "tcp-written" ? event.count : 0), 0);
}

function receivedBytes(side: NetSide, socket: SocketId): number {
  let bytes = 0;
  for (const event of side.events) {
    if (event.type === "tcp-data" && event.socket === socket) bytes += event.bytes.length;
  }
  return bytes;
}

function received(side: NetSide, socket: SocketId): Uint8Array {
  const bytes = new Uint8Array(receivedBytes(side, socket));
  let offset = 0;
  for (const event of side.events) {
    if (event.type !== "tcp-data" || event.socket !== socket) continue;
    bytes.set(event.bytes, offset);
    offset += event.bytes.length;
  }
  return bytes;
}
