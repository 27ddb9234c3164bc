import { Bitfield, infoHash, must, type PeerId, Prng, peerId, utf8 } from "@dure/base";
import { buildInfo, type Info, parseInfo } from "@dure/protocol";
import { type LimitSettings, Limits, nodeLimitsDefault } from "../session/index.ts";
import { Torrent, type TorrentOptions } from "../torrent/index.ts";

export interface InfoShape {
  readonly pieces: number;
  readonly pieceBytes?: number;
  /** Files of so many pieces each; by default one file. */
  readonly files?: readonly number[];
  readonly private?: boolean;
}

/** A torrent of nothing in particular: its pieces' digests are zeros, since tests say themselves what is right. */
export function infoOf(shape: InfoShape): Info {
  const pieceBytes = shape.pieceBytes ?? 65_536;
  const infoBytes = buildInfo({
    name: "sample",
    content:
      shape.files === undefined
        ? { type: "file", bytes: shape.pieces * pieceBytes }
        : {
            type: "folder",
            files: shape.files.map((count, index) => ({ path: [`${index}.bin`], bytes: count * pieceBytes })),
          },
    pieceBytes,
    pieces: new Uint8Array(shape.pieces * 20),
    private: shape.private ?? false,
    source: null,
  });
  const parsed = parseInfo(infoBytes);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.value;
}

export interface TorrentShape {
  readonly have?: "all" | readonly number[];
  /** Knows only the info-hash, as from a magnet link. */
  readonly magnet?: boolean;
  readonly limits?: Partial<LimitSettings>;
  readonly node?: Limits;
  readonly trackers?: readonly (readonly string[])[];
  readonly files?: readonly number[];
  readonly seed?: number;
  readonly name?: string;
  readonly port?: number;
  readonly pex?: boolean;
  readonly dht?: boolean;
  readonly superSeed?: boolean;
  readonly filtered?: (ip: string) => boolean;
}

export function haveOf(info: Info, have: "all" | readonly number[] | undefined): Bitfield {
  if (have === "all") return Bitfield.full(info.pieceCount);
  const field = new Bitfield(info.pieceCount);
  for (const piece of have ?? []) field.set(piece);
  return field;
}

export function torrentOf(info: Info, shape: TorrentShape = {}): Torrent {
  const start = { info, have: haveOf(info, shape.have), partial: [], files: shape.files };
  const options: TorrentOptions = {
    infoHash: must(infoHash(info.infoHash), "an info-hash"),
    peerId: idOf(shape.name ?? "us"),
    port: shape.port ?? 6881,
    key: 1,
    client: "Dure test",
    trackers: shape.trackers ?? [],
    start: shape.magnet === true ? undefined : start,
    uploaded: 0,
    downloaded: 0,
    node: shape.node ?? new Limits(nodeLimitsDefault),
    limits: { ...nodeLimitsDefault, ...shape.limits },
    prng: new Prng(shape.seed ?? 1, shape.name ?? "us"),
    countLocal: true,
    ...(shape.pex === undefined ? {} : { pex: shape.pex }),
    ...(shape.dht === undefined ? {} : { dht: shape.dht }),
    ...(shape.filtered === undefined ? {} : { filtered: shape.filtered }),
    ...(shape.superSeed === undefined ? {} : { superSeed: shape.superSeed }),
  };
  return new Torrent(options);
}

export function idOf(name: string): PeerId {
  const bytes = new Uint8Array(20).fill(0x2e);
  bytes.set(utf8(name).subarray(0, 20));
  return must(peerId(bytes), "20 bytes are a peer id");
}
