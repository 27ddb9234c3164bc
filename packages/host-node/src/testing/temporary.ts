import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder of its own, which `remove` takes away again; `inMemory` where the system has such a place. */
export function temporary({ inMemory = false } = {}): { folder: string; remove: () => void } {
  const shared = "/dev/shm";
  const folder = mkdtempSync(join(inMemory && existsSync(shared) ? shared : tmpdir(), "dure-test-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
