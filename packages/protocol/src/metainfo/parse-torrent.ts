import { fail, fromUtf8Strict, ok, type Result } from "@dure/base";
import { asBytes, asDict, asInt, asList, type BencodeDict, decodeBencodeDict } from "../bencode/index.ts";
import { formatOf, type Metainfo, type TorrentReason } from "./info.ts";
import { metainfoLimits } from "./limits.ts";
import { readInfo } from "./parse-info.ts";
import { readPieceLayers, withLayers } from "./piece-layers.ts";
import { readNote } from "./read-text.ts";

/*
 * A .torrent (BEP 3) is one dictionary:
 *
 *   info           dictionary; its bytes as they stand are what the info-hash is the hash of
 *   announce       URL                       announce-list   list of tiers, each a list of URLs (BEP 12)
 *   url-list       URL or list of them (BEP 19)
 *   piece layers   dictionary: root of a file => hashes of its pieces (BEP 52)
 *   comment, created by, creation date
 *
 * What the info-hash covers is refused when it is wrong, and so are piece layers, which it covers by the roots. What stands around it only helps, so the parts of it
 * that cannot be used are left out.
 */

/** The result keeps views of `bytes`: hand them over and do not write to them again. */
export function parseTorrent(bytes: Uint8Array): Result<Metainfo, TorrentReason> {
  if (bytes.length > metainfoLimits.torrentBytesMax) return fail("torrent-too-large");
  const decoded = decodeBencodeDict(bytes);
  if (!decoded.ok) return decoded;
  const { dict, raw } = decoded.value;
  const infoBytes = raw.get("info");
  if (infoBytes === undefined) return fail("no-info");
  const infoDict = asDict(dict.get("info"));
  if (infoDict === undefined) return fail("info-not-dictionary");
  if (infoBytes.length > metainfoLimits.infoBytesMax) return fail("info-too-large");
  const info = readInfo(infoDict, infoBytes);
  if (!info.ok) return info;
  const layers =
    info.value.infoHashV2 === null ? ok(new Map()) : readPieceLayers(dict.get("piece layers"), info.value);
  if (!layers.ok) return layers;
  const createdAt = asInt(dict.get("creation date"));
  return ok({
    info: formatOf(info.value) === "v2" ? withLayers(info.value, layers.value) : info.value,
    pieceLayers: layers.value,
    trackers: readTrackers(dict),
    webSeeds: readWebSeeds(dict),
    comment: readNote(dict, "comment"),
    createdBy: readNote(dict, "created by"),
    createdAt: createdAt !== undefined && createdAt > 0 ? createdAt : null,
  });
}

const trackerSchemes: ReadonlySet<string> = new Set(["http:", "https:", "udp:", "ws:", "wss:"]);
const webSeedSchemes: ReadonlySet<string> = new Set(["http:", "https:"]);

// BEP 12: when there is a list, `announce` is not looked at. A list without one usable URL is as good as none.
function readTrackers(dict: BencodeDict): readonly (readonly string[])[] {
  const urls = new UrlCollector(trackerSchemes, metainfoLimits.trackersMax);
  const tiers: string[][] = []; // bounded by the collector: empty tiers are not kept
  for (const tier of asList(dict.get("announce-list")) ?? []) {
    const kept = (asList(tier) ?? [tier]).map((item) => urls.take(asBytes(item)));
    const usable = kept.filter((url) => url !== undefined);
    if (usable.length > 0) tiers.push(usable);
  }
  if (tiers.length > 0) return tiers;
  const announce = urls.take(asBytes(dict.get("announce")));
  return announce === undefined ? [] : [[announce]];
}

function readWebSeeds(dict: BencodeDict): readonly string[] {
  const urls = new UrlCollector(webSeedSchemes, metainfoLimits.webSeedsMax);
  const list = dict.get("url-list");
  const items = asList(list) ?? (list === undefined ? [] : [list]);
  return items.map((item) => urls.take(asBytes(item))).filter((url) => url !== undefined);
}

/** Takes each usable URL once, up to a number. */
class UrlCollector {
  readonly #schemes: ReadonlySet<string>;
  readonly #max: number;
  readonly #seen = new Set<string>(); // bounded by max

  constructor(schemes: ReadonlySet<string>, max: number) {
    this.#schemes = schemes;
    this.#max = max;
  }

  /** The URL as the file spells it, or nothing when it cannot be used, was taken before, or there are enough. */
  take(bytes: Uint8Array | undefined): string | undefined {
    if (bytes === undefined || bytes.length > metainfoLimits.urlBytesMax) return undefined;
    if (this.#seen.size >= this.#max) return undefined;
    const url = fromUtf8Strict(bytes)?.trim();
    if (url === undefined || !isUsable(url, this.#schemes) || this.#seen.has(url)) return undefined;
    this.#seen.add(url);
    return url;
  }
}

function isUsable(url: string, schemes: ReadonlySet<string>): boolean {
  return URL.canParse(url) && schemes.has(new URL(url).protocol);
}
