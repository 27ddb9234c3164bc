import { fail, type InfoHash, infoHash, latin1, ok, type Result } from "@dure/base";
import { filterLimits } from "./limits.ts";
import { readLines } from "./line-reader.ts";

export interface DenyList {
  /** v1 info-hashes, and v2 ones cut to 20 bytes as swarms know them. */
  readonly infoHashes: ReadonlySet<InfoHash>;
  /** Lines that are no info-hash, and count for nothing. */
  readonly linesBad: number;
}

export type DenyListError =
  /** There are lines, and none of them is an info-hash: this is some other file. */
  "no-entries" | "too-many";

/** One info-hash a line, 40 hex digits or 64 for v2; what follows a `#` is a comment. */
export function parseDenyList(
  bytes: Uint8Array,
  infoHashesMax: number = filterLimits.infoHashesMax,
): Result<DenyList, DenyListError> {
  const infoHashes = new Set<InfoHash>(); // bounded by infoHashesMax
  let full = false;
  const linesBad = readLines(bytes, ({ from, to }) => {
    const hash = entryOf(latin1(bytes.subarray(from, to)));
    if (hash === undefined) return false;
    infoHashes.add(hash);
    full = infoHashes.size > infoHashesMax;
    return full ? undefined : true;
  });
  if (full) return fail("too-many");
  return infoHashes.size === 0 && linesBad > 0 ? fail("no-entries") : ok({ infoHashes, linesBad });
}

function entryOf(line: string): InfoHash | undefined {
  const match = /^([0-9a-fA-F]{40})([0-9a-fA-F]{24})?\s*(?:#.*)?$/.exec(line);
  return match?.[1] === undefined ? undefined : infoHash(match[1]);
}
