import { assert, at, Bitfield, byteAt, must } from "@dure/base";
import { type BlockSpan, peerWireLimits } from "@dure/protocol";
import { type Pool, slabBytes } from "./pool.ts";

const { blockBytes } = peerWireLimits;
const runBlocks = slabBytes / blockBytes;

const empty = 0;
const arriving = 1;
const filled = 2;
/** Given to the disk; the memory is the disk's until the write is done. */
const writing = 3;
const written = 4;

/** Up to sixteen neighbouring blocks of a piece, in one slot of the pool while any of them is in memory. */
interface Run {
  readonly piece: PieceMemory;
  readonly firstBlock: number;
  readonly states: Uint8Array;
  memory: number | undefined;
  /** Blocks under way, one or two as a rule; a block has a second one when a second peer sends it. Bounded by the links. */
  readonly landings: Landing[];
  filledCount: number;
  arrivingCount: number;
  writingCount: number;
}

interface PieceMemory {
  readonly piece: number;
  readonly bytes: number;
  readonly runs: Run[];
  /** Blocks that are on disk, unsynced. */
  readonly stored: Bitfield;
  /** The piece was let go; its runs only wait for what is still moving. */
  dropped: boolean;
}

/** Where a block that is arriving goes. */
export interface Landing {
  /** Offset in the pool. */
  readonly memory: number;
  readonly span: BlockSpan;
  readonly run: Run;
  readonly index: number;
  /** It came second: it lies apart until it is whole. */
  readonly rival: boolean;
  /** Another one was whole first: what still comes of this one is for nobody. */
  beaten: boolean;
}

/** Neighbouring blocks to be written at once. */
export interface RunWrite {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
  readonly memory: number;
  readonly run: Run;
}

/**
 * Unfinished pieces in memory: where an arriving block goes, and when its run goes to disk.
 *
 * A run is written when its last block arrives, or earlier, in parts, when memory is short or blocks have waited long.
 * A slot of the pool is held from the first arriving block of a run until nothing of it is arriving, filled or being written.
 */
export class Assembly {
  readonly #pool: Pool;
  readonly #pieceLength: (piece: number) => number;
  readonly #pieces = new Map<number, PieceMemory>(); // bounded by the picker's partial pieces
  #unwritten = 0;

  constructor(pool: Pool, pieceLength: (piece: number) => number) {
    this.#pool = pool;
    this.#pieceLength = pieceLength;
  }

  /** Bytes that have arrived and are not yet given to the disk. */
  get unwrittenBytes(): number {
    return this.#unwritten;
  }

  get pieceCount(): number {
    return this.#pieces.size;
  }

  /**
   * Where the block goes; "full" when there is no memory, "taken" when it is here. A block that is arriving already may
   * arrive twice, since its first sender can stop in the middle of it: whichever is whole first counts.
   */
  place(span: BlockSpan): Landing | "full" | "taken" {
    const piece = this.#piece(span.piece);
    const { run, index } = locate(piece, span.begin);
    if (byteAt(run.states, index) === arriving) return this.#placeRival(span, run, index);
    if (byteAt(run.states, index) !== empty) return "taken";
    if (run.memory === undefined) {
      const memory = this.#pool.take(runBytes(run));
      if (memory === undefined) return "full";
      run.memory = memory;
    }
    run.states[index] = arriving;
    run.arrivingCount += 1;
    return land(run, index, span, run.memory + index * blockBytes, false);
  }

