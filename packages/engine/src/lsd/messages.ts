import type { Address, Family, InfoHash } from "@dure/base";

export type LsdInput =
  /** A torrent takes part and is not private; peers reach it at this port. */
  | { readonly type: "join"; readonly infoHash: InfoHash; readonly port: number }
  | { readonly type: "leave"; readonly infoHash: InfoHash }
  /** `neighbour`: the host knows the source to be on one of its own networks, whatever its address looks like. */
  | {
      readonly type: "datagram";
      readonly from: Address;
      readonly neighbour: boolean;
      readonly bytes: Uint8Array;
    }
  /** Other addresses, or a long sleep: those around us may be others. */
  | { readonly type: "network-changed" }
  | { readonly type: "wake" };

export type LsdOutput =
  /** Join the groups, or leave them. */
  | { readonly type: "listen"; readonly on: boolean }
  /** To the group of this family, on each local interface. */
  | { readonly type: "send"; readonly family: Family; readonly bytes: Uint8Array }
  | { readonly type: "peer"; readonly infoHash: InfoHash; readonly address: Address };
