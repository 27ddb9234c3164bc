import { randomFillSync } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";

export const sampleName = "dure-sample";

const mib = 1024 * 1024;

/** Several files, an empty one and one in a nested folder among them; together 64 MiB. */
export const sampleFiles: readonly { readonly path: string; readonly bytes: number }[] = [
  { path: "empty.txt", bytes: 0 },
  { path: "film.bin", bytes: 40 * mib },
  { path: "notes.txt", bytes: 12_345 },
  { path: "photos/autumn.bin", bytes: 9 * mib },
  { path: "photos/winter/snow.bin", bytes: 15 * mib - 12_345 },
];

/** Makes the sample folder in `dir`, of random bytes so that nothing compresses or repeats. Returns its path. */
export async function makeSample(dir: string): Promise<string> {
  const folder = join(dir, sampleName);
  const chunk = Buffer.allocUnsafe(mib);
  for (const file of sampleFiles) {
    const path = join(folder, file.path);
    await mkdir(dirname(path), { recursive: true });
    await using handle = await open(path, "w");
    for (let left = file.bytes; left > 0; left -= chunk.length) {
      const part = chunk.subarray(0, Math.min(left, chunk.length));
      randomFillSync(part);
      await handle.write(part);
    }
  }
  return folder;
}

/** Paths of the sample's files that differ between two folders; none when the copy is true. */
export async function differences(original: string, copy: string): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const { path } of sampleFiles) {
    if (!(await sameBytes(join(original, path), join(copy, path)))) wrong.push(path);
  }
  return wrong;
}

async function sameBytes(one: string, other: string): Promise<boolean> {
  await using a = await open(one);
  await using b = await open(other);
  const partA = Buffer.allocUnsafe(mib);
  const partB = Buffer.allocUnsafe(mib);
  for (;;) {
    const readA = await a.read(partA, 0, mib, null);
    const readB = await b.read(partB, 0, mib, null);
    if (!partA.subarray(0, readA.bytesRead).equals(partB.subarray(0, readB.bytesRead))) return false;
    if (readA.bytesRead === 0) return true;
  }
}
