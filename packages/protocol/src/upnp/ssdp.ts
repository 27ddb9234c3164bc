import { type Address, fail, fromLatin1, latin1, ok, type Result } from "@dure/base";
import { type HttpTarget, parseHttpTarget } from "./http-target.ts";

/*
 * Finding a gateway: UPnP Device Architecture 1.1, 1.3.2 (search) and 1.3.3 (response). HTTP's head in a datagram:
 *
 *  M-SEARCH * HTTP/1.1          to 239.255.255.250:1900      HTTP/1.1 200 OK           back to the sender's port
 *  HOST: 239.255.255.250:1900                                LOCATION: http://192.168.1.1:5000/rootDesc.xml
 *  MAN: "ssdp:discover"                                      ST: what was searched
 *  MX: 2                                                     USN: uuid:...::what was searched
 *  ST: what is searched
 */

export const ssdpGroup: Address = { ip: "239.255.255.250", port: 1900 };

/** What a gateway answers to. Version 2 should answer to 1 as well, but not all do, nor do all answer for the device. */
export const gatewaySearchTargets: readonly string[] = [
  "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
  "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
  "urn:schemas-upnp-org:service:WANIPConnection:1",
  "urn:schemas-upnp-org:service:WANPPPConnection:1",
];

export interface SsdpResponse {
  /** Where the device describes itself. */
  readonly location: HttpTarget;
  readonly searchTarget: string;
}

export type SsdpResponseError = "too-long" | "not-a-response" | "not-a-gateway" | "no-location";

const responseBytesMax = 4096;
/** Seconds over which the devices spread their answers. */
const answerSpread = 2;

export function encodeSsdpSearch(searchTarget: string): Uint8Array<ArrayBuffer> {
  const lines = [
    "M-SEARCH * HTTP/1.1",
    `HOST: ${ssdpGroup.ip}:${ssdpGroup.port}`,
    'MAN: "ssdp:discover"',
    `MX: ${answerSpread}`,
    `ST: ${searchTarget}`,
  ];
  return fromLatin1(`${lines.join("\r\n")}\r\n\r\n`);
}

export function decodeSsdpResponse(bytes: Uint8Array): Result<SsdpResponse, SsdpResponseError> {
  if (bytes.length > responseBytesMax) return fail("too-long");
  const [status = "", ...lines] = latin1(bytes).split(/\r?\n/);
  if (!/^HTTP\/1\.[01] 200(?: |$)/.test(status)) return fail("not-a-response");
  const searchTarget = headerOf(lines, "st");
  if (searchTarget === undefined || !isGateway(searchTarget)) return fail("not-a-gateway");
  const location = parseHttpTarget(headerOf(lines, "location") ?? "");
  return location === undefined ? fail("no-location") : ok({ location, searchTarget });
}

function isGateway(searchTarget: string): boolean {
  return /^urn:schemas-upnp-org:(?:device:InternetGatewayDevice|service:WAN(?:IP|PPP)Connection):[12]$/.test(
    searchTarget,
  );
}

function headerOf(lines: readonly string[], name: string): string | undefined {
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (line.slice(0, colon).trim().toLowerCase() === name) return line.slice(colon + 1).trim();
  }
  return undefined;
}
