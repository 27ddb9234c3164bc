import { canonicalIp } from "@dure/base";

/**
 * What an `http:` URL of a gateway names. The host is an IP literal, never a name: what is checked is what is
 * connected to. The path is printable ASCII, so that nobody writes into our request's head.
 */
export interface HttpTarget {
  readonly ip: string;
  readonly port: number;
  readonly path: string;
}

const urlLengthMax = 1024;

/** Undefined for other schemes, host names, credentials, and whatever else a gateway does not need. */
export function parseHttpTarget(url: string): HttpTarget | undefined {
  if (url.length > urlLengthMax) return undefined;
  const match = /^http:\/\/(?:\[([0-9a-f:.]+)\]|([0-9.]+))(?::(\d{1,5}))?(\/[!-~]*)?$/i.exec(url);
  if (match === null) return undefined;
  const ip = canonicalIp(match[1] ?? match[2] ?? "");
  const port = Number(match[3] ?? 80);
  if (ip === undefined || port < 1 || port > 65_535) return undefined;
  return { ip, port, path: withoutFragment(match[4] ?? "/") };
}

/** A URL that may be relative to another (RFC 3986, 5.2, without dot segments, which servers resolve themselves). */
export function resolveHttpTarget(reference: string, base: HttpTarget): HttpTarget | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(reference)) return parseHttpTarget(reference);
  if (reference.startsWith("//")) return parseHttpTarget(`http:${reference}`);
  if (reference.length > urlLengthMax || !/^[!-~]*$/.test(reference)) return undefined;
  if (reference === "") return base;
  if (reference.startsWith("/")) return { ...base, path: withoutFragment(reference) };
  const directory = base.path.replace(/\?.*$/, "").replace(/[^/]*$/, "");
  const path = `${directory}${withoutFragment(reference)}`;
  return path.length > urlLengthMax ? undefined : { ...base, path };
}

function withoutFragment(path: string): string {
  return path.replace(/#.*$/, "");
}
