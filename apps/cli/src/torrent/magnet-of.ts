import { formatMagnet, formatOf, type Metainfo } from "@dure/protocol";

/** The link that says the same as the torrent, as far as a link can. */
export function magnetOf(metainfo: Metainfo): string {
  const { info } = metainfo;
  return formatMagnet({
    infoHash: formatOf(info) === "v2" ? null : info.infoHash,
    infoHashV2: info.infoHashV2,
    name: info.name,
    totalBytes: info.totalBytes,
    trackers: metainfo.trackers.flat(),
    webSeeds: metainfo.webSeeds,
    peers: [],
    peerHosts: [],
    select: null,
  });
}
