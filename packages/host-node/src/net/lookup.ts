import { lookup } from "node:dns/promises";
import type { LookupFunction } from "./resolver.ts";

/** The system's resolver: hosts file, mDNS and all. It cannot be cancelled, and uses libuv's slow-I/O threads. */
export const systemLookup: LookupFunction = async (host, family) => {
  const found = await lookup(host, { all: true, family, order: "verbatim" });
  return found.map((entry) => entry.address);
};
