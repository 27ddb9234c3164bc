import { canonicalIp, fail, familyOf, type Ms, ok, type Result, utf8 } from "@dure/base";
import type { MappedProtocol } from "../nat-pmp/index.ts";
import { childText, elementsNamed, readXml, type XmlElement, type XmlError } from "./xml.ts";

/*
 * Questions to a gateway's service (WANIPConnection:1 and :2, WANPPPConnection:1): SOAP 1.1 over HTTP POST, with the
 * header SOAPAction: "type#action". The arguments stand in the order of the service's description, since some gateways
 * read them by place.
 */

export type GatewayAction =
  | { readonly action: "GetExternalIPAddress" }
  | {
      /** The second is of version 2: it picks another external port itself when the wished one is taken. */
      readonly action: "AddPortMapping" | "AddAnyPortMapping";
      readonly protocol: MappedProtocol;
      readonly externalPort: number;
      readonly internalPort: number;
      readonly internalIp: string;
      readonly description: string;
      /** Zero: until it is removed, which is all that some gateways offer. */
      readonly lease: Ms;
    }
  | {
      readonly action: "GetSpecificPortMappingEntry" | "DeletePortMapping";
      readonly protocol: MappedProtocol;
      readonly externalPort: number;
    };

export type GatewayAnswer =
  /** Each field is undefined where the answer does not have it. */
  | {
      readonly type: "done";
      readonly externalIp: string | undefined;
      readonly reservedPort: number | undefined;
      readonly internalClient: string | undefined;
    }
  | { readonly type: "refused"; readonly code: number };

export type GatewayAnswerError = XmlError | "no-body" | "no-code";

/** UPnP Device Architecture 1.1, 3.2.2, and the service's own (WANIPConnection:2, 2.5). */
export const upnpErrors = {
  invalidAction: 401,
  notAuthorized: 606,
  noSuchEntry: 714,
  conflictInMappingEntry: 718,
  samePortValuesRequired: 724,
  onlyPermanentLeases: 725,
  conflictWithOtherMechanisms: 729,
} as const;

export function encodeGatewayAction(serviceType: string, ask: GatewayAction): Uint8Array<ArrayBuffer> {
  const fields = argumentsOf(ask).map(([name, value]) => `<${name}>${escapeText(value)}</${name}>`);
  return utf8(
    '<?xml version="1.0"?>\r\n' +
      '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
      's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
      `<u:${ask.action} xmlns:u="${serviceType}">${fields.join("")}</u:${ask.action}>` +
      "</s:Body></s:Envelope>\r\n",
  );
}

/** What an answer says, whatever the HTTP status: a fault comes with 500. */
export function decodeGatewayAnswer(bytes: Uint8Array): Result<GatewayAnswer, GatewayAnswerError> {
  const document = readXml(bytes);
  if (!document.ok) return document;
  const body = elementsNamed(document.value, "Body")[0];
  if (body === undefined) return fail("no-body");
  const fault = elementsNamed(body, "Fault")[0];
  if (fault !== undefined) {
    const code = elementsNamed(fault, "errorCode")[0]?.text ?? "";
    return /^\d{3}$/.test(code) ? ok({ type: "refused", code: Number(code) }) : fail("no-code");
  }
  const answer = body.children[0];
  if (answer === undefined) return fail("no-body");
  return ok({
    type: "done",
    externalIp: ip4(answer, "NewExternalIPAddress"),
    reservedPort: port(childText(answer, "NewReservedPort")),
    internalClient: ip4(answer, "NewInternalClient"),
  });
}

type Argument = readonly [name: string, value: string];

function argumentsOf(ask: GatewayAction): readonly Argument[] {
  if (ask.action === "GetExternalIPAddress") return [];
  const place: readonly Argument[] = [
    ["NewRemoteHost", ""],
    ["NewExternalPort", String(ask.externalPort)],
    ["NewProtocol", ask.protocol.toUpperCase()],
  ];
  if (ask.action !== "AddPortMapping" && ask.action !== "AddAnyPortMapping") return place;
  return [
    ...place,
    ["NewInternalPort", String(ask.internalPort)],
    ["NewInternalClient", ask.internalIp],
    ["NewEnabled", "1"],
    ["NewPortMappingDescription", ask.description],
    ["NewLeaseDuration", String(Math.round(ask.lease / 1000))],
  ];
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function ip4(answer: XmlElement, name: string): string | undefined {
  const ip = canonicalIp(childText(answer, name) ?? "");
  return ip !== undefined && familyOf(ip) === 4 && ip !== "0.0.0.0" ? ip : undefined;
}

function port(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,5}$/.test(text)) return undefined;
  const number = Number(text);
  return number > 0 && number <= 65_535 ? number : undefined;
}
