import assert, { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { type InfoHash, infoHash, must, unixMs } from "@dure/base";
import type { DhtTable, PartialRecord, StateJob, StateResult, TorrentKey, TorrentRecord } from "../state.ts";

type WithoutJob<Job> = Job extends StateJob ? Omit<Job, "job"> : never;
/** A job whose number the host chooses. */
export type StateJobBody = WithoutJob<StateJob>;

/** One process that uses the profile. */
export interface StateProcess {
  /** Does the jobs as one submission; results in the order they came, `damaged` among them. */
  run(jobs: readonly StateJobBody[]): Promise<readonly StateResult[]>;
  /** Ends in good order: what it held is free. */
  close(): Promise<void>;
  /** As `kill -9`: nothing is said or saved any more. */
  kill(): Promise<void>;
}

/** A profile of its own, empty. */
export type StateFactory = () => Promise<{
  start(): Promise<StateProcess>;
  remove(): Promise<void>;
}>;

/** What every host's state must do (`ports/state.ts`). Registers its tests under the host's name. */
export function stateContract(host: string, make: StateFactory): void {
  const claim = (name: string, body: (start: () => Promise<Story>) => Promise<void>) =>
    test(`${host} state: ${name}`, async () => {
      const profile = await make();
      const started: Story[] = [];
      try {
        await body(async () => {
          const story = new Story(await profile.start());
          started.push(story);
          return story;
        });
      } finally {
        for (const story of started) await story.end();
        await profile.remove();
      }
    });

  claim("a torrent nobody knows is claimed blank", async (start) => {
    const { addedAt, ...record } = await (await start()).claim(first);
    assert(addedAt > 0);
    deepEqual(record, { ...first, ...blank, name: "a name" });
  });

  claim("what was saved comes back after the end and after a kill", async (start) => {
    for (const end of ["close", "kill"] as const) {
      const one = await start();
      await one.claim(first);
      await one.done({ type: "save-torrent", key: first, name: "its name", torrent: bytes(1, 2, 3) });
      await one.done(
        commit({ have: bytes(0b1010_0000), uploaded: 5, downloaded: 2 ** 40, peers: ["1.2.3.4:5"] }),
      );
      await one.journal({ unsynced: [1, 4], partial: [{ piece: 3, blocks: bytes(0x80) }] });
      await one[end]();
      const two = await start();
      const { addedAt, ...record } = await two.claim(first);
      assert(addedAt > 0);
      deepEqual(record, {
        ...first,
        name: "its name",
        torrent: bytes(1, 2, 3),
        have: bytes(0b1010_0000),
        unsynced: [1, 4],
        partial: [{ piece: 3, blocks: bytes(0x80) }],
        uploaded: 5,
        downloaded: 2 ** 40,
        completedAt: null,
        peers: ["1.2.3.4:5"],
      });
      await two.done({ type: "remove", key: first });
      await two.close();
    }
  });

  claim("the latest word about a piece counts in the journal", async (start) => {
    const story = await start();
    await story.claim(first);
    await story.journal({
      partial: [
        { piece: 3, blocks: bytes(0x80) },
        { piece: 5, blocks: bytes(0x40) },
      ],
    });
    await story.journal({ partial: [{ piece: 3, blocks: bytes(0xc0) }] });
    deepEqual(await story.journalled(), { unsynced: [], partial: { 3: 0xc0, 5: 0x40 } });
    await story.journal({ unsynced: [3], dropped: [3] });
    deepEqual(await story.journalled(), { unsynced: [3], partial: { 5: 0x40 } });
    await story.journal({ dropped: [5, 99], partial: [{ piece: 3, blocks: bytes(1) }] });
    deepEqual(await story.journalled(), { unsynced: [], partial: { 3: 1 } });
  });

  claim("a commit takes its pieces out of the journal and leaves the others", async (start) => {
    const story = await start();
    await story.claim(first);
    await story.journal({ unsynced: [0, 1, 9], partial: [{ piece: 8, blocks: bytes(7) }] });
    await story.done(commit({ have: bytes(0b1000_0000, 0b1000_0000) }));
    deepEqual(await story.journalled(), { unsynced: [1, 9], partial: {} });
    await story.done(commit({ have: bytes(0, 0), completedAt: unixMs(77) })); // everything turned out to be lost
    const record = await story.reclaim();
    deepEqual(record.have, bytes(0, 0));
    equal(record.completedAt, 77);
    deepEqual(await story.journalled(), { unsynced: [1, 9], partial: {} });
  });

  claim("a torrent has one living owner: the second hears who it is", async (start) => {
    const [one, two] = [await start(), await start()];
    await one.claim(first);
    const owned = await two.one({ type: "claim", key: first, name: "a name" });
    assert(owned.type === "owned" && owned.pid > 0 && owned.since > 0);
    await one.done({ type: "release", key: first });
    await two.claim(first);
    equal((await one.one({ type: "claim", key: first, name: "a name" })).type, "owned");
  });

  claim("claiming twice in one process is refused like any other", async (start) => {
    const story = await start();
    await story.claim(first);
    equal((await story.one({ type: "claim", key: first, name: "a name" })).type, "owned");
  });

  claim("what a killed or ended process held is free", async (start) => {
    const [one, two, three] = [await start(), await start(), await start()];
    await one.claim(first);
    await two.claim(second);
    await one.kill();
    await two.close();
    await three.claim(first);
    await three.claim(second);
  });

  claim("the same torrent in two folders is two", async (start) => {
    const story = await start();
    const elsewhere = { ...first, dir: "/elsewhere" };
    await story.claim(first);
    await story.done(commit({ have: bytes(0xff) }));
    equal((await story.claim(elsewhere)).have, null);
    await story.done({ type: "remove", key: elsewhere });
    deepEqual((await story.reclaim()).have, bytes(0xff));
  });

  claim("a removed torrent is forgotten with all that belongs to it", async (start) => {
    const story = await start();
    await story.claim(first);
    await story.done({ type: "save-torrent", key: first, name: "x", torrent: bytes(1) });
    await story.journal({ unsynced: [1] });
    await story.done(commit({ have: bytes(0x80) }));
    await story.done({ type: "remove", key: first });
    const { addedAt: _, ...record } = await story.claim(first);
    deepEqual(record, { ...first, ...blank, name: "a name" });
  });

  claim("a job about a torrent that is not claimed fails, and the next one is done", async (start) => {
    const story = await start();
    const results = await story.run([
      commit({ have: bytes(1) }),
      { type: "release", key: first },
      { type: "claim", key: first, name: "a name" },
    ]);
    deepEqual(
      results.map((result) => result.type),
      ["failed", "failed", "claimed"],
    );
  });

  claim("the hundred best peers are kept", async (start) => {
    const story = await start();
    await story.claim(first);
    const peers = Array.from({ length: 120 }, (_, index) => `10.0.0.${index}:1`);
    await story.done(commit({ have: bytes(0), peers }));
    deepEqual((await story.reclaim()).peers, peers.slice(0, 100));
  });

  claim(
    "the tables of the DHT come back after the end and after a kill, the last ones saved",
    async (start) => {
      const one = await start();
      deepEqual(await one.dht(), []);
      await one.saveDht(
        { family: 6, id: idOf(6), nodes: bytes(6, 6) },
        { family: 4, id: idOf(4), nodes: bytes(4) },
      );
      await one.close();
      const two = await start();
      deepEqual(await two.dht(), [
        { family: 4, id: idOf(4), nodes: bytes(4) },
        { family: 6, id: idOf(6), nodes: bytes(6, 6) },
      ]);
      await two.saveDht({ family: 4, id: idOf(44), nodes: bytes() });
      await two.kill();
      const three = await start();
      deepEqual(await three.dht(), [
        { family: 4, id: idOf(44), nodes: bytes() },
        { family: 6, id: idOf(6), nodes: bytes(6, 6) },
      ]);
    },
  );

  claim(
    "of two processes the first goes by the ids; both save nodes, and the last writer's stay",
    async (start) => {
      const [one, two] = [await start(), await start()];
      await one.dht();
      await one.saveDht({ family: 4, id: idOf(1), nodes: bytes(1) });
      deepEqual(await two.dht(), [{ family: 4, id: null, nodes: bytes(1) }]);
      await two.saveDht({ family: 4, id: idOf(2), nodes: bytes(2) });
      deepEqual(await one.dht(), [{ family: 4, id: idOf(1), nodes: bytes(2) }]);
      await one.close();
      deepEqual(await two.dht(), [{ family: 4, id: idOf(1), nodes: bytes(2) }]);
    },
  );

  claim("a have bitmap of two million pieces is no matter", async (start) => {
    const story = await start();
    await story.claim(first);
    const have = new Uint8Array(250_000).fill(0x5a);
    await story.done(commit({ have }));
    deepEqual((await story.reclaim()).have, have);
  });
}

const first: TorrentKey = { infoHash: hashOf("a"), dir: "/downloads" };
const second: TorrentKey = { infoHash: hashOf("b"), dir: "/downloads" };
const blank = {
  torrent: null,
  have: null,
  unsynced: [],
  partial: [],
  uploaded: 0,
  downloaded: 0,
  completedAt: null,
  peers: [],
};

function hashOf(digit: string): InfoHash {
  return must(infoHash(digit.repeat(40)), "forty digits");
}

function idOf(value: number): Uint8Array {
  return new Uint8Array(20).fill(value);
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

type Commit = Extract<StateJobBody, { type: "commit" }>;

function commit(parts: { have: Uint8Array } & Partial<Commit>): Commit {
  return { type: "commit", key: first, uploaded: 0, downloaded: 0, completedAt: null, peers: [], ...parts };
}

/** One process of the profile, and what the tests say about it. */
class Story {
  readonly #process: StateProcess;
  #ended = false;

  constructor(process: StateProcess) {
    this.#process = process;
  }

  run(jobs: readonly StateJobBody[]): Promise<readonly StateResult[]> {
    return this.#process.run(jobs);
  }

  async one(job: StateJobBody): Promise<StateResult> {
    const [result, ...others] = await this.run([job]);
    assert(result !== undefined && others.length === 0);
    return result;
  }

  async done(job: StateJobBody): Promise<void> {
    const result = await this.one(job);
    equal(result.type, "done", JSON.stringify(result));
  }

  async claim(key: TorrentKey): Promise<TorrentRecord> {
    const result = await this.one({ type: "claim", key, name: "a name" });
    assert(result.type === "claimed", JSON.stringify(result));
    return result.record;
  }

  async dht(): Promise<readonly DhtTable[]> {
    const result = await this.one({ type: "load-dht" });
    assert(result.type === "dht", JSON.stringify(result));
    equal(result.damaged, false);
    return result.tables;
  }

  saveDht(...tables: (DhtTable & { readonly id: Uint8Array })[]): Promise<void> {
    return this.done({ type: "save-dht", tables });
  }

  /** What the record says now. */
  async reclaim(): Promise<TorrentRecord> {
    await this.done({ type: "release", key: first });
    return this.claim(first);
  }

  journal(parts: { unsynced?: number[]; partial?: PartialRecord[]; dropped?: number[] }): Promise<void> {
    return this.done({ type: "journal", key: first, unsynced: [], partial: [], dropped: [], ...parts });
  }

  /** Pieces in order, partial ones with their first byte of blocks. */
  async journalled(): Promise<{ unsynced: number[]; partial: Record<number, number | undefined> }> {
    const { unsynced, partial } = await this.reclaim();
    const blocks = partial.map(({ piece, blocks }) => [piece, blocks[0]] as const);
    return { unsynced: unsynced.toSorted((a, b) => a - b), partial: Object.fromEntries(blocks) };
  }

  close(): Promise<void> {
    this.#ended = true;
    return this.#process.close();
  }

  kill(): Promise<void> {
    this.#ended = true;
    return this.#process.kill();
  }

  async end(): Promise<void> {
    if (!this.#ended) await this.close();
  }
}
