import { type Address, assert, type Machine, type Ms, ms } from "@dure/base";
import type {
  DhtCommand,
  DhtInput,
  DhtItem,
  DhtKey,
  DhtOutput,
  DhtSnapshot,
  DhtStatus,
  LookupReport,
} from "@dure/protocol";
import type { EventQueue } from "../time/index.ts";
import type { DatagramNet, Listener, Place } from "./datagram-net.ts";

/** The machine as the laboratory uses it: `Dht`, or one with a planted bug around it. */
export interface DhtMachine extends Machine<DhtInput, DhtOutput> {
  status(now: Ms): DhtStatus;
  snapshot(): DhtSnapshot;
}

/** A command before it is numbered. */
export type Wish = DistributeOmit<DhtCommand, "request">;
type DistributeOmit<T, Key extends PropertyKey> = T extends unknown ? Omit<T, Key> : never;

/** What came of a command. */
export interface Outcome {
  readonly node: LabNode;
  readonly peers: readonly Address[];
  readonly values: readonly DhtItem[];
  readonly report: LookupReport;
}

interface Request {
  readonly peers: Address[];
  readonly values: DhtItem[];
  readonly tell: Tell;
}

/** Hears how a request ended; undefined when the node was gone before. */
export type Tell = (outcome: Outcome | undefined) => void;

/** One node of the network: a machine, driven on virtual time. */
export class LabNode implements Listener {
  readonly place: Place;
  readonly joinedAt: Ms;
  readonly #net: DatagramNet;
  readonly #clock: EventQueue;
  readonly #requests = new Map<number, Request>(); // bounded by what the scenario asks at once
  #machine: DhtMachine | undefined;
  #id: DhtKey = new Uint8Array(20);
  #asked = 0;
  #wakeAt = Number.POSITIVE_INFINITY;
  #driving = false;

  constructor(options: {
    readonly place: Place;
    readonly net: DatagramNet;
    readonly clock: EventQueue;
    readonly machine: DhtMachine;
  }) {
    this.place = options.place;
    this.joinedAt = options.clock.now;
    this.#net = options.net;
    this.#clock = options.clock;
    this.#machine = options.machine;
    this.place.listener = this;
    this.#drive({ type: "start" });
  }

  get id(): DhtKey {
    return this.#id;
  }

  get address(): Address {
    return this.place.address;
  }

  get running(): boolean {
    return this.#machine !== undefined;
  }

  get status(): DhtStatus {
    assert(this.#machine !== undefined, "a node that runs is asked");
    return this.#machine.status(this.#clock.now);
  }

  get snapshot(): DhtSnapshot {
    assert(this.#machine !== undefined, "a node that runs is asked");
    return this.#machine.snapshot();
  }

  ask(wish: Wish, tell: Tell): void {
    this.#asked += 1;
    this.#requests.set(this.#asked, { peers: [], values: [], tell });
    // The cast: a wish is a command but for its number.
    this.#drive({ ...wish, request: this.#asked } as DhtCommand);
  }

  hear(_now: Ms, from: Address, bytes: Uint8Array): void {
    this.#drive({ type: "datagram", endpoint: 0, from, bytes });
  }

  /** Gone without a word, as when a computer is switched off. */
  leave(): void {
    this.#machine = undefined;
    this.#net.remove(this.place);
    for (const { tell } of this.#requests.values()) tell(undefined);
    this.#requests.clear();
  }

  #drive(input: DhtInput): void {
    assert(!this.#driving, "a machine is drained before it hears more");
    const machine = this.#machine;
    if (machine === undefined) return;
    this.#driving = true;
    machine.handle(this.#clock.now, input);
    const ended: (() => void)[] = []; // bounded by the requests under way
    for (let output = machine.poll(); output !== undefined; output = machine.poll()) this.#act(output, ended);
    this.#driving = false;
    this.#plan(machine.deadline());
    for (const tell of ended) tell();
  }

  #act(output: DhtOutput, ended: (() => void)[]): void {
    switch (output.type) {
      case "send":
        return this.#net.send(this.place, output.to, output.bytes);
      case "id":
        this.#id = output.id;
        return;
      case "peers":
        this.#requests.get(output.request)?.peers.push(...output.addresses);
        return;
      case "value":
        this.#requests.get(output.request)?.values.push(output.item);
        return;
      case "done": {
        const request = this.#requests.get(output.request);
        this.#requests.delete(output.request);
        if (request === undefined) return;
        const { peers, values } = request;
        ended.push(() => request.tell({ node: this, peers, values, report: output.report }));
        return;
      }
      case "verify-signature":
        assert(false, "the laboratory stores immutable items, which need no signature");
        return;
      case "ready":
      case "samples":
      case "scraped":
        return;
    }
  }

  // A timer is not called off: it looks whether it is still wanted. Deadlines move with almost each datagram.
  #plan(deadline: Ms | undefined): void {
    if (deadline === undefined || deadline >= this.#wakeAt) return;
    const at = ms(Math.max(deadline, this.#clock.now));
    this.#wakeAt = at;
    this.#clock.at(at, () => this.#wake(at));
  }

  #wake(planned: Ms): void {
    if (this.#wakeAt !== planned) return; // an earlier one took its place
    this.#wakeAt = Number.POSITIVE_INFINITY;
    const deadline = this.#machine?.deadline();
    if (deadline === undefined) return;
    if (deadline > this.#clock.now) this.#plan(deadline);
    else this.#drive({ type: "wake" });
  }
}
