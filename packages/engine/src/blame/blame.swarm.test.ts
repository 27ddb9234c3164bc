import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "@dure/base";
import { Blame } from "./blame.ts";

const digestBytes = 20;

interface OpenPiece {
  readonly piece: number;
  readonly contributors: readonly (string | null)[];
}

/** One random swarm that downloads all its pieces, with some peers that send false blocks whenever they like. */
class Swarm {
  readonly prng: Prng;
  readonly blame = new Blame();
  readonly liars = new Set<string>();
  readonly named = new Set<string>();
  /** Failed pieces in which a peer's own block was false, until it is named. */
  readonly spoiled = new Map<string, number>();
  readonly peers: string[] = [];
  readonly blocks: number;
  readonly pieces: number;
  /** Whether the liars of a swarm agree on what they send: then their blocks equal one another, not the truth. */
  readonly colluding: boolean;
  readonly lieChance: number;

  /** Pieces whose sources are chosen and whose verdict is out. */
  readonly openMax: number;

  constructor(seed: number, openMax: number) {
    this.prng = new Prng(seed, "swarm");
    this.openMax = openMax;
    const count = this.prng.between(2, 12);
    const liars = this.prng.between(1, count - 1);
    for (let peer = 0; peer < count; peer += 1) this.peers.push(`192.0.2.${peer}:6881`);
    for (const peer of this.prng.shuffle([...this.peers]).slice(0, liars)) this.liars.add(peer);
    this.blocks = this.prng.between(1, 8);
    this.pieces = this.prng.between(5, 40);
    this.colluding = this.prng.chance(0.5);
    this.lieChance = this.prng.pick([0.05, 0.3, 1]) ?? 1;
  }

  run(): void {
    const left = Array.from({ length: this.pieces }, (_, piece) => piece);
    const open: OpenPiece[] = [];
    while (left.length + open.length > 0) {
      const piece = open.length < this.openMax ? left.shift() : undefined;
      if (piece !== undefined) open.push({ piece, contributors: this.#mix() });
      else {
        const [done] = open.splice(this.prng.below(open.length), 1);
        if (done !== undefined && !this.#verify(done))
          open.push({ piece: done.piece, contributors: this.#sourcesAgain(done.piece) });
      }
    }
  }

  #verify({ piece, contributors }: OpenPiece): boolean {
    const digests = contributors.map((peer, block) => this.#digest(piece, block, peer));
    const evidence = { piece, contributors, blockDigests: asBytes(digests) };
    const liars = contributors.filter((_, block) => digests[block] !== truth(piece, block));
    for (const liar of new Set(liars)) {
      // What a banned peer had sent before is still under way.
      if (liar !== null && !this.named.has(liar)) this.spoiled.set(liar, (this.spoiled.get(liar) ?? 0) + 1);
    }
    this.#ban(liars.length === 0 ? this.blame.passed(evidence) : this.blame.failed(evidence).liars);
    return liars.length === 0;
  }

  #sourcesAgain(piece: number): (string | null)[] {
    return this.blame.mustBeSole(piece) ? this.#alone() : this.#mix();
  }

  #mix(): (string | null)[] {
    const present = this.#present();
    const mixable = present.filter((peer) => !this.blame.onParole(peer));
    const first = this.prng.pick(present) ?? null;
    if (mixable.length === 0 || (first !== null && this.blame.onParole(first)))
      return new Array<string | null>(this.blocks).fill(first);
    // Now and then a block was on disk already, rightly.
    return Array.from({ length: this.blocks }, () =>
      this.prng.chance(0.05) ? null : (this.prng.pick(mixable) ?? null),
    );
  }

  #alone(): (string | null)[] {
    const present = this.#present();
    const trusted = present.filter((peer) => !this.blame.onParole(peer));
    const peer = this.prng.pick(trusted.length > 0 ? trusted : present) ?? null;
    return new Array<string | null>(this.blocks).fill(peer);
  }

  #present(): string[] {
    return this.peers.filter((peer) => !this.named.has(peer));
  }

  #digest(piece: number, block: number, peer: string | null): number {
    if (peer === null || !this.liars.has(peer) || !this.prng.chance(this.lieChance))
      return truth(piece, block);
    return this.colluding ? truth(piece, block) + 1 : truth(piece, block) + 1 + this.prng.below(250);
  }

  #ban(liars: readonly string[]): void {
    for (const liar of liars) this.named.add(liar);
  }
}

test("in a thousand random swarms no honest peer is named, and every liar is after three bad pieces at most", () => {
  let named = 0;
  for (let seed = 0; seed < 1000; seed += 1) {
    const swarm = new Swarm(seed, 1 + (seed % 2));
    swarm.run();
    named += swarm.named.size;
    check(swarm, seed, 3);
  }
  ok(named > 2000, `${named} liars were named in all`);
});

test("with many pieces under way at once a liar spoils those and at most one more", () => {
  for (let seed = 0; seed < 500; seed += 1) {
    const swarm = new Swarm(seed, 3 + (seed % 8));
    swarm.run();
    check(swarm, seed, swarm.openMax + 1);
  }
});

test("the same seed tells the same story", () => {
  const [a, b] = [new Swarm(7, 4), new Swarm(7, 4)];
  a.run();
  b.run();
  deepEqual([...a.named], [...b.named]);
});

function check(swarm: Swarm, seed: number, spoiledMax: number): void {
  for (const peer of swarm.named) ok(swarm.liars.has(peer), `seed ${seed}: ${peer} is honest and was named`);
  for (const [liar, count] of swarm.spoiled) {
    ok(swarm.named.has(liar), `seed ${seed}: ${liar} spoiled ${count} pieces and is not named`);
    ok(count <= spoiledMax, `seed ${seed}: ${liar} spoiled ${count} pieces`);
  }
  equal(swarm.blame.pending, 0, `seed ${seed}: every failure is settled when every piece is right`);
}

function truth(piece: number, block: number): number {
  return piece * 1_000_000 + block * 1000;
}

function asBytes(digests: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(digests.length * digestBytes);
  for (const [block, digest] of digests.entries())
    new DataView(bytes.buffer).setUint32(block * digestBytes, digest);
  return bytes;
}
