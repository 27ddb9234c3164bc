import { type Address, assert, familyOf, type Ms, ms, type Queue } from "@dure/base";
import { Flight } from "./flight.ts";
import { Ledbat } from "./ledbat.ts";
import { utpLimits, utpTimes } from "./limits.ts";
import type { UtpCloseReason, UtpConnectionNumber, UtpOutput } from "./messages.ts";
import { Outgoing } from "./outgoing.ts";
import {
  encodeUtpPacket,
  padUtpPacket,
  stampUtpPacket,
  type UtpPacket,
  type UtpStamp,
  utpData,
  utpFin,
  utpHeaderBytes,
  utpReset,
  utpState,
  utpSyn,
} from "./packet.ts";
import { PathMtu } from "./path-mtu.ts";
import { Receiver } from "./receiver.ts";
import type { ReorderBudget } from "./reorder.ts";
import { RoundTrip } from "./round-trip.ts";
import { microsOf, seqAdd, seqDistance } from "./sequence.ts";

export interface UtpConnectionOptions {
  readonly number: UtpConnectionNumber;
  readonly remote: Address;
  readonly receiveId: number;
  readonly sendId: number;
  /** The number of the first packet we send: of the SYN, where we connect. */
  readonly firstSeq: number;
  /** The number of the first packet we expect, where the other side connected. */
  readonly expected?: number;
  readonly receiveBytesMax: number;
  readonly budget: ReorderBudget;
  readonly outbox: Queue<UtpOutput>;
}

type State =
  | { readonly name: "syn-sent"; readonly sends: number; readonly until: Ms }
  | { readonly name: "connected" }
  /** The owner has left, or the other side has: what is queued is still said, then FIN. */
  | { readonly name: "closing"; readonly until: Ms; readonly finSent: boolean }
  | { readonly name: "closed" };

const never = Number.POSITIVE_INFINITY;
const windowClosed = 2 * 1472; // less than two packets: the other side does not read

/** One connection, from the SYN, or from the packet that proved a stranger's SYN, to the end. */
export class UtpConnection {
  readonly number: UtpConnectionNumber;
  readonly remote: Address;
  readonly receiveId: number;
  readonly sendId: number;
  readonly #outbox: Queue<UtpOutput>;
  readonly #outgoing = new Outgoing();
  readonly #flight: Flight;
  readonly #ledbat = new Ledbat();
  readonly #roundTrip = new RoundTrip();
  readonly #mtu: PathMtu;
  readonly #receiver: Receiver;
  #state: State = { name: "connected" };
  #peerWindow = 0;
  #difference = 0;
  #moreFollows = false;
  #probeBytes = 0;
  #congestedSince = 0;
  #expiries = 0;
  #armedAt = 0;
  #lossAt = never;
  #sentAt = 0;

  constructor(options: UtpConnectionOptions) {
    this.number = options.number;
    this.remote = options.remote;
    this.receiveId = options.receiveId;
    this.sendId = options.sendId;
    this.#outbox = options.outbox;
    this.#mtu = new PathMtu(familyOf(options.remote.ip));
    const connecting = options.expected === undefined;
    this.#flight = new Flight(connecting ? seqAdd(options.firstSeq, 1) : options.firstSeq);
    this.#receiver = new Receiver(options.receiveBytesMax, options.budget, options.expected ?? 0);
    if (connecting) this.#state = { name: "syn-sent", sends: 0, until: ms(0) };
  }

  get closed(): boolean {
    return this.#state.name === "closed";
  }

  /** What a test or a statistic wants to know. */
  get figures(): {
    readonly windowBytes: number;
    readonly flightBytes: number;
    readonly queueingMicros: number;
    readonly packetBytes: number;
    readonly reorderBytes: number;
  } {
    return {
      windowBytes: this.#ledbat.window,
      flightBytes: this.#flight.bytes,
      queueingMicros: this.#ledbat.queueing,
      packetBytes: this.#mtu.packetBytes,
      reorderBytes: this.#receiver.reorderBytes,
    };
  }

