import { formatMagnet, formatOf, type Magnet, type Metainfo } from "@dure/protocol";
import { magnetOf } from "./magnet-of.ts";

/** The one object of `dure show --json` (CONTRACT.md): absent things are null. */
export interface Description {
  readonly name: string | null;
  readonly infoHashV1: string | null;
  readonly infoHashV2: string | null;
  readonly magnet: string;
  readonly pieceBytes: number | null;
  readonly pieceCount: number | null;
  readonly totalBytes: number | null;
  readonly private: boolean | null;
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly pad: boolean }[] | null;
  readonly trackers: readonly (readonly string[])[];
  readonly webSeeds: readonly string[];
  readonly comment: string | null;
  readonly createdBy: string | null;
  /** UNIX seconds. */
  readonly createdAt: number | null;
  readonly source: string | null;
}

export function describeTorrent(metainfo: Metainfo): Description {
  const { info } = metainfo;
  return {
    name: info.name,
    infoHashV1: formatOf(info) === "v2" ? null : info.infoHash,
    infoHashV2: info.infoHashV2,
    magnet: magnetOf(metainfo),
    pieceBytes: info.pieceBytes,
    pieceCount: info.pieceCount,
    totalBytes: info.totalBytes,
    private: info.private,
    files: info.files.map((file) => ({ path: file.path.join("/"), bytes: file.bytes, pad: file.pad })),
    trackers: metainfo.trackers,
    webSeeds: metainfo.webSeeds,
    comment: metainfo.comment,
    createdBy: metainfo.createdBy,
    createdAt: metainfo.createdAt,
    source: info.source,
  };
}

export function describeMagnet(magnet: Magnet): Description {
  return {
    name: magnet.name,
    infoHashV1: magnet.infoHash,
    infoHashV2: magnet.infoHashV2,
    magnet: formatMagnet(magnet),
    pieceBytes: null,
    pieceCount: null,
    totalBytes: magnet.totalBytes,
    private: null,
    files: null,
    trackers: magnet.trackers.map((url) => [url]), // BEP 9 knows no tiers: each is its own
    webSeeds: magnet.webSeeds,
    comment: null,
    createdBy: null,
    createdAt: null,
    source: null,
  };
}
