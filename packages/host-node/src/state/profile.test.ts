import assert, { deepEqual, equal, match } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { infoHash, must, Prng } from "@dure/base";
import type { StateJob, StateResult, TorrentKey } from "@dure/carrier";
import type { StateJobBody } from "@dure/carrier/contract";
import { temporary } from "../testing/temporary.ts";
import { isAlive, thisProcess } from "./owner.ts";
import { Profile } from "./profile.ts";
import { StateChild } from "./testing/child.ts";

const have = new Prng(1).bytes(400);
const key = keyOf(1);

function keyOf(number: number): TorrentKey {
  return { infoHash: must(infoHash(number.toString(16).padStart(40, "0")), "forty digits"), dir: "/d" };
}

/** A profile in this thread: jobs in, results out. */
function profileAt(file: string) {
  const results: StateResult[] = [];
  let next = 1;
  const profile = new Profile({ file, report: (result) => results.push(result) });
  return {
    run: (...jobs: StateJobBody[]): StateResult[] => {
      results.length = 0;
      for (const job of jobs) profile.run({ ...job, job: next++ } as StateJob); // the body was a whole job's
      return results.slice();
    },
    close: () => profile.close(),
  };
}

async function inFolder(body: (file: string, folder: string) => void | Promise<void>): Promise<void> {
  const { folder, remove } = temporary();
  try {
    await body(join(folder, "dure.db"), folder);
  } finally {
    remove();
  }
}

const claim = (of = key): StateJobBody => ({ type: "claim", key: of, name: "name" });
const commit = (of = key, bits = have): StateJobBody => ({
  type: "commit",
  key: of,
  have: bits,
  uploaded: 1,
  downloaded: 2,
  completedAt: null,
  peers: ["1.2.3.4:5"],
});
const saveDht = (family: 4 | 6, value: number): StateJobBody => ({
  type: "save-dht",
  tables: [
    { family, id: new Uint8Array(20).fill(value), nodes: new Prng(value).bytes(family === 4 ? 260 : 380) },
  ],
});
const types = (results: readonly StateResult[]) => results.map((result) => result.type);

/** A profile with ten torrents, closed. */
function fill(file: string): void {
  const profile = profileAt(file);
  for (let number = 1; number <= 10; number += 1) {
    const of = keyOf(number);
    const torrent = new Prng(number).bytes(3000);
    const results = profile.run(
      claim(of),
      { type: "save-torrent", key: of, name: "name", torrent },
      commit(of),
      { type: "journal", key: of, unsynced: [1, 2], partial: [{ piece: 7, blocks: have }], dropped: [] },
    );
    deepEqual(types(results), ["claimed", "done", "done", "done"]);
  }
  profile.close();
}

test("a file that is no database is moved aside, said so, and a new one is made", () =>
  inFolder((file, folder) => {
    for (const number of [1, 2]) {
      writeFileSync(file, `not a database ${number}`.repeat(100));
      const profile = profileAt(file);
      const [damaged, claimed, done] = profile.run(claim(), commit());
      assert(damaged?.type === "damaged" && claimed?.type === "claimed" && done?.type === "done");
      match(damaged.detail, new RegExp(`corrupt-${number}`));
      equal(claimed.record.have, null);
      assert(readFileSync(`${file}.corrupt-${number}`, "utf8").startsWith(`not a database ${number}`));
      profile.close();
    }
    assert(!readdirSync(folder).includes("dure.db.corrupt-3"));
  }));

test("a database cut short anywhere gives back what was saved, or says that it is lost", () =>
  inFolder((file, folder) => {
    fill(file);
    const { size } = statSync(file);
    for (let cut = 0; cut < size; cut += 1777) {
      const copy = join(folder, `cut-${cut}`);
      copyFileSync(file, copy);
      truncateSync(copy, cut);
      const profile = profileAt(copy);
      tellsTheTruth(
        profile.run(...Array.from({ length: 10 }, (_, index) => claim(keyOf(index + 1)))),
        cut > 0,
      );
      profile.close();
    }
  }));

