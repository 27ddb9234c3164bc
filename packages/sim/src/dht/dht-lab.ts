import { type Address, assert, type Family, type Ms, ms, Prng } from "@dure/base";
import { type Defences, Dht, type DhtOptions } from "@dure/protocol";
import { ReplayHash } from "../replay-hash.ts";
import { EventQueue } from "../time/index.ts";
import { Addresses } from "./addresses.ts";
import { DatagramNet } from "./datagram-net.ts";
import type { DelayOptions } from "./delays.ts";
import { type DhtMachine, LabNode, type Outcome, type Wish } from "./lab-node.ts";
import { Nat, type NatKind } from "./nat.ts";
import { Neighbours } from "./neighbours.ts";

export interface DhtLabOptions {
  readonly family?: Family;
  readonly defences?: Partial<Defences>;
  /** The share of nodes behind a NAT, a third of them behind each kind. Default 0.3. */
  readonly natShare?: number;
  /** Default 0.02. */
  readonly loss?: number;
  readonly delays?: DelayOptions;
  /** Whether `hash` is kept: it costs a tenth of the time. Default false. */
  readonly replay?: boolean;
  /** A machine of its own instead of `Dht`: for planted bugs. */
  readonly twist?: (options: DhtOptions) => DhtMachine;
}

/** One way; the median round trip is 160 ms, one in twenty takes 0.6 s, one in a thousand 1.9 s. */
const delaysDefault: DelayOptions = { median: 80, sigma: 0.8 };
const natKinds: readonly NatKind[] = ["full", "restricted", "port-restricted"];
/** So many nodes a newcomer is told of, as a host or a torrent would. */
const bootstrapCount = 4;
/** Of the network there is, so much joins each second; the first ones one by one. */
const growthShare = 0.2;

/** A DHT of real nodes on virtual time. Everything in it follows from the seed. */
export class DhtLab {
  readonly seed: number;
  readonly clock = new EventQueue();
  readonly net: DatagramNet;
  readonly addresses: Addresses;
  /** Chooses who asks what. */
  readonly prng: Prng;
  /** Those that run, in no order that means anything. */
  readonly nodes: LabNode[] = []; // bounded by the scenario
  readonly #options: DhtLabOptions;
  readonly #replay: ReplayHash | undefined;
  readonly #nodePrng: Prng;

  constructor(seed: number, options: DhtLabOptions = {}) {
    this.seed = seed;
    this.#options = options;
    const prng = new Prng(seed, "dht lab");
    const { clock } = this;
    this.#replay = options.replay === true ? new ReplayHash() : undefined;
    this.#nodePrng = prng.split("nodes");
    this.addresses = new Addresses(prng.split("addresses"), options.family ?? 4);
    this.net = new DatagramNet({
      clock,
      prng: prng.split("net"),
      delays: options.delays ?? delaysDefault,
      loss: options.loss ?? 0.02,
      replay: this.#replay,
    });
    this.prng = prng.split("scenario");
  }

  get now(): Ms {
    return this.clock.now;
  }

  /** Everything that was sent until now, as one number. */
  get hash(): string {
    assert(this.#replay !== undefined, "a hash was wanted when the laboratory was made");
    return this.#replay.digest();
  }

  /** One more node, which joins through some of those there are. */
  join(): LabNode {
    const prng = this.#nodePrng;
    const nat = prng.chance(this.#options.natShare ?? 0.3)
      ? new Nat(prng.pick(natKinds) ?? "full")
      : undefined;
    const place = this.net.place(this.addresses.next(), this.nodes.length < bootstrapCount ? undefined : nat);
    const options: DhtOptions = {
      // Who is behind a NAT learns his address from what others tell him, as in the world.
      endpoints: [
        {
          family: this.#options.family ?? 4,
          ...(place.nat === undefined && { externalIp: place.address.ip }),
        },
      ],
      prng: prng.split("machine"),
      bootstrap: this.#bootstrap(),
      ...(this.#options.defences !== undefined && { defences: this.#options.defences }),
      responder: { tokenSecret: prng.bytes(16) },
    };
    const machine = this.#options.twist?.(options) ?? new Dht(options);
    const node = new LabNode({ place, net: this.net, clock: this.clock, machine });
    this.nodes.push(node);
    return node;
  }

  /** Until the network has so many nodes. It grows as networks do: the faster, the larger it is. */
  grow(count: number): void {
    while (this.nodes.length < count) {
      this.join();
      this.runFor(1000 / Math.max(1, this.nodes.length * growthShare));
    }
  }

  leave(node: LabNode): void {
    const at = this.nodes.indexOf(node);
    assert(at >= 0, "who leaves was there");
    const last = this.nodes.pop();
    if (last !== undefined && last !== node) this.nodes[at] = last;
    node.leave();
  }

  /** Lets time pass. */
  runFor(duration: number): void {
    const end = ms(this.now + duration);
    for (let next = this.clock.next; next !== undefined && next <= end; next = this.clock.next)
      this.clock.step();
    this.clock.jump(end);
  }

  /**
   * Lets nodes ask, one after the other within `spread`, and waits for all. The outcome of one that left before the end
   * is undefined.
   */
  askAll(
    wishes: readonly { readonly node: LabNode; readonly wish: Wish }[],
    spread: number,
  ): (Outcome | undefined)[] {
    const outcomes = new Array<Outcome | undefined>(wishes.length).fill(undefined);
    let waiting = 0;
    for (const [index, { node, wish }] of wishes.entries()) {
      const at = ms(this.now + (spread * index) / wishes.length);
      waiting += 1;
      this.clock.at(at, () => {
        if (!node.running) waiting -= 1;
        else
          node.ask(wish, (outcome) => {
            outcomes[index] = outcome;
            waiting -= 1;
          });
      });
    }
    const end = this.now + spread + lookupTimeMax;
    while (waiting > 0 && this.now < end && this.clock.step());
    return outcomes;
  }

  /** Running nodes by lot; each once before any twice. */
  pickNodes(count: number): LabNode[] {
    const picked: LabNode[] = [];
    while (picked.length < count) {
      const round = this.prng.shuffle([...this.nodes]);
      picked.push(...round.slice(0, count - picked.length));
      assert(round.length > 0, "there is somebody to pick");
    }
    return picked;
  }

  /** All that have no NAT before them: whoever of these is closest to a key, a lookup should find. */
  open(): Neighbours<LabNode> {
    return new Neighbours(this.nodes.filter((node) => node.place.nat === undefined));
  }

  #bootstrap(): Address[] {
    const reachable: Address[] = [];
    for (let tries = 0; tries < 10 * bootstrapCount && reachable.length < bootstrapCount; tries += 1) {
      const node = this.#nodePrng.pick(this.nodes);
      if (node?.place.nat === undefined && node !== undefined && !reachable.includes(node.address))
        reachable.push(node.address);
    }
    return reachable;
  }
}

/** A lookup that takes longer is not waited for. */
const lookupTimeMax = 120_000;
