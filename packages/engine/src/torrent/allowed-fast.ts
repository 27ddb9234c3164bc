import { concat, type InfoHash, idBytes, parseIp, viewOf } from "@dure/base";
import { sha1 } from "@noble/hashes/legacy.js";

const allowedFastPieces = 10;

/**
 * BEP 6, "Allowed Fast Set Generation": the pieces that a peer at this IPv4 address may have while choked. The set
 * hangs on its /24 and the torrent, so that a peer cannot gain by reconnecting. Empty for IPv6, which the BEP leaves out.
 */
export function allowedFastSet(
  ip: string,
  infoHash: InfoHash,
  pieceCount: number,
  size = allowedFastPieces,
): number[] {
  const address = parseIp(ip);
  if (address === undefined || address.length !== 4) return [];
  address[3] = 0;
  const pieces = new Set<number>();
  let digest: Uint8Array = concat([address, idBytes(infoHash)]);
  while (pieces.size < Math.min(size, pieceCount)) {
    digest = sha1(digest);
    const view = viewOf(digest);
    for (let offset = 0; offset < 20 && pieces.size < size; offset += 4)
      pieces.add(view.getUint32(offset) % pieceCount);
  }
  return [...pieces];
}
