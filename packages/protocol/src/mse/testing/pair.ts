import { concat, hex, type InfoHash, infoHash, must, type Prng } from "@dure/base";
import {
  drawMseChance,
  type MseEstablished,
  MseIncoming,
  type MseMethod,
  MseOutgoing,
  type MseReason,
  TorrentMarks,
} from "../index.ts";

export const torrentOf = (byte: number): InfoHash =>
  must(infoHash(new Uint8Array(20).fill(byte)), "20 bytes are a hash");

export function marksOf(...torrents: readonly InfoHash[]): TorrentMarks {
  const marks = new TorrentMarks();
  for (const torrent of torrents) marks.add(torrent);
  return marks;
}

/** Both sides of a handshake, and what each has said and come to. */
export class Side {
  readonly machine: MseOutgoing | MseIncoming;
  said: Uint8Array = new Uint8Array(0);
  /** The lengths of its utterances: with the paddings known, a transcript. */
  readonly transcript: string[] = [];
  end: MseEstablished | undefined;
  plain: Uint8Array | undefined;
  failure: MseReason | undefined;

  constructor(machine: MseOutgoing | MseIncoming) {
    this.machine = machine;
    this.drain();
  }

  get over(): boolean {
    return this.end !== undefined || this.plain !== undefined || this.failure !== undefined;
  }

  /** What comes after the end is not for the machine. */
  hear(bytes: Uint8Array): this {
    this.machine.receive(bytes.slice());
    this.drain();
    return this;
  }

  drain(): void {
    for (let output = this.machine.poll(); output !== undefined; output = this.machine.poll()) {
      if (output.type === "send") {
        this.said = concat([this.said, output.bytes]);
        this.transcript.push(`says ${output.bytes.length}`);
      } else if (output.type === "established") {
        this.end = output;
        this.transcript.push(`${output.method}, rest ${hex(output.rest)}`);
      } else if (output.type === "plain") {
        this.plain = output.rest;
        this.transcript.push(`plain, rest ${hex(output.rest)}`);
      } else {
        this.failure = output.reason;
        this.transcript.push(output.reason);
      }
    }
  }
}

export interface PairShape {
  readonly offered?: readonly MseMethod[];
  readonly chosen?: readonly MseMethod[];
  readonly initialPayload?: Uint8Array;
}

export function pair(prng: Prng, shape: PairShape = {}): { readonly a: Side; readonly b: Side } {
  const infoHash = torrentOf(7);
  const random = (count: number) => prng.bytes(count);
  const a = new MseOutgoing({
    infoHash,
    chance: drawMseChance(random),
    methods: shape.offered ?? ["rc4"],
    initialPayload: shape.initialPayload ?? new Uint8Array(0),
  });
  const b = new MseIncoming({
    torrents: marksOf(torrentOf(1), infoHash, torrentOf(9)),
    chance: () => drawMseChance(random),
    methods: shape.chosen ?? ["rc4", "plain"],
  });
  return { a: new Side(a), b: new Side(b) };
}

/** Carries what each says to the other in chunks, until both are through or nothing moves. */
export function converse({ a, b }: { a: Side; b: Side }, chunk: () => number): void {
  const heard = { a: 0, b: 0 };
  for (let moved = true; moved; ) {
    moved = false;
    for (const [from, to, key] of [
      [a, b, "b"],
      [b, a, "a"],
    ] as const) {
      while (!to.over && heard[key] < from.said.length) {
        const bytes = from.said.subarray(heard[key], heard[key] + chunk());
        heard[key] += bytes.length;
        to.hear(bytes);
        moved = true;
      }
    }
  }
}
