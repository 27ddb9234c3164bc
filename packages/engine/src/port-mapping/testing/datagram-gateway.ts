import { ms, seconds } from "@dure/base";
import {
  decodeNatPmpRequest,
  decodePcpRequest,
  encodeNatPmpResponse,
  encodePcpResponse,
  type MappedProtocol,
  type NatPmpRefusal,
  type PcpRefusal,
} from "@dure/protocol";

export interface GatewayEntry {
  readonly protocol: MappedProtocol;
  readonly client: string;
  readonly internalPort: number;
  readonly externalPort: number;
  readonly expiresAt: number;
}

/**
 * A gateway that speaks NAT-PMP, PCP or both, as real ones do on one port: bytes in, bytes out, time is an argument.
 * What is awkward about it is set by the story.
 */
export class DatagramGateway {
  readonly entries = new Map<string, GatewayEntry>(); // bounded by the story
  externalIp = "198.51.100.7";
  externalIp6 = "2001:db8::7";
  lifetimeSecondsMax = 86_400;
  /** Gives this port instead of the one that is wished. */
  otherPort: number | undefined;
  natPmpRefusal: NatPmpRefusal | undefined;
  pcpRefusal: PcpRefusal | undefined;
  silent = false;
  readonly #speaks: { readonly pcp: boolean; readonly natPmp: boolean };
  #startedAt = -1000;

  constructor(speaks: { readonly pcp: boolean; readonly natPmp: boolean }) {
    this.#speaks = speaks;
  }

  /** Loses all mappings, and its clock begins anew. */
  reboot(nowSeconds: number): void {
    this.entries.clear();
    this.#startedAt = nowSeconds;
  }

  /** What it tells all clients after a reboot, or when its address has changed. */
  announcement(nowSeconds: number): Uint8Array {
    const epochSeconds = this.#epoch(nowSeconds);
    return this.#speaks.pcp
      ? encodePcpResponse({ type: "announced", epochSeconds })
      : encodeNatPmpResponse({ type: "external-address", epochSeconds, externalIp: this.externalIp });
  }

  answer(nowSeconds: number, client: string, bytes: Uint8Array): Uint8Array | undefined {
    if (this.silent) return undefined;
    if (bytes[0] === 2 && this.#speaks.pcp) return this.#answerPcp(nowSeconds, client, bytes);
    if (this.#speaks.natPmp) return this.#answerNatPmp(nowSeconds, client, bytes);
    return undefined;
  }

  /** Of the client's, those that have not expired: `tcp 6881→6881`. */
  mapped(nowSeconds: number): readonly string[] {
    return [...this.entries.values()]
      .filter(({ expiresAt }) => expiresAt > nowSeconds)
      .map(({ protocol, externalPort, internalPort }) => `${protocol} ${externalPort}→${internalPort}`)
      .sort();
  }

  #answerNatPmp(now: number, client: string, bytes: Uint8Array): Uint8Array | undefined {
    const epochSeconds = this.#epoch(now);
    const read = decodeNatPmpRequest(bytes);
    if (!read.ok) {
      if (read.reason === "truncated") return undefined;
      return encodeNatPmpResponse({
        type: "refused",
        epochSeconds,
        protocol: undefined,
        result: read.reason,
      });
    }
    const request = read.value;
    if (request.opcode === "external-address")
      return encodeNatPmpResponse({ type: "external-address", epochSeconds, externalIp: this.externalIp });
    const { protocol, internalPort } = request;
    if (this.natPmpRefusal !== undefined)
      return encodeNatPmpResponse({ type: "refused", epochSeconds, protocol, result: this.natPmpRefusal });
    const lifetime = Math.min(request.lifetime / 1000, this.lifetimeSecondsMax);
    const externalPort = this.#map(now, client, { ...request, lifetime });
    return encodeNatPmpResponse({
      type: "mapped",
      epochSeconds,
      protocol,
      internalPort,
      externalPort,
      lifetime: seconds(lifetime),
    });
  }

  #answerPcp(now: number, client: string, bytes: Uint8Array): Uint8Array | undefined {
    const epochSeconds = this.#epoch(now);
    const read = decodePcpRequest(bytes);
    if (!read.ok) return undefined;
    const request = read.value;
    if (request.opcode === "announce") return encodePcpResponse({ type: "announced", epochSeconds });
    const { mapping } = request;
    const refusal = request.clientIp === client ? this.pcpRefusal : "address-mismatch";
    if (refusal !== undefined) {
      const lifetime = seconds(30);
      return encodePcpResponse({ type: "refused", epochSeconds, lifetime, result: refusal, mapping });
    }
    const lifetime = Math.min(request.lifetime / 1000, this.lifetimeSecondsMax);
    const externalPort = this.#map(now, client, { ...mapping, lifetime });
    const externalIp = client.includes(":") ? this.externalIp6 : this.externalIp;
    return encodePcpResponse({
      type: "mapped",
      epochSeconds,
      lifetime: ms(lifetime * 1000),
      mapping: { ...mapping, externalPort, externalIp },
    });
  }

  #map(
    now: number,
    client: string,
    wish: {
      readonly protocol: MappedProtocol;
      readonly internalPort: number;
      readonly externalPort: number;
      readonly lifetime: number;
    },
  ): number {
    const { protocol, internalPort, lifetime } = wish;
    const key = `${client} ${protocol} ${internalPort}`;
    if (lifetime === 0) {
      this.entries.delete(key);
      return 0;
    }
    const externalPort = this.otherPort ?? (wish.externalPort === 0 ? internalPort : wish.externalPort);
    this.entries.set(key, { protocol, client, internalPort, externalPort, expiresAt: now + lifetime });
    return externalPort;
  }

  #epoch(nowSeconds: number): number {
    return Math.floor(nowSeconds - this.#startedAt);
  }
}
