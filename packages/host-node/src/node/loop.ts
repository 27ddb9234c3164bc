import { type Ms, ms } from "@dure/base";
import {
  type Carrier,
  type CopyBytes,
  type DhtReport,
  type DiskJob,
  type DiskResult,
  type HostEvent,
  type NetEffect,
  type Report,
  type StateResult,
  slabBytes,
} from "@dure/carrier";
import { Signatures } from "../dht/index.ts";
import type { DiskWorkers } from "../disk/index.ts";
import type { NodeNet } from "../net/index.ts";
import type { StateWorker } from "../state/index.ts";

export interface LoopParts {
  readonly carrier: Carrier;
  readonly net: NodeNet;
  readonly disk: DiskWorkers;
  readonly state: StateWorker;
  readonly onReport: (report: Report) => void;
  readonly onDhtReport: (report: DhtReport) => void;
}

/** A deadline is looked for this often at most while payload or datagrams flow, and so late at most after the last. */
const lookEvery = 20;

/**
 * Writes and verdicts wait for company: nobody waits for them, and each message costs both sides, and the switch between
 * them, some twenty microseconds. Everything else leaves with the turn of the event loop.
 */
const gatherBytes = 1 << 20;
const gatherWait = 4;

/** Milliseconds on the monotonic clock. */
export function monotonic(): Ms {
  return ms(performance.now());
}

/** Turns real events into turns of the carrier, and its effects into system calls. */
export class Loop {
  readonly #parts: LoopParts;
  readonly #signatures = new Signatures((verdict) => this.event(verdict));
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #diskJobs: DiskJob[] = []; // bounded by `gatherBytes`, and by one turn of the event loop
  #diskBytes = 0;
  #submitting: "soon" | "later" | undefined;
  #ended = false;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  event(event: HostEvent): void {
    if (this.#ended) return;
    const now = monotonic();
    this.#parts.carrier.handle(now, event);
    this.#perform();
    if (!isFrequent(event) || now - this.#lookedAt >= lookEvery) this.#arm(now);
    else this.#wakeAt(now, this.#lookedAt + lookEvery);
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
    this.#submit();
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #perform(): void {
    const { carrier, net, state, onReport, onDhtReport } = this.#parts;
    for (let effect = carrier.poll(); effect !== undefined; effect = carrier.poll()) {
      if (effect.type === "disk") this.#gather(effect.jobs);
      else if (effect.type === "state") state.submit(effect.jobs);
      else if (effect.type === "report") onReport(effect);
      else if (effect.type === "dht-report") onDhtReport(effect);
      else if (effect.type === "verify-signature") this.#signatures.check(effect);
      else net.perform(effect as NetEffect); // the rest of the union, which the types lose over `Exclude`
    }
    net.flush();
  }

  #gather(jobs: readonly DiskJob[]): void {
    let urgent = false;
    for (const job of jobs) {
      this.#diskJobs.push(job);
      if (job.type === "write") this.#diskBytes += job.length;
      else if (job.type !== "verify" && job.type !== "forget") urgent = true;
    }
    if (this.#diskBytes >= gatherBytes) return this.#submit();
    if (urgent && this.#submitting !== "soon") {
      this.#submitting = "soon";
      setImmediate(() => this.#submit());
    } else if (this.#submitting === undefined) {
      this.#submitting = "later";
      setTimeout(() => this.#submit(), gatherWait);
    }
  }

  #submit(): void {
    this.#submitting = undefined;
    if (this.#diskJobs.length === 0) return;
    const jobs = this.#diskJobs;
    this.#diskJobs = [];
    this.#diskBytes = 0;
    this.#parts.disk.submit(jobs);
  }

  #arm(now: Ms): void {
    this.#lookedAt = now;
    const at = this.#parts.carrier.deadline();
    if (at !== undefined) this.#wakeAt(now, at);
  }

  #wakeAt(now: Ms, at: number): void {
    if (at >= this.#timerAt) return; // an earlier timer looks again by itself
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

function isFrequent({ type }: HostEvent): boolean {
  return type === "tcp-data" || type === "tcp-written" || type === "disk" || type === "udp-data";
}

/** The payload memory: shared with the disk's workers, in whole slabs. */
export function poolMemory(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(Math.max(16, Math.ceil(bytes / slabBytes)) * slabBytes);
}

/**
 * `memmove` by way of Buffer. `TypedArray.set` into shared memory copies atomically, and byte by byte where source and
 * target are not aligned alike, as blocks behind 13-byte heads never are: 2.5 GB/s against 30. The Buffer over the
 * source is kept: it is nearly always the one read buffer.
 */
export function bytesCopier(): CopyBytes {
  let last: Buffer = Buffer.alloc(0);
  return (target, at, source, from, to) => {
    if (last.buffer !== source.buffer) last = Buffer.from(source.buffer);
    last.copy(target, at, source.byteOffset + from, source.byteOffset + to);
  };
}
