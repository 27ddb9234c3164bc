import { TreeMeter, type TreeReading } from "./tree-meter.ts";
import type { ReceivedBytes } from "./wire.ts";

const payloadPollWait = 1;
const sampleWait = 50;

export interface TransferReading {
  /** When it was finished, and when the first payload was seen: `performance.now()`. */
  readonly at: number;
  readonly firstPayloadAt: number | undefined;
  readonly receivedBytes: number;
  readonly leecher: TreeReading;
  /** What the leecher had used when its first payload came: start of the interpreter, tracker. */
  readonly leecherCpuBefore: number;
  readonly seeder: TreeReading;
}

/**
 * Watches one transfer from outside, alike for every program: the leecher's wire for the first payload, both process
 * trees for CPU and memory.
 */
export class Meter {
  readonly #wire: ReceivedBytes;
  readonly #wireBytesBefore: number;
  readonly #payloadAfterBytes: number;
  readonly #leecher: TreeMeter;
  readonly #seeder: TreeMeter;
  #timer: NodeJS.Timeout | undefined;
  #sampledAt = 0;
  #firstPayload: { readonly at: number; readonly leecherCpu: number } | undefined;

  /** Make it right after the leecher: what the seeder did before is not counted. */
  constructor(options: {
    leecherPid: number;
    seederPid: number;
    wire: ReceivedBytes;
    /** Its count before the leecher started. */
    wireBytesBefore: number;
    /** More than handshake and bitfield come to, at most one block. */
    payloadAfterBytes: number;
  }) {
    this.#leecher = new TreeMeter(options.leecherPid, { fromStart: true });
    this.#seeder = new TreeMeter(options.seederPid, { fromStart: false });
    this.#payloadAfterBytes = options.payloadAfterBytes;
    this.#wire = options.wire;
    this.#wireBytesBefore = options.wireBytesBefore;
    this.#tick();
  }

  /** Call at the moment the leecher reports completion; the meter stops. */
  finish(): TransferReading {
    const at = performance.now();
    const leecher = this.#leecher.sample();
    const seeder = this.#seeder.sample();
    this.stop();
    return {
      at,
      firstPayloadAt: this.#firstPayload?.at,
      receivedBytes: this.#received(),
      leecher,
      leecherCpuBefore: this.#firstPayload?.leecherCpu ?? 0,
      seeder,
    };
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    if (this.#firstPayload === undefined && this.#received() > this.#payloadAfterBytes) {
      this.#firstPayload = { at: now, leecherCpu: this.#sample() };
    } else if (now - this.#sampledAt >= sampleWait) {
      this.#sample();
    }
    this.#timer = setTimeout(
      () => this.#tick(),
      this.#firstPayload === undefined ? payloadPollWait : sampleWait,
    );
  }

  #received(): number {
    return this.#wire.read() - this.#wireBytesBefore;
  }

  #sample(): number {
    this.#sampledAt = performance.now();
    this.#seeder.sample();
    return this.#leecher.sample().cpuSeconds;
  }
}
