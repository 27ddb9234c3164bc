import { readSync, writeSync } from "node:fs";
import type { Descriptor } from "./descriptors.ts";
import { DiskError, toDiskError } from "./fault.ts";

/** A part of memory and the place in a file that it goes to or comes from. */
export interface Transfer {
  readonly memory: Uint8Array;
  readonly at: number;
  readonly length: number;
  readonly offset: number;
}

export function writeAll(descriptor: Descriptor, { memory, at, length, offset }: Transfer): void {
  let done = 0;
  try {
    while (done < length) done += writeSync(descriptor.fd, memory, at + done, length - done, offset + done);
  } catch (error) {
    throw toDiskError(error, descriptor.path);
  }
}

/** Fails with `missing` when the file ends before. */
export function readAll(descriptor: Descriptor, { memory, at, length, offset }: Transfer): void {
  let done = 0;
  while (done < length) {
    let count: number;
    try {
      count = readSync(descriptor.fd, memory, at + done, length - done, offset + done);
    } catch (error) {
      throw toDiskError(error, descriptor.path);
    }
    if (count === 0) throw new DiskError("missing", descriptor.path, `ends before byte ${offset + length}`);
    done += count;
  }
}
