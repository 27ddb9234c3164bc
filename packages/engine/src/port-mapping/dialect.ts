import { equalBytes, type Ms, ms } from "@dure/base";
import {
  decodeNatPmpResponse,
  decodePcpResponse,
  encodeNatPmpRequest,
  encodePcpRequest,
  type MappedProtocol,
} from "@dure/protocol";
import type { ExternalEnd } from "./client.ts";
import type { Route } from "./messages.ts";

export interface Ask {
  readonly protocol: MappedProtocol;
  /** What we had, or wish; port 0 for anything. */
  readonly wish: ExternalEnd;
  /** Zero removes. */
  readonly lifetime: Ms;
}

export type DialectAnswer =
  | ({
      readonly type: "mapped";
      readonly protocol: MappedProtocol;
      readonly epochSeconds: number;
      readonly lifetime: Ms;
    } & ExternalEnd)
  | {
      readonly type: "refused";
      readonly protocol: MappedProtocol;
      readonly epochSeconds: number;
      /** How long the gateway says it will go on refusing. */
      readonly wait: Ms | undefined;
    }
  /** The gateway's clock and perhaps its address, asked for or not. */
  | { readonly type: "news"; readonly epochSeconds: number; readonly externalIp: string | undefined }
  | { readonly type: "unsupported" };

/** The little in which PCP and NAT-PMP differ once their bytes are read. */
export interface Dialect {
  readonly kind: "pcp" | "nat-pmp";
  /** When a renewal is begun, as parts of the lifetime: somewhere between the two. */
  readonly renewFrom: number;
  readonly renewTo: number;
  /** Datagrams to send together. */
  encode(ask: Ask): readonly Uint8Array[];
  /** Undefined for what is not an answer to us. */
  decode(bytes: Uint8Array): DialectAnswer | undefined;
  /** Whether a gateway whose clock said `before` has lost its mappings, now that it says `after`. All in seconds. */
  lostState(before: number, after: number, elapsed: number): boolean;
}

export function pcpDialect(route: Route, internalPort: number, nonce: Uint8Array): Dialect {
  const nowhere = route.family === 4 ? "0.0.0.0" : "::";
  return {
    kind: "pcp",
    // RFC 6887, 11.2.1
    renewFrom: 1 / 2,
    renewTo: 5 / 8,
    encode({ protocol, wish, lifetime }) {
      const { externalPort, externalIp = nowhere } = wish;
      const mapping = { nonce, protocol, internalPort, externalPort, externalIp };
      return [encodePcpRequest({ opcode: "map", clientIp: route.local, lifetime, mapping })];
    },
    decode(bytes) {
      const read = decodePcpResponse(bytes);
      if (!read.ok) return undefined;
      const answer = read.value;
      if (answer.type === "announced") return { ...answer, type: "news", externalIp: undefined };
      if (answer.type === "unsupported-version") return { type: "unsupported" };
      const { mapping, lifetime, epochSeconds } = answer;
      if (mapping === undefined) return { type: "unsupported" }; // not even our question was understood
      if (!equalBytes(mapping.nonce, nonce) || mapping.internalPort !== internalPort) return undefined;
      const { protocol, externalIp, externalPort } = mapping;
      if (answer.type === "refused") return { type: "refused", protocol, epochSeconds, wait: lifetime };
      return { type: "mapped", protocol, epochSeconds, lifetime, externalIp, externalPort };
    },
    // RFC 6887, 8.5: both clocks must have gone on alike, within a sixteenth and two seconds.
    lostState(before, after, elapsed) {
      if (after + 1 < before) return true;
      const passed = after - before;
      return elapsed + 2 < passed - passed / 16 || passed + 2 < elapsed - elapsed / 16;
    },
  };
}

export function natPmpDialect(internalPort: number): Dialect {
  return {
    kind: "nat-pmp",
    // RFC 6886, 3.3
    renewFrom: 1 / 2,
    renewTo: 1 / 2,
    encode({ protocol, wish, lifetime }) {
      const { externalPort } = wish;
      const map = encodeNatPmpRequest({ opcode: "map", protocol, internalPort, externalPort, lifetime });
      return lifetime === 0 ? [map] : [encodeNatPmpRequest({ opcode: "external-address" }), map];
    },
    decode(bytes) {
      const read = decodeNatPmpResponse(bytes);
      if (!read.ok) return undefined;
      const answer = read.value;
      switch (answer.type) {
        case "external-address":
          return { ...answer, type: "news" };
        case "mapped":
          if (answer.internalPort !== internalPort) return undefined;
          return { ...answer, externalIp: undefined };
        case "refused": {
          const { result, protocol, epochSeconds } = answer;
          if (result === "unsupported-version" || result === "unsupported-opcode")
            return { type: "unsupported" };
          if (protocol === undefined) return { type: "news", epochSeconds, externalIp: undefined };
          return { type: "refused", protocol, epochSeconds, wait: undefined };
        }
      }
    },
    // RFC 6886, 3.6: our clock may be an eighth faster, and two seconds may be lost on the way.
    lostState(before, after, elapsed) {
      return after + 2 < before + (elapsed * 7) / 8;
    },
  };
}

/** Nothing wished. */
export const anyEnd: ExternalEnd = { externalIp: undefined, externalPort: 0 };

/** Zero lifetime: a removal (RFC 6886, 3.4; RFC 6887, 15). */
export function removal(protocol: MappedProtocol): Ask {
  return { protocol, wish: anyEnd, lifetime: ms(0) };
}
