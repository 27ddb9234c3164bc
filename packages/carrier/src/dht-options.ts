import type { Address, Family, Prng } from "@dure/base";
import { Dht, type DhtContact, type DhtKey, type DhtOptions } from "@dure/protocol";

/** What a node's owner decides of its DHT. */
export interface DhtDeskOptions {
  /** Names or IP literals; names are resolved over both families, again and again while nobody answers. */
  readonly bootstrap: readonly { readonly host: string; readonly port: number }[];
  /** 16 bytes or more of true chance. */
  readonly tokenSecret: Uint8Array;
  /** Seeded with 53 bits of true chance, outside of simulations. */
  readonly prng: Prng;
  /** BEP 43. Default false. */
  readonly readOnly?: boolean;
  /** All answers together, bytes a second; default the protocol's. */
  readonly answerRate?: number;
  /** Loopback and private addresses count for the limits per address. Default false. */
  readonly countLocal?: boolean;
  /** BEP 42: ids that do not fit their addresses are not believed, rather than preferred less. Default false. */
  readonly enforceSecureIds?: boolean;
  /** Info-hashes and targets that are neither stored nor served. */
  readonly denied?: (key: DhtKey) => boolean;
  /** `v` of each message; left out: none. */
  readonly version?: Uint8Array;
}

/** A socket of the host, one a family: datagrams to a family leave from it. */
export interface DhtPlace {
  readonly family: Family;
  /** Where its address is a public one. */
  readonly externalIp?: string;
}

export interface DhtStart {
  /** The order gives each its index. */
  readonly endpoints: readonly DhtPlace[];
  /** That of the sockets, TCP and UDP alike. */
  readonly port: number;
}

/** What is known at the start: of the sockets, and of last time. */
export interface DhtBeginning {
  readonly places: readonly DhtPlace[];
  readonly bootstrap: readonly Address[];
  readonly contacts: readonly DhtContact[];
  idOf(family: Family): DhtKey | undefined;
}

export function dhtOf(options: DhtDeskOptions, beginning: DhtBeginning): Dht {
  const { prng, readOnly, countLocal, enforceSecureIds, version, tokenSecret, answerRate, denied } = options;
  const { places, bootstrap, contacts, idOf } = beginning;
  const responder: DhtOptions["responder"] = {
    tokenSecret,
    ...(answerRate === undefined ? {} : { answerRate }),
    ...(denied === undefined ? {} : { denied }),
  };
  return new Dht({
    endpoints: places.map(({ family, externalIp }) => {
      const id = idOf(family);
      return {
        family,
        ...(id === undefined ? {} : { id }),
        ...(externalIp === undefined ? {} : { externalIp }),
      };
    }),
    prng: prng.split("dht"),
    bootstrap,
    contacts,
    responder,
    ...(readOnly === undefined ? {} : { readOnly }),
    ...(countLocal === undefined ? {} : { countLocal }),
    ...(enforceSecureIds === true ? { defences: { secureIds: "enforce" } } : {}),
    ...(version === undefined ? {} : { version }),
  });
}
