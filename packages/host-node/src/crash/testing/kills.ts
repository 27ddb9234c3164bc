import { randomInt } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must, Prng } from "@dure/base";
import { temporary } from "../../testing/temporary.ts";
import { type Claims, isWhole, provenBytes, readClaims } from "./claims.ts";
import { PeerProcess } from "./peer-process.ts";
import { makeSample, type Sample, store } from "./sample.ts";

const mebibyte = 1 << 20;
/** Issue 2: what a kill may cost, whatever the piece size. */
const lostMost = 16 * mebibyte;
/** Milliseconds that a peer lives: from its order, or from when it is ready. */
const lifeMost = 400;
/** Bytes a second; undefined: as fast as it goes. */
const rates = [undefined, 80e6, 40e6, 20e6] as const;

export interface KillsResult {
  /** The line that runs it again: the same torrents, rates and moments. */
  readonly replay: string;
  readonly kills: number;
  readonly rounds: number;
  readonly fetchedBytes: number;
  readonly lostBytes: number;
  readonly givenBytes: number;
  readonly lostMost: number;
  readonly piecesChecked: number;
  readonly readyMost: number;
}

/** Twenty torrents of all piece sizes; the first are given by the peer that is killed, the others are fetched by it. */
function twentySamples(prng: Prng): Sample[] {
  const sizes = [
    { pieceBytes: 16_384, bytes: mebibyte },
    { pieceBytes: mebibyte, bytes: 3 * mebibyte },
    { pieceBytes: mebibyte, bytes: 5 * mebibyte },
    { pieceBytes: 16 * mebibyte, bytes: 17 * mebibyte },
    ...Array.from({ length: 6 }, () => ({ pieceBytes: 16_384, bytes: 2 * mebibyte })),
    ...Array.from({ length: 6 }, () => ({ pieceBytes: mebibyte, bytes: 6 * mebibyte })),
    ...Array.from({ length: 4 }, () => ({ pieceBytes: 16 * mebibyte, bytes: 24 * mebibyte })),
  ];
  return sizes.map(({ pieceBytes, bytes }, index) => {
    const odd = prng.below(50_000); // pieces and files that do not end where blocks do
    const first = prng.between(1, bytes - 1);
    const files = [
      { path: "a", bytes: first },
      { path: "deep/b", bytes: bytes + odd - first },
    ];
    const name = `t${index}`;
    return makeSample({ name, pieceBytes, content: index % 2 === 0 ? bytes + odd : files }, `${name} ${odd}`);
  });
}

const givenCount = 4;

/**
 * Kills a peer again and again while it downloads sixteen torrents and seeds four, and holds each death against what the
 * issue promises. Throws with the line that replays it.
 */
export async function manyKills(kills: number, seed = randomInt(2 ** 32)): Promise<KillsResult> {
  const replay = `DURE_CRASH_SEED=${seed} node --test packages/host-node/src/crash/kills.test.ts`;
  const { folder, remove } = temporary({ inMemory: true });
  const world = new KilledPeer(folder, new Prng(seed));
  try {
    await world.open();
    for (let kill = 0; kill < kills; kill += 1) await world.killOnce();
    await world.finish();
    return { ...world.result, replay };
  } catch (error) {
    throw new Error(`replay: ${replay}`, { cause: error });
  } finally {
    await world.end();
    remove();
  }
}

