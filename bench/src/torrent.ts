import { createHash } from "node:crypto";
import { bencode } from "../../interop/clients/index.ts";

/** A single-file v1 torrent (BEP 3), made here so that no program under test makes its own input. */
export function makeTorrent(options: { name: string; bytes: number; pieceBytes: number; hashes: Buffer }): {
  torrent: Buffer;
  infoHash: string;
} {
  const info = bencode({
    name: options.name,
    length: options.bytes,
    "piece length": options.pieceBytes,
    pieces: options.hashes,
  });
  const torrent = Buffer.concat([Buffer.from("d4:info"), info, Buffer.from("e")]);
  return { torrent, infoHash: createHash("sha1").update(info).digest("hex") };
}
