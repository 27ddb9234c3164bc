import { randomBytes, randomInt } from "node:crypto";
import {
  type Address,
  assert,
  familyOf,
  type InfoHash,
  infoHash as infoHashOf,
  ipScope,
  Prng,
  parseAddress,
} from "@dure/base";
import type { DhtDeskOptions, DhtPlace } from "@dure/carrier";
import type { NodeDhtOptions } from "../dht-api.ts";

/** BEP 5, `v`: two letters and two bytes of version. */
const version = Uint8Array.of(0x44, 0x55, 0, 1); // "DU"

/** What the carrier is told; chance comes from the system. */
export function deskOptions(
  options: NodeDhtOptions,
  denies?: (infoHash: InfoHash) => boolean,
): DhtDeskOptions {
  const { bootstrap, readOnly, answerRate, countLocal, enforceSecureIds } = options;
  const listed = (key: Uint8Array) => {
    const infoHash = infoHashOf(key);
    return options.denied?.(key) === true || (infoHash !== undefined && denies?.(infoHash) === true);
  };
  const denied = denies === undefined ? options.denied : listed;
  return {
    bootstrap: bootstrap.map(hostPort),
    tokenSecret: randomBytes(32),
    prng: new Prng(randomInt(2 ** 26) * 2 ** 27 + randomInt(2 ** 27)),
    version,
    ...(readOnly === undefined ? {} : { readOnly }),
    ...(answerRate === undefined ? {} : { answerRate }),
    ...(countLocal === undefined ? {} : { countLocal }),
    ...(enforceSecureIds === undefined ? {} : { enforceSecureIds }),
    ...(denied === undefined ? {} : { denied }),
  };
}

/** The sockets of the node. One that is bound to a public address is seen under it. */
export function placesOf(listening: readonly Address[]): DhtPlace[] {
  return listening.map(({ ip }) => ({
    family: familyOf(ip),
    ...(ipScope(ip) === "global" ? { externalIp: ip } : {}),
  }));
}

function hostPort(text: string): { host: string; port: number } {
  const literal = parseAddress(text);
  if (literal !== undefined) return { host: literal.ip, port: literal.port };
  const match = /^([^:\s[\]]+):(\d{1,5})$/.exec(text);
  const [host = "", port = 0] = [match?.[1], Number(match?.[2] ?? 0)];
  assert(host !== "" && port > 0 && port < 65_536, `a bootstrap node is HOST:PORT: ${text}`);
  return { host, port };
}