test("bits that rot in the database never claim a piece", () =>
  inFolder((file, folder) => {
    fill(file);
    const whole = readFileSync(file);
    const first = Number(process.env.DURE_FUZZ_SEED ?? 1);
    const runs = Number(process.env.DURE_FUZZ_RUNS ?? 150);
    for (let seed = first; seed < first + runs; seed += 1) {
      const random = new Prng(seed);
      const copy = join(folder, `rot-${seed}`);
      const bytes = Buffer.from(whole);
      for (let flips = random.between(1, 8); flips > 0; flips -= 1) {
        bytes.writeUInt8(random.below(256), random.below(bytes.length));
      }
      writeFileSync(copy, bytes);
      const profile = profileAt(copy);
      const results = profile.run(
        ...Array.from({ length: 10 }, (_, index) => claim(keyOf(index + 1))),
        commit(),
      );
      try {
        tellsTheTruth(results, false);
      } catch (error) {
        throw new Error(`replay with DURE_FUZZ_SEED=${seed} DURE_FUZZ_RUNS=1`, { cause: error });
      }
      profile.close();
    }
  }));

/** Each torrent has its bitmap or none, and when one has none, that was said (`loud`). */
function tellsTheTruth(results: readonly StateResult[], loud: boolean): void {
  const damaged = results.some((result) => result.type === "damaged" || result.type === "failed");
  for (const result of results) {
    if (result.type !== "claimed") continue;
    if (result.record.have !== null) deepEqual(result.record.have, have);
    else if (loud) assert(damaged, "a loss is told");
  }
}

test("damage where nobody looks is met at the start, not in a year", () =>
  inFolder((file) => {
    fill(file);
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.fill(0x55, bytes.length - 4096));
    const profile = profileAt(file);
    deepEqual(types(profile.run(claim())), ["damaged", "claimed"]);
    profile.close();
  }));

test("a database that turns out damaged while it is in use is replaced, and what runs stays claimed", () =>
  inFolder((file) => {
    fill(file);
    const profile = profileAt(file);
    deepEqual(types(profile.run(claim())), ["claimed"]);
    // Another program scribbles over all pages but the first.
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.fill(0x55, 4096));
    const other = new DatabaseSync(file); // makes our cached pages stale
    try {
      other.exec("PRAGMA user_version = 1");
    } catch {
      // it may see the damage itself
    }
    other.close();
    const results = profile.run(commit());
    deepEqual(types(results), ["damaged", "done"]);
    const second = profile.run({ type: "release", key }, claim());
    assert(second[1]?.type === "claimed");
    deepEqual(second[1].record.have, have);
    assert(existsSync(`${file}.corrupt-1`));
    profile.close();
  }));

test("a profile of the version before the DHT keeps its torrents, and gets the tables", () =>
  inFolder((file) => {
    fill(file);
    const old = new DatabaseSync(file);
    old.exec("DROP TABLE dht; DROP TABLE dht_owner; DROP TABLE version; PRAGMA user_version = 1");
    old.close();
    const profile = profileAt(file);
    const [claimed, saved, found] = profile.run(claim(), saveDht(4, 1), { type: "load-dht" });
    assert(claimed?.type === "claimed" && saved?.type === "done" && found?.type === "dht");
    deepEqual(claimed.record.have, have);
    equal(found.tables.length, 1);
    profile.close();
  }));

test("rows of the DHT that rotted are left out and said so; the other family's stay", () =>
  inFolder((file) => {
    for (const rot of [
      "UPDATE dht SET nodes = x'00112233' WHERE family = 4",
      "UPDATE dht SET id = x'00' WHERE family = 4",
      "UPDATE dht SET crc32 = crc32 + 1 WHERE family = 4",
      "UPDATE dht SET family = 5 WHERE family = 4",
    ]) {
      let profile = profileAt(file);
      deepEqual(types(profile.run(saveDht(4, 1), saveDht(6, 2))), ["done", "done"]);
      profile.close();
      const database = new DatabaseSync(file);
      database.exec(rot);
      database.close();
      profile = profileAt(file);
      const [found] = profile.run({ type: "load-dht" });
      assert(found?.type === "dht", rot);
      equal(found.damaged, true, rot);
      deepEqual(
        found.tables.map(({ family }) => family),
        [6],
      );
      profile.run(saveDht(4, 1));
      profile.close();
      const cleaned = new DatabaseSync(file);
      cleaned.exec("DELETE FROM dht");
      cleaned.close();
    }
  }));

