import { readFile } from "node:fs/promises";
import { type Address, canonicalIp, type InfoHash } from "@dure/base";
import {
  type FileRange,
  type Metainfo,
  metainfoLimits,
  parseInfoHash,
  parseMagnet,
  parseTorrent,
} from "@dure/protocol";
import { NodeError } from "../api.ts";

/** What the user named, as far as it can be known without peers. */
export interface Source {
  readonly infoHash: InfoHash;
  readonly name: string;
  readonly metainfo: Metainfo | undefined;
  /** The whole .torrent, when there is one. */
  readonly torrent: Uint8Array | undefined;
  readonly trackers: readonly (readonly string[])[];
  readonly peers: readonly Address[];
  readonly peerHosts: readonly { readonly host: string; readonly port: number }[];
  /** BEP 53. */
  readonly select: readonly FileRange[] | undefined;
}

/** Gets the bytes of an http(s) URL that the user gave. */
export type Fetch = (url: string) => Promise<Uint8Array>;

/** A .torrent by path, URL or bytes, a magnet link, or a bare info-hash. Rejects with a `NodeError`. */
export async function readSource(source: string | Uint8Array, fetch: Fetch): Promise<Source> {
  if (typeof source !== "string") return fromTorrent(source, "the torrent");
  if (/^magnet:/i.test(source)) return fromMagnet(source);
  const hash = parseInfoHash(source);
  if (hash !== undefined) return bare(hash);
  if (/^https?:\/\//i.test(source)) return fromTorrent(await fetch(source), source);
  return fromTorrent(await readTorrentFile(source), source);
}

async function readTorrentFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new NodeError(
      "bad-source",
      `${path} cannot be read: no torrent file, magnet link or info-hash`,
      path,
      { cause },
    );
  }
}

function fromTorrent(bytes: Uint8Array, name: string): Source {
  const parsed = parseTorrent(bytes);
  if (!parsed.ok)
    throw new NodeError(
      "bad-torrent",
      `${name} is not a torrent that can be used: ${parsed.reason}`,
      parsed.reason,
    );
  const { info, trackers } = parsed.value;
  return {
    infoHash: info.infoHash,
    name: info.name,
    metainfo: parsed.value,
    torrent: bytes,
    trackers,
    peers: [],
    peerHosts: [],
    select: undefined,
  };
}

function fromMagnet(text: string): Source {
  const parsed = parseMagnet(text);
  if (!parsed.ok)
    throw new NodeError("bad-source", `the magnet link cannot be used: ${parsed.reason}`, parsed.reason);
  const magnet = parsed.value;
  if (magnet.infoHash === null && magnet.publicKey !== undefined) {
    throw new NodeError(
      "bad-source",
      "the magnet link names a publisher, not a torrent: dure follow downloads what is published",
      "publisher",
    );
  }
  if (magnet.infoHash === null) {
    throw new NodeError(
      "bad-source",
      "the magnet link is for BitTorrent v2 only, which needs the .torrent file so far",
      "v2-only",
    );
  }
  const peerHosts = magnet.peerHosts.filter(({ host }) => canonicalIp(host) === undefined);
  return {
    ...bare(magnet.infoHash),
    name: magnet.name ?? magnet.infoHash,
    // Each tracker of a magnet link is a tier of its own: all of them are asked.
    trackers: magnet.trackers.map((url) => [url]),
    peers: magnet.peers,
    peerHosts,
    select: magnet.select ?? undefined,
  };
}

function bare(hash: InfoHash): Source {
  const nothing = {
    metainfo: undefined,
    torrent: undefined,
    trackers: [],
    peers: [],
    peerHosts: [],
    select: undefined,
  };
  return { infoHash: hash, name: hash, ...nothing };
}

/** Most bytes of a .torrent taken from a URL. */
export const torrentUrlBytesMax = metainfoLimits.torrentBytesMax;
