import { deepEqual, equal, throws } from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { temporary } from "../testing/temporary.ts";
import { Versions } from "./index.ts";

const item = (byte: number, salt = "") => ({
  publicKey: new Uint8Array(32).fill(byte),
  salt: new Uint8Array(Buffer.from(salt)),
});
const infoHash = new Uint8Array(20).fill(9);
const version = (sequence: number, torrent: Uint8Array | null = null) => ({ sequence, infoHash, torrent });

function profileFor(context: TestContext): string {
  const { folder, remove } = temporary();
  context.after(remove);
  return folder;
}

test("what was taken up in a folder, and the highest number of an item, are there after a restart", (context) => {
  const profile = profileFor(context);
  const first = new Versions(profile);
  equal(first.newest(item(1)), undefined);
  first.take(item(1), "/a", version(7, new Uint8Array([1, 2])));
  first.take(item(1), "/b", version(4));
  first.publish(item(1, "s"), { sequence: 2 ** 53 - 1, infoHash });
  first.close();
  const again = new Versions(profile);
  deepEqual(again.taken(item(1), "/a"), version(7, new Uint8Array([1, 2])));
  deepEqual(again.taken(item(1), "/b"), version(4));
  equal(again.taken(item(1), "/c"), undefined);
  equal(again.taken(item(2), "/a"), undefined);
  equal(again.newest(item(1)), 7);
  equal(again.newest(item(1, "s")), 2 ** 53 - 1);
  equal(again.newest(item(1, "other")), undefined);
  again.take(item(1), "/a", version(8));
  deepEqual(again.taken(item(1), "/a"), version(8));
  again.close();
});

test("what was published is no folder that anybody follows into", (context) => {
  const versions = new Versions(profileFor(context));
  versions.publish(item(1), { sequence: 3, infoHash });
  equal(versions.newest(item(1)), 3);
  equal(versions.taken(item(1), "/a"), undefined);
  equal(versions.published(item(1))?.sequence, 3);
  equal(versions.published(item(2)), undefined);
  versions.close();
});

test("a database that cannot be read is moved aside, and a place that is none is refused", (context) => {
  const profile = profileFor(context);
  writeFileSync(join(profile, "dure.db"), "no database at all, but long enough to look at");
  const versions = new Versions(profile);
  equal(versions.newest(item(1)), undefined);
  versions.close();
  throws(() => new Versions(join(profile, "dure.db")), { code: "profile", message: /cannot open/ });
});