test("a profile of a newer version is refused with what to do, and not touched", () =>
  inFolder((file) => {
    fill(file);
    const database = new DatabaseSync(file);
    database.exec("PRAGMA user_version = 99");
    database.close();
    const profile = profileAt(file);
    const [result] = profile.run(claim());
    assert(result?.type === "failed");
    match(result.detail, /newer Dure \(schema 99/);
    equal(existsSync(`${file}.corrupt-1`), false);
    profile.close();
  }));

test("a profile that cannot be made fails each job, until it can", () =>
  inFolder((_, folder) => {
    writeFileSync(join(folder, "blocked"), "");
    const file = join(folder, "blocked", "dure.db");
    const profile = profileAt(file);
    const [result] = profile.run(claim());
    assert(result?.type === "failed");
    match(result.detail, /cannot open .*blocked/);
    profile.close();
    mkdirSync(join(folder, "free"));
    const second = profileAt(join(folder, "free", "dure.db"));
    deepEqual(types(second.run(claim())), ["claimed"]);
    second.close();
  }));

test("fifty torrents claimed by two processes at once have one owner each", () =>
  inFolder(async (file) => {
    const [one, two] = [new StateChild(file), new StateChild(file)];
    try {
      for (let round = 1; round <= 50; round += 1) {
        const jobs = [claim(keyOf(round))];
        const [[a], [b]] = await Promise.all([one.run(jobs), two.run(jobs)]);
        const owned = a?.type === "owned" ? a : b;
        deepEqual([a?.type, b?.type].sort(), ["claimed", "owned"]);
        assert(owned?.type === "owned" && owned.pid === (a === owned ? two.pid : one.pid));
      }
    } finally {
      await Promise.all([one.close(), two.close()]);
    }
  }));

test("two processes that make the profile at the same moment share it", () =>
  inFolder(async (file) => {
    const children = [1, 2, 3].map(() => new StateChild(file));
    const results = await Promise.all(children.map((child, index) => child.run([claim(keyOf(index + 1))])));
    deepEqual(results.map(types), [["claimed"], ["claimed"], ["claimed"]]);
    await Promise.all(children.map((child) => child.close()));
  }));

test("what was answered before kill -9 is there, and the database is whole", () =>
  inFolder(async (file) => {
    for (let round = 0; round < 5; round += 1) {
      const child = new StateChild(file);
      await child.run([claim()]);
      // Thousands of jobs under way; each journals one more piece and a bitmap that counts.
      for (let batch = 0; batch < 200; batch += 1) {
        const jobs = Array.from({ length: 10 }, (_, index): StateJobBody[] => [
          { type: "journal", key, unsynced: [batch * 10 + index], partial: [], dropped: [] },
          commit(key, Uint8Array.of(0, batch, index)),
        ]).flat();
        child.send(jobs);
      }
      while (child.heard.length < 50 + round * 100) await new Promise((resolve) => setTimeout(resolve, 1));
      await child.kill();
      const answered = child.heard.filter((result) => result.type === "done").length;
      const profile = profileAt(file);
      const [result] = profile.run(claim());
      assert(result?.type === "claimed", JSON.stringify(result));
      const commits = must(result.record.have, "a bitmap was saved");
      const count = must(commits[1], "it counts") * 10 + must(commits[2], "it counts") + 1;
      assert(count >= Math.floor(answered / 2), `${count} saved, ${answered / 2} answered`);
      profile.run({ type: "remove", key });
      profile.close();
      const database = new DatabaseSync(file);
      equal(database.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
      database.close();
    }
  }));

const linux = process.platform === "linux";

test("a process is told from a later one with its number", { skip: !linux }, async () => {
  const me = thisProcess();
  deepEqual(me, { pid: process.pid, mark: markOf(process.pid) });
  equal(isAlive(me), true);
  equal(isAlive({ pid: me.pid, mark: "another boot 5" }), false);
  const child = spawn("sleep", ["5"]);
  const owner = { pid: must(child.pid, "it runs"), mark: markOf(must(child.pid, "it runs")) };
  equal(isAlive(owner), true);
  child.kill();
  await once(child, "exit");
  equal(isAlive(owner), false);
});

test("a killed process that its parent has not fetched is dead", { skip: !linux }, async () => {
  // The shell becomes a program that never waits for the child it started.
  const parent = spawn("sh", ["-c", "sleep 30 & echo $!; exec sleep 30"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [line] = await once(parent.stdout, "data");
  const pid = Number(String(line));
  const owner = { pid, mark: markOf(pid) };
  equal(isAlive(owner), true);
  process.kill(pid, "SIGKILL");
  while (!readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z")) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  equal(markOf(pid), owner.mark);
  equal(isAlive(owner), false);
  parent.kill();
  await once(parent, "exit");
});

/** Boot and start time of a process, zombies too. */
function markOf(pid: number): string {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ");
  return `${readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()} ${fields?.[19]}`;
}
