import { utf8 } from "@dure/base";
import { type BencodeInput, encodeBencode, RawBencode } from "../../bencode/index.ts";
import type { TorrentReason } from "../index.ts";
import type { HostileTorrent } from "./hostile-torrent.ts";
import { hostileV2 } from "./hostile-v2.ts";

/** Small enough to be kept as files; the limits that take megabytes to pass are in `limits.test.ts`. */
export function hostileTorrents(): readonly HostileTorrent[] {
  return [
    ...brokenBencode(),
    ...brokenFrame(),
    ...brokenInfo(),
    ...brokenPieces(),
    ...brokenFiles(),
    ...hostileV2(),
  ];
}

type Fields = Readonly<Record<string, BencodeInput | undefined>>;

const oneFile: Fields = { length: 20_000, name: "a.bin", "piece length": 16_384, pieces: new Uint8Array(40) };
const folder: Fields = {
  files: [
    { length: 5000, path: ["one.bin"] },
    { length: 15_000, path: ["sub", "two.bin"] },
  ],
  name: "folder",
  "piece length": 16_384,
  pieces: new Uint8Array(40),
};

function torrent(info: BencodeInput): Uint8Array {
  return encodeBencode({ announce: "http://tracker.example/announce", info });
}

function withFields(fields: Fields): Uint8Array {
  return torrent({ ...oneFile, ...fields });
}

function withFile(file: BencodeInput): Uint8Array {
  return torrent({ ...folder, files: [{ length: 20_000, path: ["good.bin"] }, file] });
}

function hostile(name: string, reason: TorrentReason, bytes: Uint8Array | string): HostileTorrent {
  return { name, reason, bytes: typeof bytes === "string" ? utf8(bytes) : bytes };
}

const raw = (text: string) => new RawBencode(utf8(text));

function brokenBencode(): HostileTorrent[] {
  const good = withFields({});
  return [
    hostile("empty", "truncated", ""),
    hostile("cut-in-half", "truncated", good.subarray(0, good.length / 2)),
    hostile("last-byte-missing", "truncated", good.subarray(0, -1)),
    hostile("string-longer-than-file", "truncated", "d4:info999999:x"),
    hostile("string-of-4-gigabytes", "truncated", "d4:info4294967296:x"),
    hostile("text-after-the-end", "trailing-bytes", new Uint8Array([...good, ...utf8("\n")])),
    hostile("two-torrents", "trailing-bytes", new Uint8Array([...good, ...good])),
    hostile("html-error-page", "bad-token", "<!DOCTYPE html><title>404</title>"),
    hostile("negative-string-length", "bad-token", "d4:info-5:helloe"),
    hostile("integer-empty", "bad-integer", withFields({ length: raw("ie") })),
    hostile("integer-minus-zero", "bad-integer", withFields({ length: raw("i-0e") })),
    hostile("integer-leading-zero", "bad-integer", withFields({ length: raw("i020000e") })),
    hostile("integer-with-a-point", "bad-integer", withFields({ length: raw("i2.5e") })),
    hostile("integer-of-65-bits", "integer-range", withFields({ length: raw("i18446744073709551616e") })),
    hostile(
      "integer-of-a-thousand-digits",
      "integer-range",
      withFields({ length: raw(`i${"7".repeat(1000)}e`) }),
    ),
    hostile("string-length-leading-zero", "bad-string-length", "d04:infodee"),
    hostile("string-length-of-twenty-digits", "bad-string-length", "d4:info99999999999999999999:e"),
    hostile("lists-a-thousand-deep", "too-deep", "l".repeat(1000)),
    hostile("dictionaries-33-deep", "too-deep", `${"d1:a".repeat(33)}de${"e".repeat(33)}`),
    hostile("integer-as-key", "key-not-string", "d4:infodei1ei2ee"),
    hostile("list-as-key", "key-not-string", "dlei2ee"),
    hostile("key-of-5000-bytes", "key-too-long", `d5000:${"k".repeat(5000)}i1ee`),
    hostile("key-without-value", "key-without-value", "d4:infoe"),
    hostile("info-twice", "duplicate-key", "d4:infod4:name1:ae4:infod4:name1:bee"),
    hostile("name-twice", "duplicate-key", "d4:infod4:name1:a4:name1:bee"),
  ];
}

function brokenFrame(): HostileTorrent[] {
  return [
    hostile("a-list", "not-a-dictionary", "le"),
    hostile("a-number", "not-a-dictionary", "i1e"),
    hostile("a-string", "not-a-dictionary", "5:hello"),
    hostile("no-info", "no-info", encodeBencode({ announce: "http://tracker.example/announce" })),
    hostile("info-is-a-list", "info-not-dictionary", torrent([])),
    hostile("info-is-a-string", "info-not-dictionary", torrent("info")),
  ];
}