  connect(now: Ms): void {
    assert(this.#state.name === "syn-sent" && this.#state.sends === 0, "connected once");
    this.#sendSyn(now, 1);
  }

  write(now: Ms, bytes: Uint8Array, more: boolean): void {
    if (this.#state.name !== "connected" && this.#state.name !== "syn-sent") return;
    assert(this.#outgoing.bytes + bytes.length <= utpLimits.writeBytesMax, "the owner waits for `written`");
    this.#moreFollows = more;
    this.#outgoing.push(bytes);
    this.#fill(now);
  }

  consumed(now: Ms, bytes: number): void {
    if (this.#receiver.consumed(bytes) && this.#state.name === "connected") this.#sendAck(now);
  }

  close(now: Ms): void {
    if (this.#state.name === "syn-sent") return this.#finish();
    if (this.#state.name !== "connected") return;
    this.#state = { name: "closing", until: ms(now + utpTimes.lingerWait), finSent: false };
    this.#fill(now);
  }

  receive(now: Ms, packet: UtpPacket, bytes: Uint8Array): void {
    if (this.#state.name === "closed" || packet.type === utpSyn) return;
    if (packet.type === utpReset) return this.#reset(packet);
    if (this.#state.name === "syn-sent") return this.#connected(now, packet);
    const flightBytes = this.#flight.bytes;
    if (!this.#flight.acknowledge(now, packet, bytes)) return; // acknowledges what was never sent
    this.#hear(now, packet);
    this.#progress(now, flightBytes);
    if (packet.type !== utpState) this.#take(now, packet, bytes);
    this.#fill(now);
    if (this.#receiver.ackDue) this.#sendAck(now);
    if (this.#state.name === "closing" && this.#state.finSent && this.#flight.span === 0) this.#finish();
  }

  wake(now: Ms): void {
    const state = this.#state;
    if (state.name === "closed") return;
    if (state.name === "syn-sent") return this.#synExpires(now, state);
    if (state.name === "closing" && now >= state.until) return this.#giveUp();
    if (now >= this.#lossAt) this.#detectLosses(now);
    if (now >= this.#expiresAt()) this.#expire(now);
    if (this.closed) return;
    this.#fill(now);
    if (now >= this.#receiver.ackAt || now >= this.#sentAt + utpTimes.keepAliveWait) this.#sendAck(now);
  }

  deadline(): Ms | undefined {
    const state = this.#state;
    if (state.name === "closed") return undefined;
    if (state.name === "syn-sent") return state.until;
    let at = Math.min(
      this.#sentAt + utpTimes.keepAliveWait,
      this.#receiver.ackAt,
      this.#lossAt,
      this.#expiresAt(),
    );
    if (state.name === "closing") at = Math.min(at, state.until);
    return ms(at);
  }

  // Opening

  #sendSyn(now: Ms, sends: number): void {
    const wait = Math.min(utpTimes.synWaitFirst * 2 ** (sends - 1), utpTimes.synWaitMax);
    this.#state = { name: "syn-sent", sends, until: ms(now + wait) };
    this.#armedAt = now;
    const seq = seqAdd(this.#flight.first, -1);
    // The SYN alone travels with the id that the other side is to answer with (BEP 29).
    const header = { type: utpSyn, connectionId: this.receiveId, seq };
    this.#send(now, encodeUtpPacket(header, this.#stamp(now)));
  }

  #synExpires(now: Ms, state: State & { readonly name: "syn-sent" }): void {
    if (now < state.until) return;
    if (state.sends < utpTimes.synSendsMax) this.#sendSyn(now, state.sends + 1);
    else this.#end("timeout");
  }

  #connected(now: Ms, packet: UtpPacket): void {
    assert(this.#state.name === "syn-sent", "the answer to a SYN");
    if (packet.type !== utpState || packet.ack !== seqAdd(this.#flight.first, -1)) return;
    if (this.#state.sends === 1) this.#roundTrip.sample(now - this.#armedAt);
    this.#state = { name: "connected" };
    // libutp and libtorrent number the answer as the packet of data that will follow it, against BEP 29's diagram.
    this.#receiver.begin(packet.seq);
    this.#hear(now, packet);
    this.#outbox.push({ type: "opened", connection: this.number });
    if (this.#outgoing.bytes === 0) this.#sendAck(now); // the third packet: the other side waits for it
    this.#fill(now);
  }

  // Hearing

  #hear(now: Ms, packet: UtpPacket): void {
    this.#peerWindow = packet.window;
    this.#difference = (microsOf(now) - packet.timestamp) >>> 0;
    this.#ledbat.ourDelay(now, packet.difference);
    this.#ledbat.theirDelay(now, this.#difference);
  }

  #progress(now: Ms, flightBytes: number): void {
    const flight = this.#flight;
    if (flight.ackedPackets === 0) {
      // A window that is closed is no sign of death: it is asked again and again, at the longest wait.
      if (this.#peerWindow < windowClosed) this.#expiries = Math.min(this.#expiries, utpTimes.probesMax + 4);
      return;
    }
    this.#expiries = 0;
    this.#armedAt = now;
    // Who still takes what was written before the end gets all of it, however slow the path.
    if (this.#state.name === "closing")
      this.#state = { ...this.#state, until: ms(now + utpTimes.lingerWait) };
    if (flight.roundTrip !== undefined) this.#roundTrip.sample(flight.roundTrip);
    this.#ledbat.acknowledged(now, {
      ackedBytes: flight.ackedBytes,
      flightBytes,
      packetBytes: this.#mtu.packetBytes,
      roundTrip: this.#roundTrip.smoothed,
    });
    this.#detectLosses(now);
  }

  #detectLosses(now: Ms): void {
    const found = this.#flight.detect(now, this.#roundTrip.lossWait, this.#congestedSince);
    this.#lossAt = found.again;
    if (found.congested) {
      this.#congestedSince = this.#flight.orderNext;
      this.#ledbat.lost(now, this.#mtu.packetBytes);
    }
    this.#judgeProbe();
  }

  #judgeProbe(): void {
    const fate = this.#flight.probeFate;
    if (fate === "unknown") return;
    if (fate === "arrived") this.#mtu.arrived(this.#probeBytes);
    else this.#mtu.lost(this.#probeBytes);
    this.#flight.probeSeq = -1;
    this.#flight.probeFate = "unknown";
  }

  #take(now: Ms, packet: UtpPacket, bytes: Uint8Array): void {
    const listens = this.#state.name === "connected";
    const payload = packet.type === utpData ? bytes.subarray(packet.payloadFrom) : undefined;
    this.#receiver.take(now, packet.seq, payload, (part) => {
      if (!listens) return false;
      this.#outbox.push({ type: "data", connection: this.number, bytes: part });
      return true;
    });
    if (!this.#receiver.ended || !listens) return;
    // Who has ended does not read on either: what is queued here has no reader.
    this.#outgoing.drop();
    this.#state = { name: "closing", until: ms(now + utpTimes.lingerWait), finSent: false };
    this.#outbox.push({ type: "closed", connection: this.number, reason: "end" });
  }

  #reset(packet: UtpPacket): void {
    if (this.#state.name === "syn-sent") {
      if (packet.ack === seqAdd(this.#flight.first, -1)) this.#end("refused");
      return;
    }
    // It answers a packet of ours and names it: who does not see the packets must guess the number too.
    const behind = seqDistance(packet.ack, this.#flight.next);
    if (behind === 0 || behind > utpLimits.spanPacketsMax + 1) return;
    this.#end("reset");
  }

  // Saying

  /** Sends what the windows let pass: first what was lost, then what is new, at the end the FIN. */
  #fill(now: Ms): void {
    if (this.#state.name !== "connected" && this.#state.name !== "closing") return;
    if (this.#flight.span === 0) {
      if (now - this.#sentAt > this.#roundTrip.timeout) this.#ledbat.rested();
      if (this.#outgoing.bytes > 0) this.#armedAt = Math.max(this.#armedAt, this.#sentAt);
    }
    while (this.#resendLost(now));
    while (this.#sendNew(now, this.#peerWindow));
    const copied = this.#outgoing.takeCopied();
    if (copied > 0 && this.#state.name === "connected") {
      this.#outbox.push({ type: "written", connection: this.number, count: copied });
    }
    if (this.#state.name === "closing" && !this.#state.finSent && this.#outgoing.bytes === 0)
      this.#sendFin(now);
  }

  #resendLost(now: Ms): boolean {
    const packet = this.#flight.lostPacket();
    if (packet === undefined || !this.#passes(packet.datagram.length, this.#ledbat.window)) return false;
    this.#resend(now, packet);
    return true;
  }

  #resend(now: Ms, packet: { readonly seq: number; readonly datagram: Uint8Array }): void {
    this.#flight.resent(now, packet.seq);
    stampUtpPacket(packet.datagram, this.#stamp(now));
    this.#armedAt = now;
    this.#send(now, packet.datagram);
  }

  #sendNew(now: Ms, peerWindow: number): boolean {
    const waiting = this.#outgoing.bytes;
    if (waiting === 0 || this.#flight.full) return false;
    const room = this.#mtu.packetBytes - utpHeaderBytes;
    if (waiting < room && this.#moreFollows && this.#state.name === "connected") return false;
    const payloadBytes = Math.min(waiting, room);
    if (this.#flight.bytes + payloadBytes > peerWindow) return false;
    if (!this.#passes(payloadBytes + utpHeaderBytes, this.#ledbat.window)) return false;
    if (this.#flight.span === 0) this.#armedAt = now;
    const seq = this.#flight.next;
    const datagram = this.#outgoing.cut(this.sendId, seq, payloadBytes);
    stampUtpPacket(datagram, this.#stamp(now));
    this.#flight.push(now, datagram);
    this.#send(now, waiting > room ? this.#padded(now, seq, datagram) : datagram);
    return true;
  }

  /** A full packet of a long transfer may ask whether a larger one would arrive. */
  #padded(now: Ms, seq: number, datagram: Uint8Array): Uint8Array {
    if (this.#flight.probeSeq >= 0) return datagram;
    const bytes = this.#mtu.probeBytes(now);
    if (bytes === undefined || bytes < datagram.length + 2) return datagram;
    this.#flight.probeSeq = seq;
    this.#probeBytes = bytes;
    return padUtpPacket(datagram, bytes);
  }

  #passes(bytes: number, window: number): boolean {
    return this.#flight.bytes === 0 || this.#flight.bytes + bytes <= window;
  }

  #sendFin(now: Ms): void {
    assert(this.#state.name === "closing", "only who closes ends");
    if (this.#flight.full) return;
    this.#state = { ...this.#state, finSent: true };
    if (this.#flight.span === 0) this.#armedAt = now;
    const header = { type: utpFin, connectionId: this.sendId, seq: this.#flight.next };
    const datagram = encodeUtpPacket(header, this.#stamp(now));
    this.#flight.push(now, datagram);
    this.#send(now, datagram);
  }

  #sendAck(now: Ms): void {
    const header = { type: utpState, connectionId: this.sendId, seq: this.#flight.next };
    const mask = this.#receiver.mask();
    this.#send(now, encodeUtpPacket(header, this.#stamp(now, true), mask));
  }

  /** Every packet carries the acknowledgement, and settles what was owed unless a mask belongs to it. */
  #stamp(now: Ms, whole = false): UtpStamp {
    return {
      timestamp: microsOf(now),
      difference: this.#difference,
      window: this.#receiver.advertise(whole),
      ack: this.#receiver.ack,
    };
  }

  #send(now: Ms, bytes: Uint8Array): void {
    this.#sentAt = now;
    this.#outbox.push({ type: "send", to: this.remote, bytes });
  }

  // Waiting

  #expiresAt(): number {
    if (this.#flight.span === 0 && this.#outgoing.bytes === 0) return never;
    if (this.#flight.span === 0 && this.#moreFollows && this.#state.name === "connected") return never;
    const probes = this.#roundTrip.known ? utpTimes.probesMax : 0;
    const wait =
      this.#expiries < probes
        ? this.#roundTrip.probeWait * 2 ** this.#expiries
        : this.#roundTrip.timeout * 2 ** (this.#expiries - probes);
    return this.#armedAt + Math.min(wait, utpTimes.timeoutMax);
  }

  #expire(now: Ms): void {
    this.#expiries += 1;
    this.#armedAt = now;
    if (this.#expiries > utpTimes.expiriesMax) return this.#giveUp();
    if (this.#flight.span === 0) {
      this.#sendNew(now, never); // the window is closed: is it still?
      return;
    }
    if (!this.#roundTrip.known || this.#expiries > utpTimes.probesMax) {
      this.#ledbat.timedOut(this.#mtu.packetBytes);
      this.#congestedSince = this.#flight.orderNext;
      this.#flight.loseAll();
      this.#judgeProbe();
      if (this.#expiries === utpTimes.probesMax + 2 && this.#peerWindow >= windowClosed) this.#mtu.doubted();
    }
    this.#probe(now);
  }

  /** The two oldest again, whatever the window says (RFC 9002, 6.2.4): one of them or its answer may be lost. */
  #probe(now: Ms): void {
    let seq = this.#flight.first;
    for (let sent = 0; sent < 2 && seq !== this.#flight.next; seq = seqAdd(seq, 1)) {
      if (this.#flight.hasArrived(seq)) continue;
      this.#resend(now, { seq, datagram: this.#flight.datagram(seq) });
      sent += 1;
    }
  }

  // Ending

  #giveUp(): void {
    if (this.#state.name === "closing") this.#finish();
    else this.#end("timeout");
  }

  #end(reason: UtpCloseReason): void {
    const told = this.#state.name === "connected" || this.#state.name === "syn-sent";
    this.#finish();
    if (told) this.#outbox.push({ type: "closed", connection: this.number, reason });
  }

  #finish(): void {
    this.#state = { name: "closed" };
    this.#outgoing.drop();
    this.#receiver.drop();
  }
}
