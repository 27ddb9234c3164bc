/** What a stranger's torrent may cost. Each is tested at n and at n + 1. */
export const metainfoLimits = {
  /** A whole .torrent: the largest info dictionary and room for trackers and v2 piece layers. */
  torrentBytesMax: 128 * 1024 * 1024,
  /** An info dictionary that a file holds. */
  infoBytesMax: 64 * 1024 * 1024,
  /** An info dictionary that peers send (BEP 9). */
  infoBytesFromPeersMax: 30 * 1024 * 1024,
  piecesMax: 2_000_000,
  pieceBytesMax: 512 * 1024 * 1024,
  filesMax: 200_000,
  /** Components of a file's path, below the torrent's name. */
  depthMax: 100,
  /** The same in a file tree (BEP 52), which nests: the bencode decoder opens no more dictionaries. */
  treeDepthMax: 28,
  /** One component as the torrent spells it; it is cut to 255 bytes for the disk. */
  componentBytesMax: 4096,
  /** A whole path on the disk, below the download folder: PATH_MAX is 4,096 on Linux and the folder needs some. */
  pathBytesMax: 3072,
  /** Past the limits below the rest is left out: no harm is done by knowing less. */
  trackersMax: 200,
  webSeedsMax: 100,
  urlBytesMax: 2048,
  /** Comment and creator are cut to this. */
  textBytesMax: 16 * 1024,
} as const;
