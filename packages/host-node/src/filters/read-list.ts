import { open } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { type DenyList, filterLimits, type IpFilter, parseDenyList, parseIpFilter } from "@dure/protocol";

export type ListKind = "ip-filter" | "deny-list";

/** What came of reading a list; the reason is for people. */
export type ListRead<List> =
  | { readonly type: "read"; readonly list: List }
  | { readonly type: "unusable"; readonly reason: string };

export function readIpFilter(path: string): Promise<ListRead<IpFilter>> {
  return readList(path, parseIpFilter);
}

export function readDenyList(path: string): Promise<ListRead<DenyList>> {
  return readList(path, parseDenyList);
}

/** Also of a gzip file, whatever its name. Blocks while it unpacks and parses. */
async function readList<List>(
  path: string,
  parse: (
    bytes: Uint8Array,
  ) => { readonly ok: true; readonly value: List } | { readonly ok: false; readonly reason: string },
): Promise<ListRead<List>> {
  let bytes: Uint8Array;
  try {
    bytes = unpacked(await bytesOf(path));
  } catch (error) {
    return { type: "unusable", reason: reasonOf(error) };
  }
  const parsed = parse(bytes);
  if (parsed.ok) return { type: "read", list: parsed.value };
  return { type: "unusable", reason: parseReasons[parsed.reason] ?? parsed.reason };
}

const tooLarge = "ERR_BUFFER_TOO_LARGE"; // zlib's code for what is past `maxOutputLength`, and ours for a file

async function bytesOf(path: string): Promise<Uint8Array> {
  const file = await open(path, "r");
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw Object.assign(new Error("not a file"), { code: "EISDIR" });
    if (stat.size > filterLimits.fileBytesMax)
      throw Object.assign(new Error("too large"), { code: tooLarge });
    const bytes = new Uint8Array(stat.size);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
      if (bytesRead === 0) break; // it became shorter meanwhile
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}

function unpacked(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  return gunzipSync(bytes, { maxOutputLength: filterLimits.fileBytesMax });
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return fileReasons[code] ?? (code.startsWith("Z_") ? "its gzip is damaged" : `it cannot be read (${code})`);
}

const fileReasons: Readonly<Record<string, string>> = {
  ENOENT: "it is not there",
  EACCES: "it may not be read",
  EISDIR: "it is not a file",
  [tooLarge]: `it is larger than ${filterLimits.fileBytesMax >> 20} MiB`,
};

const parseReasons: Readonly<Record<string, string>> = {
  "no-entries": "no line of it can be read",
  "too-many": "it has too many entries",
  binary: "it is in PeerGuardian's binary form, of which only the text form can be read",
};
