import {
  type Address,
  assert,
  BoundedMap,
  earliest,
  formatAddress,
  type Machine,
  type Ms,
  Queue,
  sipHash,
  viewOf,
} from "@dure/base";
import { UtpConnection } from "./connection.ts";
import { utpLimits } from "./limits.ts";
import type { UtpConnectionNumber, UtpInput, UtpOutput } from "./messages.ts";
import {
  decodeUtpPacket,
  encodeUtpPacket,
  type UtpPacket,
  utpData,
  utpReset,
  utpState,
  utpSyn,
} from "./packet.ts";
import { ReorderBudget } from "./reorder.ts";
import { microsOf, seqAdd } from "./sequence.ts";

export interface UtpEndpointOptions {
  /** 16 secret bytes: connection ids and first sequence numbers that strangers cannot guess are made of them. */
  readonly secret: Uint8Array;
  /** The number of the first incoming connection; each next one has two more. */
  readonly incomingFirst?: UtpConnectionNumber;
  readonly connectionsMax?: number;
  readonly receiveBytesMax?: number;
  readonly reorderBytesMax?: number;
}

/** A stranger whose SYN we answered: all that is known of him until he shows that he saw the answer. */
interface HalfOpen {
  readonly receiveId: number;
  readonly sendId: number;
  /** What the SYN was numbered, and what we said our first packet will be. */
  readonly seq: number;
  readonly firstSeq: number;
  readonly until: number;
}

/** All uTP connections of a UDP socket, told apart by address and connection id. */
export class UtpEndpoint implements Machine<UtpInput, UtpOutput> {
  readonly #outbox = new Queue<UtpOutput>(); // drained between inputs; a window's worth of packets at most
  readonly #connections = new Map<UtpConnectionNumber, UtpConnection>(); // bounded by `#connectionsMax`
  readonly #byId = new Map<number, UtpConnection[]>(); // the same ones by the id they receive
  readonly #halfOpen: BoundedMap<string, HalfOpen>;
  readonly #resets: BoundedMap<string, number>;
  readonly #budget: ReorderBudget;
  readonly #chance: (message: Uint8Array) => { readonly low: number };
  readonly #connectionsMax: number;
  readonly #receiveBytesMax: number;
  #drawn = 0;
  #incomingNext: number;
  /** No connection needs to be woken before; it may be too early, never too late. */
  #wakeAt: Ms | undefined;

  constructor(options: UtpEndpointOptions) {
    this.#chance = sipHash(options.secret);
    this.#incomingNext = options.incomingFirst ?? 1;
    this.#connectionsMax = options.connectionsMax ?? utpLimits.connectionsMax;
    this.#receiveBytesMax = options.receiveBytesMax ?? utpLimits.receiveBytesMax;
    this.#budget = new ReorderBudget(options.reorderBytesMax);
    // Strangers who never speak again push out one another.
    this.#halfOpen = new BoundedMap({ max: utpLimits.halfOpenMax, full: "drop-oldest" });
    // At the top nobody else is told: silence is allowed.
    this.#resets = new BoundedMap({ max: utpLimits.resetsMax, full: "refuse" });
  }

  get connectionsCount(): number {
    return this.#connections.size;
  }

  get halfOpenCount(): number {
    return this.#halfOpen.size;
  }

  get reorderBytes(): number {
    return this.#budget.bytes;
  }

  figures(connection: UtpConnectionNumber): UtpConnection["figures"] | undefined {
    return this.#connections.get(connection)?.figures;
  }

  handle(now: Ms, input: UtpInput): void {
    if (input.type === "datagram") return this.#datagram(now, input.from, input.bytes);
    if (input.type === "wake") return this.#wake(now);
    if (input.type === "connect") return this.#connect(now, input.connection, input.remote);
    const connection = this.#connections.get(input.connection);
    if (connection === undefined) return; // it has ended, and the owner has not read that yet
    if (input.type === "write") connection.write(now, input.bytes, input.more);
    else if (input.type === "consumed") connection.consumed(now, input.bytes);
    else connection.close(now);
    this.#touched(connection);
  }

