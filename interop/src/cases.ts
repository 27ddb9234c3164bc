import { oneFile, type Payload, type PayloadFile, padded } from "./payload.ts";

const kib = 1024;
const mib = 1024 * kib;

export type CaseName =
  | "one-file"
  | "many-files"
  | "small-pieces"
  | "large-pieces"
  | "magnet"
  | "private"
  | "ipv6"
  | "part"
  | "encrypted"
  | "met";

/** One way to move a torrent. */
export interface Case {
  readonly name: CaseName;
  readonly payload: Payload;
  /** The leecher is given a magnet link, and nothing else to know the torrent by. */
  readonly magnet?: true;
  /** Nobody is told of a peer: seeder and leecher find each other through the tracker. */
  readonly throughTracker?: true;
  readonly ipv6?: true;
  /** Both sides are told to speak MSE with RC4, and nothing else. */
  readonly encrypted?: true;
  /** Paths of the files that the leecher wants. */
  readonly wanted?: readonly string[];
}

export const cases: readonly Case[] = [
  { name: "one-file", payload: oneFile("one.bin", { bytes: 24 * mib + 12_345, pieceBytes: 256 * kib }) },
  { name: "many-files", payload: manyFiles() },
  {
    name: "small-pieces",
    payload: oneFile("small-pieces.bin", { bytes: 8 * mib + 100, pieceBytes: 16 * kib }),
  },
  {
    name: "large-pieces",
    payload: oneFile("large-pieces.bin", { bytes: 40 * mib + 777, pieceBytes: 16 * mib }),
  },
  {
    name: "magnet",
    // 1,280 hashes: an info dictionary of two metadata pieces (BEP 9).
    payload: oneFile("magnet.bin", { bytes: 20 * mib, pieceBytes: 16 * kib }),
    magnet: true,
    throughTracker: true,
  },
  {
    name: "private",
    payload: oneFile("private.bin", { bytes: 12 * mib + 1, pieceBytes: 128 * kib, private: true }),
    throughTracker: true,
  },
  { name: "ipv6", payload: oneFile("ipv6.bin", { bytes: 12 * mib + 5, pieceBytes: 128 * kib }), ipv6: true },
  {
    name: "encrypted",
    payload: oneFile("encrypted.bin", { bytes: 16 * mib + 9, pieceBytes: 128 * kib }),
    encrypted: true,
  },
  { name: "part", payload: album(), wanted: ["03 third.bin", "07 seventh.bin", "scans/back.bin"] },
];

export function wantedFiles({ payload, wanted }: Case): readonly PayloadFile[] | undefined {
  return wanted && payload.files.filter(({ path }) => wanted.includes(path));
}

/** Nested folders, empty files at both ends and between, names with spaces and Hangul, every length around a piece. */
function manyFiles(): Payload {
  const pieceBytes = 64 * kib;
  const lengths = [
    0,
    1,
    pieceBytes - 1,
    pieceBytes,
    pieceBytes + 1,
    0,
    5 * pieceBytes,
    700_001,
    16_384,
    33_333,
  ];
  const folders = ["", "docs/", "docs/두레 안내/", "a/b/c/d/e/"];
  const files = folders.flatMap((folder) =>
    lengths.map((bytes, index) => ({ path: `${folder}file ${index}.bin`, bytes })),
  );
  files.push({ path: "z/empty at the end", bytes: 0 });
  return { name: "many files", layout: "folder", pieceBytes, files: padded(files, pieceBytes) };
}

/** Without pad files: the ends of the wanted files share pieces with others. */
function album(): Payload {
  const ordinals = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"];
  const tracks = ordinals.map((ordinal, index) => ({
    path: `${String(index + 1).padStart(2, "0")} ${ordinal}.bin`,
    bytes: 900_000 + 77_777 * index,
  }));
  const scans = ["front", "back"].map((side) => ({ path: `scans/${side}.bin`, bytes: 500_003 }));
  return { name: "album", layout: "folder", pieceBytes: 64 * kib, files: [...tracks, ...scans] };
}
