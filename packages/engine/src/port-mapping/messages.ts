import type { Family } from "@dure/base";
import type { HttpTarget, MappedProtocol } from "@dure/protocol";

/** How a gateway is asked. */
export type MappingKind = "pcp" | "nat-pmp" | "upnp";

/** The machine's way out in one family: its default gateway, and the address that traffic to it leaves from. */
export interface Route {
  readonly family: Family;
  readonly gateway: string;
  readonly local: string;
}

/** A port of ours that the outside reaches. */
export interface PortMapping {
  readonly family: Family;
  readonly protocol: MappedProtocol;
  readonly kind: MappingKind;
  /** As the gateway says; undefined when it does not. Behind another gateway it is no public address. */
  readonly externalIp: string | undefined;
  /** Not always the port that we listen on. */
  readonly externalPort: number;
}

/** Why a kind of gateway gave nothing. */
export type MapFailure =
  | "silent" // no answer
  | "unreachable" // nobody listens, or the connection broke
  | "unsupported" // it speaks something else
  | "refused"
  | "not-found"; // no UPnP gateway answered the search

export type PortMapperInput =
  /** At the start, and whenever the network has changed; without routes nothing is asked of anybody. */
  | { readonly type: "routes"; readonly routes: readonly Route[] }
  /** The machine has slept, or may otherwise have missed something. */
  | { readonly type: "recheck" }
  /** From the gateway's port 5351, or what it announced to all; the host has checked that it is the gateway's. */
  | { readonly type: "datagram"; readonly family: Family; readonly bytes: Uint8Array }
  /** The gateway's system says that nobody listens on 5351. */
  | { readonly type: "unreachable"; readonly family: Family }
  /** The host has checked that the address is of the local network. */
  | { readonly type: "search-reply"; readonly from: string; readonly bytes: Uint8Array }
  | {
      readonly type: "http-reply";
      readonly request: number;
      readonly status: number;
      readonly body: Uint8Array;
    }
  | { readonly type: "http-failed"; readonly request: number }
  | { readonly type: "wake" }
  /** Removes the mappings; `stopped` follows within about a second. */
  | { readonly type: "stop" };

export type GatewayRequest = {
  readonly type: "http";
  readonly request: number;
  readonly target: HttpTarget;
  /** Absent: GET. */
  readonly post?: { readonly soapAction: string; readonly body: Uint8Array };
};

export type PortMapperOutput =
  /** To the gateway's port 5351. */
  | { readonly type: "send"; readonly family: Family; readonly bytes: Uint8Array }
  /** To the multicast group of SSDP, from the address of the IPv4 route. */
  | { readonly type: "search"; readonly searches: readonly Uint8Array[] }
  /** Answered once, with `http-reply` or `http-failed`. */
  | GatewayRequest
  /** Also when something about it has changed. */
  | ({ readonly type: "port-mapped" } & PortMapping)
  | {
      readonly type: "port-unmapped";
      readonly family: Family;
      readonly protocol: MappedProtocol;
      readonly kind: MappingKind;
    }
  /** All kinds were tried; it is tried again later. */
  | {
      readonly type: "port-not-mapped";
      readonly family: Family;
      readonly failures: Readonly<Partial<Record<MappingKind, MapFailure>>>;
    }
  | { readonly type: "stopped" };
