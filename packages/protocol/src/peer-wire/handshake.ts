import {
  byteAt,
  concat,
  fromLatin1,
  hex,
  type InfoHash,
  idBytes,
  infoHash,
  latin1,
  must,
  type PeerId,
  peerId,
} from "@dure/base";

/*
 * BEP 3:  1    19        8          20          20
 *        +--+--------+----------+-----------+---------+
 *        |19|protocol| reserved | info-hash | peer id |
 *        +--+--------+----------+-----------+---------+
 * Reserved bits: byte 5 & 0x10 extension protocol (BEP 10), byte 7 & 0x04 fast extension (BEP 6), byte 7 & 0x01 DHT (BEP 5).
 */
export const handshakeBytes = 68;
const protocolName = fromLatin1("\x13BitTorrent protocol");

export interface Handshake {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  readonly extended: boolean;
  readonly fast: boolean;
  /** A `port` message may follow. Left out: no. */
  readonly dht?: boolean;
}

export function encodeHandshake(handshake: Handshake): Uint8Array<ArrayBuffer> {
  const reserved = new Uint8Array(8);
  reserved[5] = handshake.extended ? 0x10 : 0;
  reserved[7] = (handshake.fast ? 0x04 : 0) | (handshake.dht === true ? 0x01 : 0);
  return concat([protocolName, reserved, idBytes(handshake.infoHash), idBytes(handshake.peerId)]);
}

/** How many of the first bytes already contradict the protocol's name: known before all 68 are in. */
export function startsLikeHandshake(bytes: Uint8Array): boolean {
  const length = Math.min(bytes.length, protocolName.length);
  for (let index = 0; index < length; index += 1) if (bytes[index] !== protocolName[index]) return false;
  return true;
}

/** `bytes` are 68 that `startsLikeHandshake`. */
export function decodeHandshake(bytes: Uint8Array): Handshake {
  return {
    extended: (byteAt(bytes, 25) & 0x10) !== 0,
    fast: (byteAt(bytes, 27) & 0x04) !== 0,
    dht: (byteAt(bytes, 27) & 0x01) !== 0,
    infoHash: must(infoHash(bytes.subarray(28, 48)), "20 bytes are an info-hash"),
    peerId: must(peerId(bytes.subarray(48, 68)), "20 bytes are a peer id"),
  };
}

// biome-ignore format: a table
const azureusNames: Readonly<Record<string, string>> = {
  "7T": "aTorrent", AZ: "Vuze", BI: "BiglyBT", BT: "BitTorrent", DE: "Deluge", DU: "Dure", FD: "Free Download Manager",
  KT: "KTorrent", LT: "libtorrent", PI: "PicoTorrent", TR: "Transmission", TX: "Tixati", UT: "µTorrent", WW: "WebTorrent",
  WD: "WebTorrent Desktop", lt: "rTorrent", qB: "qBittorrent", rQ: "rqbit", XL: "Xunlei",
};

/** The program behind a peer id (BEP 20), for people: `qBittorrent 4.6.3`; hex digits where it follows no style. */
export function clientName(id: PeerId): string {
  const bytes = idBytes(id);
  const text = String.fromCharCode(...bytes.subarray(0, 8));
  const azureus = /^-([A-Za-z0-9]{2})([0-9A-Za-z]{4})-$/.exec(text);
  if (azureus !== null) {
    const version = [...(azureus[2] ?? "")].map((digit) => Number.parseInt(digit, 36));
    while (version.length > 2 && version.at(-1) === 0) version.pop();
    return `${azureusNames[azureus[1] ?? ""] ?? azureus[1]} ${version.join(".")}`;
  }
  const aria2 = /^A2-(\d+(?:-\d+)*)-/.exec(latin1(bytes.subarray(0, 12))); // A2-1-36-0-
  if (aria2 !== null) return `aria2 ${(aria2[1] ?? "").replaceAll("-", ".")}`;
  const mainline = /^([A-Z])(\d+(?:-\d+)*)-/.exec(text); // M4-3-6--
  if (mainline !== null)
    return `${mainline[1] === "M" ? "BitTorrent" : mainline[1]} ${(mainline[2] ?? "").replaceAll("-", ".")}`;
  return hex(bytes.subarray(0, 8));
}
