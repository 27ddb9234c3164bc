import { createCipheriv, createHash } from "node:crypto";
import { closeSync, openSync, readSync, writeSync } from "node:fs";

const chunkBytes = 1 << 20;

/**
 * Deterministic bytes that neither compress nor leave holes: the AES-128-CTR key stream. What arrived is compared with
 * the stream made again, not with the seeder's file, which a seeder might have damaged.
 */
export class KeyStream {
  readonly #cipher = createCipheriv("aes-128-ctr", Buffer.from("dure benchmark 1"), Buffer.alloc(16));
  readonly #zeros = Buffer.alloc(chunkBytes);

  next(length: number): Buffer {
    return this.#cipher.update(length === chunkBytes ? this.#zeros : Buffer.alloc(length));
  }
}

/** Write the payload; the SHA-1 of each piece, joined. `pieceBytes` divides into, or is made of, whole MiB. */
export function writePayload(path: string, options: { bytes: number; pieceBytes: number }): Buffer {
  const stream = new KeyStream();
  const file = openSync(path, "wx");
  const hashes: Buffer[] = []; // one per piece
  try {
    let hash = createHash("sha1");
    let left = options.pieceBytes;
    for (let offset = 0; offset < options.bytes; offset += chunkBytes) {
      const chunk = stream.next(Math.min(chunkBytes, options.bytes - offset));
      writeAll(file, chunk);
      for (let start = 0; start < chunk.length; ) {
        const part = chunk.subarray(start, start + left);
        hash.update(part);
        start += part.length;
        left -= part.length;
        if (left > 0) continue;
        hashes.push(hash.digest());
        hash = createHash("sha1");
        left = options.pieceBytes;
      }
    }
    if (left < options.pieceBytes) hashes.push(hash.digest());
  } finally {
    closeSync(file);
  }
  return Buffer.concat(hashes);
}

/** The first offset at which the file is not the payload, its length included; undefined when it is. */
export function firstDifference(path: string, bytes: number): number | undefined {
  const stream = new KeyStream();
  const file = openSync(path, "r");
  const found = Buffer.alloc(chunkBytes);
  try {
    for (let offset = 0; offset < bytes; offset += chunkBytes) {
      const expected = stream.next(Math.min(chunkBytes, bytes - offset));
      const length = readFully(file, found, offset);
      if (length < expected.length) return offset + length;
      const got = found.subarray(0, expected.length);
      if (!got.equals(expected)) return offset + got.findIndex((byte, index) => byte !== expected[index]);
    }
    return readSync(file, found, 0, 1, bytes) === 0 ? undefined : bytes;
  } finally {
    closeSync(file);
  }
}

function writeAll(file: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
}

function readFully(file: number, into: Buffer, offset: number): number {
  let length = 0;
  while (length < into.length) {
    const count = readSync(file, into, length, into.length - length, offset + length);
    if (count === 0) break;
    length += count;
  }
  return length;
}
