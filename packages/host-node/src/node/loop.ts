import { type Ms, ms } from "@dure/base";
import {
  type Carrier,
  type DiskResult,
  type HostEvent,
  type NetEffect,
  type Report,
  type StateResult,
  slabBytes,
} from "@dure/carrier";
import type { DiskWorkers } from "../disk/index.ts";
import type { NodeNet } from "../net/index.ts";
import type { StateWorker } from "../state/index.ts";

export interface LoopParts {
  readonly carrier: Carrier;
  readonly net: NodeNet;
  readonly disk: DiskWorkers;
  readonly state: StateWorker;
  readonly onReport: (report: Report) => void;
}

/** A deadline is looked for this often at most while payload flows: no payload event makes one that is nearer. */
const lookEvery = 20;

/** Milliseconds on the monotonic clock. */
export function monotonic(): Ms {
  return ms(performance.now());
}

/** Turns real events into turns of the carrier, and its effects into system calls. */
export class Loop {
  readonly #parts: LoopParts;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #ended = false;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  event(event: HostEvent): void {
    if (this.#ended) return;
    const now = monotonic();
    this.#parts.carrier.handle(now, event);
    this.#perform();
    const payload = event.type === "tcp-data" || event.type === "tcp-written" || event.type === "disk";
    if (!payload || now - this.#lookedAt >= lookEvery) this.#arm(now);
  }

  diskResults(results: readonly DiskResult[]): void {
    this.event({ type: "disk", results });
  }

  stateResults(results: readonly StateResult[]): void {
    this.event({ type: "state", results });
  }

  /** A turn that the node's owner begins. */
  turn<T>(act: (now: Ms) => T): T {
    const now = monotonic();
    const result = this.#parts.carrier.turn(now, () => act(now));
    this.#perform();
    this.#arm(now);
    return result;
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #perform(): void {
    const { carrier, net, disk, state, onReport } = this.#parts;
    for (let effect = carrier.poll(); effect !== undefined; effect = carrier.poll()) {
      if (effect.type === "disk") disk.submit(effect.jobs);
      else if (effect.type === "state") state.submit(effect.jobs);
      else if (effect.type === "report") onReport(effect);
      else net.perform(effect as NetEffect); // the rest of the union, which the types lose over `Exclude`
    }
    net.flush();
  }

  #arm(now: Ms): void {
    this.#lookedAt = now;
    const at = this.#parts.carrier.deadline();
    if (at === undefined || at >= this.#timerAt) return; // an earlier timer looks again by itself
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(
      () => {
        this.#timerAt = Number.POSITIVE_INFINITY;
        this.event({ type: "wake" });
      },
      Math.max(0, at - now),
    );
  }
}

/** The payload memory: shared with the disk's workers, in whole slabs. */
export function poolMemory(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(Math.max(16, Math.ceil(bytes / slabBytes)) * slabBytes);
}
