import { equalBytes, fail, fromHex, hex, latin1, must, ok, type Result } from "@dure/base";
import { asBytes, asDict, type Bencode } from "../bencode/index.ts";
import { fileRoot, merkleLimits } from "../merkle/index.ts";
import { formatOf, type Info, type PieceLayers, type TorrentReason } from "./info.ts";

/**
 * The piece layers of a v2 torrent, each checked against its file's root (BEP 52: "a torrent is not valid if this field
 * is absent" or does not match; of hybrids see below). Files of one piece or less need none; what stands there for them is left out.
 */
export function readPieceLayers(value: Bencode | undefined, info: Info): Result<PieceLayers, TorrentReason> {
  const layers = new Map<string, Uint8Array>(); // bounded by the files
  const known = new Set<string>();
  const dict = asDict(value);
  if (value !== undefined && dict === undefined) return fail("bad-piece-layers");
  // As v1 nothing is missing, and a hybrid whose metadata came from peers is kept without its layers.
  if (value === undefined && formatOf(info) === "hybrid") return ok(layers);
  for (const { piecesRoot, bytes } of info.files) {
    if (piecesRoot === undefined) continue;
    const key = latin1(piecesRoot);
    known.add(key);
    if (bytes <= info.pieceBytes) continue;
    if (dict === undefined) return fail("no-piece-layers");
    const hashes = dict.get(key);
    if (hashes === undefined) return fail("missing-piece-layer");
    const layer = asBytes(hashes);
    if (layer === undefined) return fail("bad-piece-layers");
    if (layer.length !== Math.ceil(bytes / info.pieceBytes) * merkleLimits.hashBytes) {
      return fail("wrong-piece-layer-length");
    }
    if (layers.has(hex(piecesRoot))) continue; // identical files share one; it is hashed once
    if (!equalBytes(fileRoot(layer, info.pieceBytes), piecesRoot)) return fail("wrong-piece-layer");
    layers.set(hex(piecesRoot), layer);
  }
  for (const key of dict?.keys() ?? []) if (!known.has(key)) return fail("unknown-piece-layer");
  return ok(layers);
}

/** A torrent that is v2 alone with the hash of each piece: its layers file by file, and the roots of files of one piece. */
export function withLayers(info: Info, layers: PieceLayers): Info {
  const merklePieces = new Uint8Array(info.pieceCount * merkleLimits.hashBytes);
  for (const { piecesRoot, bytes, offset } of info.files) {
    if (piecesRoot === undefined) continue;
    const hashes =
      bytes > info.pieceBytes ? must(layers.get(hex(piecesRoot)), "its layer was read") : piecesRoot;
    merklePieces.set(hashes, (offset / info.pieceBytes) * merkleLimits.hashBytes);
  }
  return { ...info, merklePieces };
}

/** The dictionary as a .torrent holds it. */
export function pieceLayersDict(layers: PieceLayers): ReadonlyMap<string, Uint8Array> {
  return new Map([...layers].map(([root, layer]) => [latin1(must(fromHex(root), "hex digits")), layer]));
}
