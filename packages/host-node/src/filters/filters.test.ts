import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { type InfoHash, infoHash, must } from "@dure/base";
import { temporary } from "../testing/temporary.ts";
import { Filters } from "./filters.ts";

const limit = { timeout: 60_000 };
const hash = (digit: string): InfoHash => must(infoHash(digit.repeat(40)), "an info-hash");

interface Lists {
  readonly ip?: string | Uint8Array;
  readonly deny?: string | Uint8Array;
}

function filtersOf(context: TestContext, lists: Lists) {
  const { folder, remove } = temporary({ inMemory: true });
  const paths = { ipFilter: join(folder, "ip"), denyList: join(folder, "deny") };
  if (lists.ip !== undefined) writeFileSync(paths.ipFilter, lists.ip);
  if (lists.deny !== undefined) writeFileSync(paths.denyList, lists.deny);
  const changes: string[] = [];
  const warnings: string[] = [];
  const filters = new Filters({
    ipFilter: lists.ip === undefined ? undefined : paths.ipFilter,
    denyList: lists.deny === undefined ? undefined : paths.denyList,
    onChange: (kind) => changes.push(kind),
    onWarning: (kind, message) => warnings.push(`${kind}: ${message.replaceAll(folder, "")}`),
    lookEvery: 20,
  });
  context.after(() => {
    filters.close();
    remove();
  });
  return { filters, changes, warnings, ...paths };
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 10) {
    ok(waited < 30_000, "it has come about in time");
    await new Promise((done) => setTimeout(done, 10));
  }
}

test("without files nothing is filtered", limit, async (context) => {
  const { filters } = filtersOf(context, {});
  await filters.open();
  deepEqual([filters.blocks("1.2.3.4"), filters.denies(hash("a"))], [false, false]);
});

test("lists are read plain and packed, and lines that cannot be read are told", limit, async (context) => {
  const { filters, warnings } = filtersOf(context, {
    ip: gzipSync("a:1.0.0.0-1.0.0.9\nwords\n::1\n"),
    deny: `${"a".repeat(40)}\nx\ny\n`,
  });
  await filters.open();
  deepEqual(
    ["1.0.0.9", "1.0.0.10", "::1"].map((ip) => filters.blocks(ip)),
    [true, false, true],
  );
  deepEqual([filters.denies(hash("a")), filters.denies(hash("b"))], [true, false]);
  deepEqual(warnings, [
    "ip-filter: /ip: 1 line cannot be read and count for nothing",
    "deny-list: /deny: 2 lines cannot be read and count for nothing",
  ]);
});

test("a list that cannot be used is an error at the start, with the reason", limit, async (context) => {
  const cut = gzipSync(randomBytes(1000)).subarray(0, 500);
  const cases: readonly (readonly [Lists, RegExp])[] = [
    [{ ip: "<html>" }, /no line of it can be read/],
    [{ ip: cut }, /gzip is damaged/],
    [{ deny: "words" }, /no line of it can be read/],
    [{ ip: Buffer.from("\xff\xff\xff\xffP2B\x03", "latin1") }, /binary form/],
  ];
  for (const [lists, reason] of cases) {
    const { filters } = filtersOf(context, lists);
    await rejects(filters.open(), (error: Error & { code?: string }) => {
      match(error.message, reason);
      return error.code === "filter";
    });
  }
  const gone = filtersOf(context, { ip: "" });
  rmSync(gone.ipFilter);
  await rejects(gone.filters.open(), /it is not there/);
  mkdirSync(gone.ipFilter);
  await rejects(gone.filters.open(), /it is not a file/);
});

test("gzip that would fill the memory is refused", limit, async (context) => {
  // A thousand members of a MiB of line feeds each, more than a list may have.
  const member = gzipSync(Buffer.alloc(1 << 20, "\n"));
  const { filters } = filtersOf(context, { ip: Buffer.concat(Array.from({ length: 600 }, () => member)) });
  await rejects(filters.open(), /larger than 512 MiB/);
});

test(
  "a changed file is read again; one that is broken, or gone, leaves the old list",
  limit,
  async (context) => {
    const { filters, changes, warnings, ipFilter, denyList } = filtersOf(context, {
      ip: "1.0.0.0/8\n",
      deny: `${"a".repeat(40)}\n`,
    });
    await filters.open();
    writeFileSync(`${ipFilter}.new`, "2.0.0.0/8\n3.0.0.0/8\n");
    renameSync(`${ipFilter}.new`, ipFilter);
    await until(() => filters.blocks("2.0.0.1"));
    ok(!filters.blocks("1.0.0.1") && filters.blocks("3.0.0.1"));
    writeFileSync(denyList, `${"b".repeat(64)}\n`);
    await until(() => filters.denies(hash("b")));
    deepEqual([...changes], ["ip-filter", "deny-list"]);
    writeFileSync(ipFilter, "broken\n");
    await until(() => warnings.length === 1);
    match(warnings[0] ?? "", /has changed, and no line of it can be read: what it said before holds/);
    ok(filters.blocks("2.0.0.1"));
    rmSync(denyList);
    await until(() => warnings.length === 2);
    match(warnings[1] ?? "", /deny-list: .*it is not there/);
    ok(filters.denies(hash("b")));
    writeFileSync(ipFilter, "");
    await until(() => !filters.blocks("2.0.0.1"));
    equal(warnings.length, 2, "each is said once");
  },
);
