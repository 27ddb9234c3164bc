import { fail, ok, type Result } from "@dure/base";
import { type HttpTarget, parseHttpTarget, resolveHttpTarget } from "./http-target.ts";
import { childText, elementsNamed, readXml, type XmlError } from "./xml.ts";

/** A service that maps ports: where and how it is asked. */
export interface GatewayService {
  /** `urn:schemas-upnp-org:service:WANIPConnection:2`, repeated in each question. */
  readonly type: string;
  /** Knows AddAnyPortMapping (WANIPConnection:2). */
  readonly anyPort: boolean;
  readonly control: HttpTarget;
}

export type DescriptionError = XmlError | "no-service" | "foreign-host";

/** More than this are not looked at: a gateway has one or two ways out. */
const servicesMax = 8;

/** Best first. */
const serviceTypes: readonly string[] = [
  "urn:schemas-upnp-org:service:WANIPConnection:2",
  "urn:schemas-upnp-org:service:WANIPConnection:1",
  "urn:schemas-upnp-org:service:WANPPPConnection:1",
];

/**
 * The services of a device description (UPnP Device Architecture 1.1, 2.3) that map ports, best first. They are asked
 * only at the address that the description came from: it may name another port and path, never another host.
 */
export function readGatewayDescription(
  bytes: Uint8Array,
  location: HttpTarget,
): Result<readonly GatewayService[], DescriptionError> {
  const document = readXml(bytes);
  if (!document.ok) return document;
  const base = parseHttpTarget(childText(document.value, "URLBase") ?? "") ?? location;
  const services = elementsNamed(document.value, "service")
    .map((element) => ({
      type: childText(element, "serviceType") ?? "",
      control: resolveHttpTarget(childText(element, "controlURL") ?? "", base),
    }))
    .filter(({ type }) => serviceTypes.includes(type))
    .slice(0, servicesMax);
  if (services.length === 0) return fail("no-service");
  const ours: GatewayService[] = [];
  for (const { type, control } of services) {
    if (control?.ip === location.ip) ours.push({ type, anyPort: type === serviceTypes[0], control });
  }
  if (ours.length === 0) return fail("foreign-host");
  return ok(ours.sort((a, b) => serviceTypes.indexOf(a.type) - serviceTypes.indexOf(b.type))); // stable
}
