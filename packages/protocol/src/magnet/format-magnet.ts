import { formatAddress } from "@dure/base";
import type { Magnet } from "./magnet.ts";

/** The link that `parseMagnet` reads back as the same value. */
export function formatMagnet(magnet: Magnet): string {
  const fields: string[] = [];
  if (magnet.infoHash !== null) fields.push(`xt=urn:btih:${magnet.infoHash}`);
  if (magnet.infoHashV2 !== null) fields.push(`xt=urn:btmh:1220${magnet.infoHashV2}`);
  if (magnet.publicKey !== undefined) fields.push(`xs=urn:btpk:${magnet.publicKey}`);
  if (magnet.salt !== undefined) fields.push(`s=${magnet.salt}`);
  if (magnet.name !== null) fields.push(`dn=${encodeURIComponent(magnet.name)}`);
  if (magnet.totalBytes !== null) fields.push(`xl=${magnet.totalBytes}`);
  for (const url of magnet.trackers) fields.push(`tr=${encodeURIComponent(url)}`);
  for (const url of magnet.webSeeds) fields.push(`ws=${encodeURIComponent(url)}`);
  for (const peer of magnet.peers) fields.push(`x.pe=${formatAddress(peer)}`);
  for (const peer of magnet.peerHosts) fields.push(`x.pe=${peer.host}:${peer.port}`);
  if (magnet.select !== null) fields.push(`so=${magnet.select.map(formatRange).join(",")}`);
  return `magnet:?${fields.join("&")}`;
}

function formatRange(range: { readonly first: number; readonly last: number }): string {
  return range.first === range.last ? `${range.first}` : `${range.first}-${range.last}`;
}
