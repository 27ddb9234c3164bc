import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder of its own, which `remove` takes away again. */
export function temporary(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "dure-test-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
