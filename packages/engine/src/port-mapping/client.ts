import type { Machine } from "@dure/base";
import type { MappedProtocol } from "@dure/protocol";
import type { GatewayRequest, MapFailure } from "./messages.ts";

/** Where a mapped port is reached. */
export interface ExternalEnd {
  readonly externalIp: string | undefined;
  readonly externalPort: number;
}

export type ClientInput =
  /** UPnP looks for gateways while the other kinds are tried. */
  | { readonly type: "search" }
  /** Begin; the first answer is waited for during this many sends. */
  | { readonly type: "map"; readonly triesMax: number }
  | { readonly type: "recheck" }
  | { readonly type: "datagram"; readonly bytes: Uint8Array }
  | { readonly type: "unreachable" }
  | { readonly type: "search-reply"; readonly from: string; readonly bytes: Uint8Array }
  | {
      readonly type: "http-reply";
      readonly request: number;
      readonly status: number;
      readonly body: Uint8Array;
    }
  | { readonly type: "http-failed"; readonly request: number }
  | { readonly type: "wake" }
  | { readonly type: "stop" };

export type ClientOutput =
  | { readonly type: "send"; readonly bytes: Uint8Array }
  | { readonly type: "search"; readonly searches: readonly Uint8Array[] }
  | GatewayRequest
  | ({ readonly type: "mapped"; readonly protocol: MappedProtocol } & ExternalEnd)
  | { readonly type: "unmapped"; readonly protocol: MappedProtocol }
  /** It holds nothing and will do nothing more. */
  | { readonly type: "failed"; readonly reason: MapFailure }
  /** After `stop`: all is removed, or was not in time. */
  | { readonly type: "released" };

/** One kind of gateway behind one route: maps our port for TCP and UDP, and keeps both mapped. */
export type GatewayClient = Machine<ClientInput, ClientOutput>;