  poll(): UtpOutput | undefined {
    return this.#outbox.shift();
  }

  deadline(): Ms | undefined {
    return this.#wakeAt;
  }

  #connect(now: Ms, number: UtpConnectionNumber, remote: Address): void {
    assert(!this.#connections.has(number), "a connection has a number of its own");
    const receiveId = this.#freeId(remote);
    if (receiveId === undefined || this.#connections.size >= this.#connectionsMax) {
      this.#outbox.push({ type: "closed", connection: number, reason: "full" });
      return;
    }
    // BEP 29 begins at 1; a number nobody knows makes forged answers harder, and every other program takes it.
    const connection = this.#add(number, remote, {
      receiveId,
      sendId: seqAdd(receiveId, 1),
      firstSeq: this.#draw(),
    });
    connection.connect(now);
    this.#touched(connection);
  }

  #datagram(now: Ms, from: Address, bytes: Uint8Array): void {
    const decoded = decodeUtpPacket(bytes);
    if (!decoded.ok) return;
    const packet = decoded.value;
    if (packet.type === utpSyn) return this.#syn(now, from, packet);
    const connection =
      packet.type === utpReset
        ? this.#findReset(from, packet.connectionId)
        : (this.#find(from, packet.connectionId) ?? this.#thirdPacket(now, from, packet));
    if (connection === undefined) return this.#unknown(now, from, packet);
    connection.receive(now, packet, bytes);
    this.#touched(connection);
  }

  /** Answered with as many bytes as it had, once for each time it comes: its source may be forged. */
  #syn(now: Ms, from: Address, packet: UtpPacket): void {
    const receiveId = seqAdd(packet.connectionId, 1);
    if (this.#find(from, receiveId) !== undefined || this.#connections.size >= this.#connectionsMax) return;
    const key = keyOf(from, receiveId);
    let half = this.#halfOpen.get(key);
    if (half === undefined || half.seq !== packet.seq) {
      half = {
        receiveId,
        sendId: packet.connectionId,
        seq: packet.seq,
        firstSeq: this.#draw(),
        until: now + utpLimits.halfOpenWait,
      };
      this.#halfOpen.set(key, half);
    }
    const header = { type: utpState, connectionId: half.sendId, seq: half.firstSeq };
    const stamp = {
      timestamp: microsOf(now),
      difference: (microsOf(now) - packet.timestamp) >>> 0,
      window: this.#receiveBytesMax,
      ack: half.seq,
    };
    this.#outbox.push({ type: "send", to: from, bytes: encodeUtpPacket(header, stamp) });
  }

  /** Who names the number that we drew for him has seen our answer: only now a connection is made. */
  #thirdPacket(now: Ms, from: Address, packet: UtpPacket): UtpConnection | undefined {
    if (this.#halfOpen.size === 0 || (packet.type !== utpData && packet.type !== utpState)) return undefined;
    const key = keyOf(from, packet.connectionId);
    const half = this.#halfOpen.get(key);
    if (half === undefined) return undefined;
    // libutp and libtorrent acknowledge the number before the first packet of data, BEP 29's diagram the one it gave.
    const behind = seqAdd(half.firstSeq, -packet.ack);
    if (now > half.until || behind > 1) return undefined;
    const siblings = this.#byId.get(half.receiveId)?.length ?? 0;
    if (this.#connections.size >= this.#connectionsMax || siblings >= utpLimits.sameIdMax) return undefined;
    this.#halfOpen.delete(key);
    const number = this.#incomingNext;
    this.#incomingNext += 2;
    const connection = this.#add(number, from, {
      receiveId: half.receiveId,
      sendId: half.sendId,
      firstSeq: seqAdd(packet.ack, 1),
      expected: seqAdd(half.seq, 1),
    });
    this.#outbox.push({ type: "incoming", connection: number, remote: from });
    return connection;
  }

  /** BEP 29: the other side has a connection that we know nothing of. It is told once in a while. */
  #unknown(now: Ms, from: Address, packet: UtpPacket): void {
    if (packet.type === utpReset) return;
    const key = keyOf(from, packet.connectionId);
    if (this.#resets.full) this.#forgetResets(now);
    if ((this.#resets.get(key) ?? 0) > now) return;
    this.#resets.delete(key); // so that the oldest stay first
    if (!this.#resets.set(key, now + utpLimits.resetWait)) return;
    const header = { type: utpReset, connectionId: packet.connectionId, seq: this.#draw() };
    const stamp = { timestamp: microsOf(now), difference: 0, window: 0, ack: packet.seq };
    this.#outbox.push({ type: "send", to: from, bytes: encodeUtpPacket(header, stamp) });
  }

  #forgetResets(now: Ms): void {
    for (const [key, until] of this.#resets) {
      if (until > now) return; // the rest is younger
      this.#resets.delete(key);
    }
  }

  #wake(now: Ms): void {
    if (this.#wakeAt === undefined || now < this.#wakeAt) return;
    this.#wakeAt = undefined;
    for (const connection of this.#connections.values()) {
      const due = connection.deadline();
      if (due !== undefined && due <= now) connection.wake(now);
      this.#touched(connection);
    }
  }

  #touched(connection: UtpConnection): void {
    if (!connection.closed) {
      this.#wakeAt = earliest(this.#wakeAt, connection.deadline());
      return;
    }
    if (!this.#connections.delete(connection.number)) return;
    const siblings = (this.#byId.get(connection.receiveId) ?? []).filter((other) => other !== connection);
    if (siblings.length === 0) this.#byId.delete(connection.receiveId);
    else this.#byId.set(connection.receiveId, siblings);
  }

  #add(
    number: UtpConnectionNumber,
    remote: Address,
    ids: {
      readonly receiveId: number;
      readonly sendId: number;
      readonly firstSeq: number;
      readonly expected?: number;
    },
  ): UtpConnection {
    const connection = new UtpConnection({
      ...ids,
      number,
      remote,
      receiveBytesMax: this.#receiveBytesMax,
      budget: this.#budget,
      outbox: this.#outbox,
    });
    this.#connections.set(number, connection);
    const siblings = this.#byId.get(ids.receiveId);
    if (siblings === undefined) this.#byId.set(ids.receiveId, [connection]);
    else siblings.push(connection);
    return connection;
  }

  // No text is made of an address here: it is asked for every packet.
  #find(from: Address, receiveId: number): UtpConnection | undefined {
    const siblings = this.#byId.get(receiveId);
    if (siblings === undefined) return undefined;
    for (const connection of siblings) {
      if (connection.remote.port === from.port && connection.remote.ip === from.ip) return connection;
    }
    return undefined;
  }

  /** Some name a RESET by the id of the packet it answers, others by the one they would send with. */
  #findReset(from: Address, id: number): UtpConnection | undefined {
    for (const near of [0, 1, -1]) {
      const connection = this.#find(from, seqAdd(id, near));
      if (connection !== undefined && (near === 0 || connection.sendId === id)) return connection;
    }
    return undefined;
  }

  #freeId(remote: Address): number | undefined {
    for (let attempt = 0; attempt < 32; attempt += 1) {
      const id = this.#draw();
      const taken =
        this.#find(remote, id) ?? this.#find(remote, seqAdd(id, 1)) ?? this.#find(remote, seqAdd(id, -1));
      if (taken === undefined) return id;
    }
    return undefined;
  }

  #draw(): number {
    const message = new Uint8Array(8);
    viewOf(message).setFloat64(0, this.#drawn);
    this.#drawn += 1;
    return this.#chance(message).low & 0xffff;
  }
}

function keyOf(from: Address, id: number): string {
  return `${formatAddress(from)}/${id}`;
}