class KilledPeer {
  readonly #folder: string;
  readonly #prng: Prng;
  readonly #samples: readonly Sample[];
  readonly #swarm = new PeerProcess();
  #swarmPort = 0;
  #current: PeerProcess | undefined;
  #next = new PeerProcess();
  #round = 0;
  #rate: number | undefined;
  #before: ReadonlyMap<string, Claims> | undefined;
  #provenBefore = 0;
  #result = {
    kills: 0,
    rounds: 0,
    fetchedBytes: 0,
    lostBytes: 0,
    givenBytes: 0,
    lostMost: 0,
    piecesChecked: 0,
    readyMost: 0,
  };

  constructor(folder: string, prng: Prng) {
    this.#folder = folder;
    this.#prng = prng;
    this.#samples = twentySamples(prng);
  }

  get result(): Omit<KillsResult, "replay"> {
    return this.#result;
  }

  /** The swarm: one process that gives what the killed peer fetches, and fetches what it gives. */
  async open(): Promise<void> {
    const dir = join(this.#folder, "swarm");
    for (const sample of this.#fetched) store(sample, dir);
    mkdirSync(dir, { recursive: true });
    this.#swarm.order({
      node: { profile: join(this.#folder, "swarm-profile") },
      torrents: this.#samples.map((sample, index) => ({
        source: Buffer.from(sample.torrent).toString("base64"),
        dir,
        assumeComplete: index >= givenCount,
        upRateMax: index < givenCount ? 1e6 : 1e9,
        downRateMax: 200_000,
      })),
    });
    this.#swarmPort = (await this.#swarm.hear("ready")).port;
    this.#beginRound();
  }

  /** One life of the peer, ended at a random moment: also before it has begun to do anything. */
  async killOnce(): Promise<void> {
    const peer = this.#start();
    const moment = this.#prng.below(lifeMost);
    if (!this.#prng.chance(0.2)) await peer.hear("ready");
    await new Promise((resolve) => setTimeout(resolve, moment));
    const done = peer.words.some(({ type }) => type === "done");
    await peer.kill();
    this.#result.kills += 1;
    this.#judge(peer);
    if (done) this.#beginRound();
  }

  /** Left alone at last, it completes; and when it comes back after a proper end it reads nothing again. */
  async finish(): Promise<void> {
    const peer = this.#start();
    await peer.hear("done");
    await peer.stop();
    this.#judge(peer);
    for (const sample of this.#samples)
      if (!isWhole(sample, this.#dir)) throw new Error(`${sample.name} is done and not whole`);
    this.#judgeGiven();
    const again = this.#start();
    await again.hear("done");
    await again.stop();
    this.#judge(again);
    const { piecesChecked } = await again.hear("ready");
    if (piecesChecked.some((count) => count > 0))
      throw new Error(`checked after a proper end: ${piecesChecked}`);
    if (this.#fetchedBytes() > 0) throw new Error("fetched again after a proper end");
  }

  async end(): Promise<void> {
    await Promise.all([this.#current?.kill(), this.#next.kill(), this.#swarm.kill()]);
  }

  get #fetched(): readonly Sample[] {
    return this.#samples.slice(givenCount);
  }

  get #dir(): string {
    return join(this.#folder, `downloads-${this.#round}`);
  }

  get #profile(): string {
    return join(this.#folder, `profile-${this.#round}`);
  }

  get #countsFile(): string {
    return join(this.#folder, "counts");
  }

  #beginRound(): void {
    for (const path of this.#round === 0 ? [] : [this.#dir, this.#profile]) rmSync(path, { recursive: true });
    this.#round += 1;
    this.#result.rounds += 1;
    this.#rate = this.#prng.pick(rates);
    this.#before = undefined;
    this.#provenBefore = 0;
    mkdirSync(this.#dir);
    for (const sample of this.#samples.slice(0, givenCount)) store(sample, this.#dir);
  }

  /** The same program, with the same orders. The one after it is loaded meanwhile. */
  #start(): PeerProcess {
    const peer = this.#next;
    this.#current = peer;
    this.#next = new PeerProcess();
    writeFileSync(this.#countsFile, "");
    peer.order({
      node: {
        profile: this.#profile,
        ...(this.#rate === undefined ? {} : { downRateMax: this.#rate }),
      },
      torrents: this.#samples.map(({ torrent }) => ({
        source: Buffer.from(torrent).toString("base64"),
        dir: this.#dir,
        peers: [`127.0.0.1:${this.#swarmPort}`],
      })),
      countsFile: this.#countsFile,
    });
    return peer;
  }

  #judge(peer: PeerProcess): void {
    const claims = readClaims(this.#profile);
    let proven = 0;
    for (const [index, sample] of this.#samples.entries()) {
      const bytes = provenBytes(sample, this.#dir, claims?.get(sample.infoHash));
      if (index >= givenCount) proven += bytes;
    }
    this.#judgeChecks(peer);
    this.#judgeFetched(proven);
    this.#before = claims;
    this.#provenBefore = proven;
    this.#current = undefined;
  }

  /** The killed peer has served between its deaths, and served nothing false. */
  #judgeGiven(): void {
    const claims = readClaims(join(this.#folder, "swarm-profile"));
    for (const sample of this.#samples.slice(0, givenCount)) {
      const bytes = provenBytes(sample, join(this.#folder, "swarm"), claims?.get(sample.infoHash));
      if (bytes === 0) throw new Error(`${sample.name} was never served`);
      this.#result.givenBytes += bytes;
    }
  }

  /** Only what was not known to be synced was read again, and what was given was found whole at first sight. */
  #judgeChecks(peer: PeerProcess): void {
    const ready = peer.words.find((word) => word.type === "ready");
    if (ready === undefined) return;
    this.#result.readyMost = Math.max(this.#result.readyMost, ready.ms);
    for (const [index, sample] of this.#samples.entries()) {
      const count = must(ready.piecesChecked[index], "a count for each torrent");
      const before = this.#before?.get(sample.infoHash);
      const known = before !== undefined && before.have.length + before.unsynced.length > 0;
      const allowed = known ? before.unsynced.length : index < givenCount ? sample.info.pieceCount : 0;
      if (count > allowed)
        throw new Error(`${sample.name}: ${count} pieces checked, ${allowed} were in doubt`);
      if (known) this.#result.piecesChecked += count;
    }
  }

  #judgeFetched(proven: number): void {
    const fetched = this.#fetchedBytes();
    const lost = fetched - (proven - this.#provenBefore);
    this.#result.fetchedBytes += fetched;
    this.#result.lostBytes += Math.max(0, lost);
    this.#result.lostMost = Math.max(this.#result.lostMost, lost);
    if (lost > lostMost) throw new Error(`${lost} of ${fetched} fetched bytes are to be fetched again`);
  }

  /** What the last run received, as it counted to within a millisecond of its end. */
  #fetchedBytes(): number {
    const file = readFileSync(this.#countsFile);
    if (file.length === 0) return 0; // dead before it had begun
    const counts = new Float64Array(file.buffer, file.byteOffset, this.#samples.length);
    return this.#samples.reduce((sum, sample, index) => {
      const fetched =
        must(counts[index], "a count a torrent") - (this.#before?.get(sample.infoHash)?.downloaded ?? 0);
      if (index < givenCount && fetched > 0) throw new Error(`${sample.name} was whole, and was fetched`);
      return sum + fetched;
    }, 0);
  }
}
