import { deepEqual, equal, notEqual } from "node:assert/strict";
import { closeSync, fstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Prng } from "@dure/base";
import type { DiskResult } from "@dure/carrier";
import { storeOf } from "@dure/carrier/contract";
import { temporary } from "../testing/temporary.ts";
import { Descriptors } from "./descriptors.ts";
import { rootMemory } from "./root.ts";
import { Store } from "./store.ts";
import { Syncer } from "./sync.ts";

/** A store of ten files and room for three open ones. */
function three(body: (descriptors: Descriptors, store: Store) => void | Promise<void>) {
  return async () => {
    const { folder, remove } = temporary();
    const root = join(folder, "downloads");
    mkdirSync(root);
    const files = Array.from({ length: 10 }, (_, index) => ({ path: `${index}`, bytes: 10 }));
    const { spec } = storeOf({ root, files, pieceBytes: 100 }, new Prng(1));
    const store = new Store(1, spec, rootMemory());
    const descriptors = new Descriptors(3);
    try {
      await body(descriptors, store);
    } finally {
      descriptors.closeStore(store);
      remove();
    }
  };
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false; // EBADF
  }
}

test(
  "the file that was not used for longest is closed first",
  three((descriptors, store) => {
    const fds = [0, 1, 2].map((file) => descriptors.get(store, file, "make").fd);
    equal(descriptors.get(store, 0, "read").fd, fds[0]);
    descriptors.get(store, 3, "make");
    equal(descriptors.count, 3);
    equal(descriptors.get(store, 0, "write").fd, fds[0]);
    equal(descriptors.get(store, 2, "write").fd, fds[2]);
  }),
);

test(
  "a file opened for reading is opened anew for writing",
  three((descriptors, store) => {
    descriptors.get(store, 0, "make");
    descriptors.closeStore(store);
    equal(descriptors.get(store, 0, "read").writable, false);
    equal(descriptors.get(store, 0, "write").writable, true);
    equal(descriptors.count, 1);
  }),
);

test(
  "a file that a sync uses stays open until the sync is done, whatever happens to it",
  three((descriptors, store) => {
    const pinned = descriptors.get(store, 0, "make");
    pinned.pins += 1;
    for (let file = 1; file < 10; file += 1) descriptors.get(store, file, "make");
    equal(descriptors.get(store, 0, "write"), pinned);
    descriptors.closeStore(store);
    equal(isOpen(pinned.fd), true);
    notEqual(descriptors.get(store, 0, "write").fd, pinned.fd);
    descriptors.unpin(pinned);
    equal(isOpen(pinned.fd), false);
  }),
);

test(
  "a written file that cannot be closed well fails the next sync, and is written again after it",
  three(async (descriptors, store) => {
    const results: DiskResult[] = [];
    const syncer = new Syncer(descriptors, { report: (result) => results.push(result), failed: () => {} });
    closeSync(descriptors.get(store, 0, "make").fd); // so that closing it again fails
    store.dirty.add(0);
    descriptors.closeStore(store);
    for (const job of [1, 2]) {
      syncer.request(store, job);
      await store.syncing;
    }
    deepEqual(
      results.map(({ type }) => type),
      ["failed", "done"],
    );
    deepEqual([...store.doubtful], [0]);
  }),
);
