import { createHash } from "node:crypto";

type Bencodable = number | string | Buffer | { readonly [key: string]: Bencodable };

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

export function bencode(value: Bencodable): Buffer {
  if (typeof value === "number") return Buffer.from(`i${value}e`);
  if (typeof value === "string") return bencode(Buffer.from(value));
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from(`${value.length}:`), value]);
  const keys = Object.keys(value).sort(); // ASCII keys only here, so code units are bytes
  const parts = keys.flatMap((key) => [bencode(key), bencode(value[key] ?? 0)]);
  return Buffer.concat([Buffer.from("d"), ...parts, Buffer.from("e")]);
}