  #placeRival(span: BlockSpan, run: Run, index: number): Landing | "taken" {
    const memory = this.#pool.take(span.length);
    return memory === undefined ? "taken" : land(run, index, span, memory, true);
  }

  /** The block is whole. Returns the write that this makes ready, if any. */
  arrived(landing: Landing): RunWrite | undefined {
    const { run, index, span } = landing;
    assert(!landing.beaten && byteAt(run.states, index) === arriving, "the block was arriving");
    for (const other of run.landings) if (other.index === index) other.beaten = other !== landing;
    run.arrivingCount -= 1;
    if (landing.rival && !run.piece.dropped) this.#bringIn(landing);
    this.#leave(landing);
    if (run.piece.dropped) {
      this.#freeIfIdle(run);
      return undefined;
    }
    run.states[index] = filled;
    run.filledCount += 1;
    this.#unwritten += span.length;
    return run.filledCount === run.states.length ? this.#write(run, 0, run.states.length) : undefined;
  }

  /** The link broke in the middle of the block, or the block was beaten. */
  aborted(landing: Landing): void {
    const { run, index } = landing;
    this.#leave(landing);
    if (landing.beaten) return;
    for (const other of run.landings) if (other.index === index) return; // it still arrives from elsewhere
    run.states[index] = empty;
    run.arrivingCount -= 1;
    this.#freeIfIdle(run);
  }

  /** Everything of the piece that is in memory goes to the disk. */
  flush(piece: number): RunWrite[] {
    const memory = this.#pieces.get(piece);
    return memory === undefined ? [] : memory.runs.flatMap((run) => this.#writeFilled(run));
  }

  /** Everything that can go; pieces that began first come first. */
  flushAll(): RunWrite[] {
    return Array.from(this.#pieces.keys()).flatMap((piece) => this.flush(piece));
  }

  /** The disk has taken the bytes of this write, or has refused them for good. */
  stored(write: RunWrite, success: boolean): void {
    const { run } = write;
    const first = Math.floor((write.begin - run.firstBlock * blockBytes) / blockBytes);
    const count = Math.ceil(write.length / blockBytes);
    run.states.fill(success ? written : empty, first, first + count);
    if (success)
      for (let block = first; block < first + count; block += 1) run.piece.stored.set(run.firstBlock + block);
    run.writingCount -= count;
    this.#freeIfIdle(run);
  }

  /** Has the disk been given blocks of the piece that it has not taken yet? */
  isWriting(piece: number): boolean {
    return this.#pieces.get(piece)?.runs.some((run) => run.writingCount > 0) ?? false;
  }

  /** Unfinished pieces of which some is on disk. */
  *storedPieces(): Iterable<number> {
    for (const { piece, stored } of this.#pieces.values()) if (!stored.none) yield piece;
  }

  /** Blocks of an unfinished piece that are on disk. */
  storedBlocks(piece: number): Bitfield | undefined {
    return this.#pieces.get(piece)?.stored;
  }

  /** Blocks an earlier run of the program left on disk. */
  resume(piece: number, blocks: Bitfield): void {
    const memory = this.#piece(piece);
    for (const block of blocks) {
      const { run, index } = locate(memory, block * blockBytes);
      run.states[index] = written;
      memory.stored.set(block);
    }
  }

  /** The verdict is in, or the piece is given up. What is still moving ends by itself. */
  drop(piece: number): void {
    const memory = this.#pieces.get(piece);
    if (memory === undefined) return;
    this.#pieces.delete(piece);
    memory.dropped = true;
    for (const run of memory.runs) {
      for (let index = 0; index < run.states.length; index += 1) {
        if (byteAt(run.states, index) === filled) this.#unwritten -= blockLength(run, index);
      }
      run.filledCount = 0;
      this.#freeIfIdle(run);
    }
  }

  #writeFilled(run: Run): RunWrite[] {
    const writes: RunWrite[] = [];
    for (let index = 0; index < run.states.length; index += 1) {
      if (byteAt(run.states, index) !== filled) continue;
      let end = index + 1;
      while (end < run.states.length && byteAt(run.states, end) === filled) end += 1;
      writes.push(this.#write(run, index, end));
      index = end;
    }
    return writes;
  }

  #write(run: Run, from: number, to: number): RunWrite {
    const begin = (run.firstBlock + from) * blockBytes;
    const length = Math.min((run.firstBlock + to) * blockBytes, run.piece.bytes) - begin;
    run.states.fill(writing, from, to);
    run.filledCount -= to - from;
    run.writingCount += to - from;
    this.#unwritten -= length;
    const memory = must(run.memory, "filled blocks lie in memory");
    return { piece: run.piece.piece, begin, length, memory: memory + from * blockBytes, run };
  }

  #bringIn({ run, index, span, memory }: Landing): void {
    const to = must(run.memory, "a run with an arriving block has memory") + index * blockBytes;
    this.#pool.memory.copyWithin(to, memory, memory + span.length);
  }

  #leave(landing: Landing): void {
    const { landings } = landing.run;
    const place = landings.indexOf(landing);
    const last = landings.pop();
    assert(place >= 0 && last !== undefined, "the landing is listed");
    if (last !== landing) landings[place] = last;
    if (landing.rival) this.#pool.give(landing.memory);
  }

  #freeIfIdle(run: Run): void {
    if (run.memory === undefined || run.filledCount + run.arrivingCount + run.writingCount > 0) return;
    this.#pool.give(run.memory);
    run.memory = undefined;
  }

  #piece(piece: number): PieceMemory {
    const known = this.#pieces.get(piece);
    if (known !== undefined) return known;
    const bytes = this.#pieceLength(piece);
    const blocks = Math.ceil(bytes / blockBytes);
    const made: PieceMemory = { piece, bytes, runs: [], stored: new Bitfield(blocks), dropped: false };
    for (let firstBlock = 0; firstBlock < blocks; firstBlock += runBlocks) {
      const states = new Uint8Array(Math.min(runBlocks, blocks - firstBlock));
      const counts = { filledCount: 0, arrivingCount: 0, writingCount: 0 };
      made.runs.push({ piece: made, firstBlock, states, memory: undefined, landings: [], ...counts });
    }
    this.#pieces.set(piece, made);
    return made;
  }
}

/** Written out: once for each block, and spreading objects shows in profiles. The span is the framer's, and reused. */
function land(run: Run, index: number, span: BlockSpan, memory: number, rival: boolean): Landing {
  const { piece, begin, length } = span;
  const landing = { memory, span: { piece, begin, length }, run, index, rival, beaten: false };
  run.landings.push(landing);
  return landing;
}

function locate(piece: PieceMemory, begin: number): { run: Run; index: number } {
  const block = begin / blockBytes;
  return { run: at(piece.runs, Math.floor(block / runBlocks)), index: block % runBlocks };
}

function runBytes(run: Run): number {
  return Math.min(run.states.length * blockBytes, run.piece.bytes - run.firstBlock * blockBytes);
}

function blockLength(run: Run, index: number): number {
  return Math.min(blockBytes, run.piece.bytes - (run.firstBlock + index) * blockBytes);
}