function brokenInfo(): HostileTorrent[] {
  return [
    hostile("meta-version-3", "meta-version", withFields({ "meta version": 3 })),
    hostile("meta-version-a-string", "meta-version", withFields({ "meta version": "2" })),
    hostile("no-name", "no-name", withFields({ name: undefined })),
    hostile("name-a-number", "bad-name", withFields({ name: 5 })),
    hostile("name-a-list", "bad-name", withFields({ name: ["a"] })),
    hostile("name-of-5000-bytes", "name-too-long", withFields({ name: "n".repeat(5000) })),
  ];
}

function brokenPieces(): HostileTorrent[] {
  return [
    hostile("no-piece-length", "no-piece-length", withFields({ "piece length": undefined })),
    hostile("piece-length-a-string", "bad-piece-length", withFields({ "piece length": "16384" })),
    hostile("piece-length-zero", "piece-length-range", withFields({ "piece length": 0 })),
    hostile("piece-length-negative", "piece-length-range", withFields({ "piece length": -16_384 })),
    hostile("piece-length-1-gibibyte", "piece-length-range", withFields({ "piece length": 2 ** 30 })),
    hostile("no-pieces", "no-pieces", withFields({ pieces: undefined })),
    hostile("pieces-a-number", "bad-pieces", withFields({ pieces: 40 })),
    hostile("pieces-a-list", "bad-pieces", withFields({ pieces: [new Uint8Array(20)] })),
    hostile("pieces-of-39-bytes", "bad-pieces", withFields({ pieces: new Uint8Array(39) })),
    hostile("one-piece-too-few", "wrong-piece-count", withFields({ pieces: new Uint8Array(20) })),
    hostile("one-piece-too-many", "wrong-piece-count", withFields({ pieces: new Uint8Array(60) })),
    hostile("no-pieces-for-much", "wrong-piece-count", withFields({ pieces: "", length: 2 ** 50 })),
    hostile("length-zero", "no-content", withFields({ length: 0, pieces: "" })),
    hostile(
      "nothing-but-a-pad",
      "no-content",
      torrent({ ...folder, files: [{ attr: "p", length: 20_000 }] }),
    ),
    hostile("no-files", "no-content", torrent({ ...folder, files: [], pieces: "" })),
  ];
}

function brokenFiles(): HostileTorrent[] {
  return [
    hostile("length-and-files", "length-and-files", torrent({ ...folder, length: 20_000 })),
    hostile("neither-length-nor-files", "no-length", withFields({ length: undefined })),
    hostile("file-without-length", "no-length", withFile({ path: ["a"] })),
    hostile("length-negative", "bad-length", withFields({ length: -1 })),
    hostile("length-a-string", "bad-length", withFields({ length: "20000" })),
    hostile("file-length-negative", "bad-length", withFile({ length: -5000, path: ["a"] })),
    hostile(
      "lengths-past-2-to-the-53",
      "total-range",
      withFile({ length: Number.MAX_SAFE_INTEGER, path: ["a"] }),
    ),
    hostile("files-a-dictionary", "bad-files", torrent({ ...folder, files: { a: 1 } })),
    hostile("files-a-string", "bad-files", torrent({ ...folder, files: "a" })),
    hostile("file-a-list", "bad-file", withFile(["a", 1])),
    hostile("file-a-number", "bad-file", withFile(1)),
    hostile("file-without-path", "no-path", withFile({ length: 0 })),
    hostile("path-a-string", "bad-path", withFile({ length: 0, path: "a/b" })),
    hostile("path-of-numbers", "bad-path", withFile({ length: 0, path: [1, 2] })),
    hostile("path-empty", "empty-path", withFile({ length: 0, path: [] })),
    hostile("path-101-deep", "path-too-deep", withFile({ length: 0, path: Array(101).fill("a") })),
    hostile(
      "path-of-5000-bytes",
      "path-too-long",
      withFile({ length: 0, path: Array(50).fill("p".repeat(100)) }),
    ),
    hostile("component-of-5000-bytes", "name-too-long", withFile({ length: 0, path: ["p".repeat(5000)] })),
    hostile("attr-a-number", "bad-attr", withFile({ attr: 1, length: 0, path: ["a"] })),
    hostile("attr-a-list", "bad-attr", withFields({ attr: ["x"] })),
    hostile(
      "symlink-out-of-the-folder",
      "symlink",
      withFile({ attr: "l", length: 0, path: ["link"], "symlink path": ["..", "..", "etc", "passwd"] }),
    ),
    hostile("symlink-without-target", "symlink", withFile({ attr: "xl", length: 0, path: ["link"] })),
    hostile(
      "symlink-without-attr",
      "symlink",
      withFile({ length: 0, path: ["link"], "symlink path": ["good.bin"] }),
    ),
    hostile("symlink-as-the-only-file", "symlink", withFields({ attr: "l", "symlink path": ["/"] })),
  ];
}
