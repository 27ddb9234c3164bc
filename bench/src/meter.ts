import { cpuSeconds, highWaterBytes, memory } from "./usage.ts";
import type { ReceivedBytes } from "./wire.ts";

const payloadPollWait = 1;
const sampleWait = 50;

export interface Peak {
  rssBytes: number;
  anonymousBytes: number;
}

interface Subject {
  readonly pid: number;
  readonly peak: Peak;
  cpu: number;
}

export interface Reading {
  /** Since the meter was started. */
  readonly cpuSeconds: number;
  readonly peak: Readonly<Peak>;
}

/**
 * Watches one transfer from outside, alike for every program: the leecher's wire for the first payload, both process
 * trees for CPU and memory.
 */
export class Meter {
  readonly #wire: ReceivedBytes;
  readonly #wireBytesBefore: number;
  readonly #payloadAfterBytes: number;
  readonly #leecher: Subject;
  readonly #seeder: Subject;
  readonly #seederCpuAtStart: number;
  #timer: NodeJS.Timeout | undefined;
  #sampledAt = 0;
  #firstPayload: { readonly at: number; readonly leecherCpu: number; readonly seederCpu: number } | undefined;

  /** Start it right after the leecher: what the seeder did before is not counted. */
  constructor(options: {
    leecherPid: number;
    seederPid: number;
    wire: ReceivedBytes;
    /** Its count before the leecher started. */
    wireBytesBefore: number;
    /** More than handshake and bitfield come to, at most one block. */
    payloadAfterBytes: number;
  }) {
    this.#leecher = subject(options.leecherPid);
    this.#seeder = subject(options.seederPid);
    this.#seederCpuAtStart = cpuSeconds(options.seederPid) ?? 0;
    this.#payloadAfterBytes = options.payloadAfterBytes;
    this.#wire = options.wire;
    this.#wireBytesBefore = options.wireBytesBefore;
    this.#tick();
  }

  /** Call at the moment the leecher reports completion; the meter stops. */
  finish(): {
    readonly at: number;
    readonly firstPayloadAt: number | undefined;
    readonly receivedBytes: number;
    readonly leecher: Reading;
    readonly seeder: Reading;
    /** From the first payload on. */
    readonly leecherCpuTransferring: number | undefined;
  } {
    const at = performance.now();
    this.#sample();
    this.stop();
    const receivedBytes = this.#received();
    const first = this.#firstPayload;
    return {
      at,
      firstPayloadAt: first?.at,
      receivedBytes,
      leecher: { cpuSeconds: this.#leecher.cpu, peak: this.#leecher.peak },
      seeder: { cpuSeconds: this.#seeder.cpu - this.#seederCpuAtStart, peak: this.#seeder.peak },
      leecherCpuTransferring: first === undefined ? undefined : this.#leecher.cpu - first.leecherCpu,
    };
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    if (this.#firstPayload === undefined && this.#received() > this.#payloadAfterBytes) {
      this.#sample();
      this.#firstPayload = { at: now, leecherCpu: this.#leecher.cpu, seederCpu: this.#seeder.cpu };
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

  #sample(): void {
    this.#sampledAt = performance.now();
    for (const subject of [this.#leecher, this.#seeder]) {
      // A program that ended between samples keeps its last figures.
      subject.cpu = cpuSeconds(subject.pid) ?? subject.cpu;
      const now = memory(subject.pid);
      const rssBytes = Math.max(now?.rssBytes ?? 0, highWaterBytes(subject.pid) ?? 0);
      subject.peak.rssBytes = Math.max(subject.peak.rssBytes, rssBytes);
      subject.peak.anonymousBytes = Math.max(subject.peak.anonymousBytes, now?.anonymousBytes ?? 0);
    }
  }
}

function subject(pid: number): Subject {
  return { pid, peak: { rssBytes: 0, anonymousBytes: 0 }, cpu: 0 };
}
