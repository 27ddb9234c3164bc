import { assert, at, must } from "@dure/base";

/** The largest piece of memory handed out: sixteen blocks. */
export const slabBytes = 262_144;
const classBytes = [16_384, 32_768, 65_536, 131_072, slabBytes] as const;

/** Copies bytes `from` to `to` of the source to `at` in the target. */
export type CopyBytes = (
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  from: number,
  to: number,
) => void;

interface Slab {
  readonly offset: number;
  /** Bytes of each slot. */
  readonly slotBytes: number;
  readonly free: number[];
}

/**
 * The memory that payload lies in between socket and disk, handed out by offset.
 *
 * A slab of 256 KiB is cut into equal slots when one of its size is first wanted, and is whole again when all are back.
 * The slab used last is used next, so that what was never needed is never touched and costs no memory.
 */
export class Pool {
  readonly memory: Uint8Array;
  readonly #copy: CopyBytes;
  readonly #freeSlabs: number[] = [];
  /** Slabs in use, by number. */
  readonly #slabs = new Map<number, Slab>();
  /** For each size: slabs that have a free slot. */
  readonly #open = new Map<number, Set<Slab>>(classBytes.map((bytes) => [bytes, new Set()]));
  #used = 0;

  constructor(memory: Uint8Array, copy: CopyBytes = setBytes) {
    this.#copy = copy;
    assert(memory.length >= slabBytes && memory.length % slabBytes === 0, "a pool is whole slabs");
    this.memory = memory;
    for (let slab = memory.length / slabBytes - 1; slab >= 0; slab -= 1) this.#freeSlabs.push(slab);
  }

  /** Bytes handed out, rounded up to slots. */
  get usedBytes(): number {
    return this.#used;
  }

  /** Copies bytes `from` to `to` of the chunk to `at`: the one copy on a block's way from socket to disk. */
  put(at: number, chunk: Uint8Array, from: number, to: number): void {
    this.#copy(this.memory, at, chunk, from, to);
  }

  /** The offset of at least `bytes` bytes, or undefined when the pool is full. */
  take(bytes: number): number | undefined {
    assert(bytes > 0 && bytes <= slabBytes, "at most a slab at once");
    const slotBytes = must(
      classBytes.find((size) => size >= bytes),
      "a class fits",
    );
    const open = must(this.#open.get(slotBytes), "every class has its set");
    const slab = open.values().next().value ?? this.#cut(slotBytes);
    if (slab === undefined) return undefined;
    const offset = must(slab.free.pop(), "an open slab has a free slot");
    if (slab.free.length === 0) open.delete(slab);
    this.#used += slotBytes;
    return offset;
  }

  give(offset: number): void {
    const number = Math.floor(offset / slabBytes);
    const slab = must(this.#slabs.get(number), "memory that is given back was taken");
    const open = must(this.#open.get(slab.slotBytes), "every class has its set");
    assert(!slab.free.includes(offset), "memory is given back once");
    slab.free.push(offset);
    this.#used -= slab.slotBytes;
    if (slab.free.length * slab.slotBytes < slabBytes) {
      open.add(slab);
      return;
    }
    open.delete(slab);
    this.#slabs.delete(number);
    this.#freeSlabs.push(number);
  }

  #cut(slotBytes: number): Slab | undefined {
    const number = this.#freeSlabs.pop();
    if (number === undefined) return undefined;
    const offset = number * slabBytes;
    const free: number[] = [];
    for (let slot = slabBytes / slotBytes - 1; slot >= 0; slot -= 1) free.push(offset + slot * slotBytes);
    const slab = { offset, slotBytes, free };
    this.#slabs.set(number, slab);
    must(this.#open.get(slotBytes), "every class has its set").add(slab);
    return slab;
  }
}

/** The smallest slot that fits `bytes`: what they cost. */
export function slotBytesFor(bytes: number): number {
  return classBytes.find((size) => size >= bytes) ?? at(classBytes, classBytes.length - 1);
}

function setBytes(target: Uint8Array, at: number, source: Uint8Array, from: number, to: number): void {
  target.set(source.subarray(from, to), at);
}
