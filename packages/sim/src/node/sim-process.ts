import { createPublicKey, verify } from "node:crypto";
import { assert, type Ms, ms, type PeerId, type Prng, peerId, utf8 } from "@dure/base";
import {
  Carrier,
  type DhtDeskOptions,
  type DiskResult,
  type EncryptionMode,
  type EncryptionOptions,
  type HostEffect,
  type HostEvent,
  type NetEffect,
  type Report,
  type StateJob,
  type StateResult,
} from "@dure/carrier";
import type { LimitSettings } from "@dure/engine";
import { type DiskTwist, SimDisk, type Volume } from "../disk/index.ts";
import { type Host, type Network, SimNet } from "../net/index.ts";
import { type SimProfile, SimState } from "../state/index.ts";
import type { Timer } from "../time/index.ts";

/** How a process differs from an honest one: a hostile peer's seam, or a planted bug. */
export interface Twist extends DiskTwist {
  /** False: the process does not hear of it. */
  readonly hears?: (event: HostEvent) => boolean;
}

export interface SimProcessOptions {
  readonly network: Network;
  readonly host: Host;
  readonly volume: Volume;
  readonly profile: SimProfile;
  readonly pid: number;
  readonly prng: Prng;
  readonly poolBytes: number;
  readonly limits: LimitSettings;
  readonly twist: Twist;
  /** Names or addresses of nodes to begin with; undefined: no DHT. */
  readonly dht?: SimDhtOptions | undefined;
  /** Undefined: off. */
  readonly encryption?: EncryptionMode | undefined;
  readonly onReport: (report: Report) => void;
  /** Jobs as they are asked for: what they claim can be checked. */
  readonly onState: (jobs: readonly StateJob[]) => void;
}

export interface SimDhtOptions {
  readonly bootstrap: readonly { readonly host: string; readonly port: number }[];
  readonly readOnly?: boolean;
}

export const listenPort = 6881;
/** More turns than this in one moment are a machine that wakes itself for ever. */
const wakesAtOnceMax = 1000;

/** One run of the program: a carrier and the simulated ports that it drives. The twin of host-node's loop. */
export class SimProcess {
  readonly carrier: Carrier;
  readonly net: SimNet;
  readonly pid: number;
  readonly peerId: PeerId;
  readonly poolBytes: number;
  readonly #options: SimProcessOptions;
  readonly #disk: SimDisk;
  readonly #state: SimState;
  #timer: Timer | undefined;
  #alive = true;
  #wakes = { at: -1, count: 0 };

  constructor(options: SimProcessOptions) {
    const { network, host, volume, profile, pid, prng, poolBytes, limits, twist } = options;
    const { clock } = network;
    this.#options = options;
    this.pid = pid;
    this.poolBytes = poolBytes;
    const id = new Uint8Array(20);
    id.set(utf8("-DU0100-"));
    id.set(prng.bytes(12), 8);
    const made = peerId(id);
    assert(made !== undefined, "20 bytes are a peer id");
    this.peerId = made;
    const pool = new Uint8Array(poolBytes);
    this.carrier = new Carrier({
      peerId: this.peerId,
      memory: pool,
      limits,
      allowLocalUrls: false,
      prng: prng.split("carrier"),
      ...(options.dht === undefined ? {} : { dht: dhtOptions(options.dht, prng.split("dht")) }),
      ...(options.encryption === undefined
        ? {}
        : { encryption: encryptionOptions(options.encryption, prng.split("encryption")) }),
    });
    this.net = new SimNet({ network, host, port: listenPort, onEvent: (event) => this.event(event) });
    const onDisk = (results: readonly DiskResult[]) => this.event({ type: "disk", results });
    this.#disk = new SimDisk({ clock, volume, pool, prng: prng.split("disk"), twist, onResults: onDisk });
    const onState = (results: readonly StateResult[]) => this.event({ type: "state", results });
    this.#state = new SimState({ clock, profile, prng: prng.split("state"), pid, onResults: onState });
    if (options.dht !== undefined)
      this.turn(() => this.carrier.dht?.start({ endpoints: [{ family: 4 }], port: listenPort }));
  }

  get now(): Ms {
    return this.#options.network.clock.now;
  }

  get alive(): boolean {
    return this.#alive;
  }

  event(event: HostEvent): void {
    if (!this.#alive || this.#options.twist.hears?.(event) === false) return;
    this.carrier.handle(this.now, event);
    this.#perform();
    this.#arm();
  }

  /** A turn that the process's owner begins. */
  turn<T>(act: (now: Ms) => T): T {
    assert(this.#alive, "a dead process has no turns");
    const now = this.now;
    const result = this.carrier.turn(now, () => act(now));
    this.#perform();
    this.#arm();
    return result;
  }

  end(how: "goodbye" | "silent"): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#timer?.cancel();
    this.net.close(how);
    this.#disk.close();
    this.#state.close();
  }

  #perform(): void {
    const { onReport, onState } = this.#options;
    for (let effect = this.carrier.poll(); effect !== undefined; effect = this.carrier.poll()) {
      if (effect.type === "disk") this.#disk.submit(effect.jobs);
      else if (effect.type === "state") {
        onState(effect.jobs);
        this.#state.submit(effect.jobs);
      } else if (effect.type === "report") onReport(effect);
      else if (effect.type === "dht-report") continue;
      else if (effect.type === "verify-signature") this.#verify(effect);
      else this.net.perform(effect as NetEffect); // the rest of the union, which the types lose over `Exclude`
    }
  }

  #verify(effect: Extract<HostEffect, { type: "verify-signature" }>): void {
    const { job, publicKey, signature, message } = effect;
    const x = Buffer.from(publicKey).toString("base64url");
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
    const good = verify(null, message, key, signature);
    this.#options.network.clock.after(0, () => this.event({ type: "signature", job, good }));
  }

  #arm(): void {
    const at = this.carrier.deadline();
    if (at === undefined || !this.#alive) return;
    const { clock } = this.#options.network;
    const due = ms(Math.max(at, clock.now));
    if (this.#timer !== undefined && this.#timer.at <= due) return; // it looks again by itself
    this.#timer?.cancel();
    this.#timer = clock.at(due, () => {
      this.#timer = undefined;
      this.#countWake();
      this.event({ type: "wake" });
    });
  }

  #countWake(): void {
    const { now } = this;
    this.#wakes = this.#wakes.at === now ? { at: now, count: this.#wakes.count + 1 } : { at: now, count: 1 };
    assert(this.#wakes.count < wakesAtOnceMax, "a wake moves the deadline");
  }
}

function encryptionOptions(mode: EncryptionMode, prng: Prng): EncryptionOptions {
  return { mode, random: (count) => prng.bytes(count) };
}

function dhtOptions({ bootstrap, readOnly }: SimDhtOptions, prng: Prng): DhtDeskOptions {
  return {
    bootstrap,
    ...(readOnly === undefined ? {} : { readOnly }),
    tokenSecret: prng.bytes(32),
    prng,
  };
}
