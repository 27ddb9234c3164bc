import { generateKeyPairSync, sign } from "node:crypto";
import { isIP } from "node:net";
import { concat, fromLatin1, must, parseIp } from "@dure/base";

/** A certificate authority and server in one, good for a day: PEM texts for `https.createServer`. */
export function selfSigned(names: readonly string[]): { readonly key: string; readonly cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = der(0x30, oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02)); // ecdsa-with-SHA256
  const body = der(
    0x30,
    der(0xa0, der(0x02, Uint8Array.of(2))), // version 3
    der(0x02, Uint8Array.of(1)),
    algorithm,
    commonName("test"),
    der(0x30, utcTime(-1), utcTime(1)),
    commonName("test"),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, der(0x30, subjectAltName(names), authority())),
  );
  const signature = der(0x03, Uint8Array.of(0), sign("sha256", body, privateKey));
  const bytes = der(0x30, body, algorithm, signature);
  const cert = `-----BEGIN CERTIFICATE-----\n${Buffer.from(bytes).toString("base64")}\n-----END CERTIFICATE-----\n`;
  return { key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(), cert };
}

/** Tag, length, value (X.690). */
function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const value = concat(parts);
  const length = value.length;
  if (length < 128) return concat([Uint8Array.of(tag, length), value]);
  if (length < 256) return concat([Uint8Array.of(tag, 0x81, length), value]);
  return concat([Uint8Array.of(tag, 0x82, length >>> 8, length & 0xff), value]);
}

function oid(...bytes: readonly number[]): Uint8Array {
  return der(0x06, Uint8Array.from(bytes));
}

function commonName(name: string): Uint8Array {
  return der(0x30, der(0x31, der(0x30, oid(0x55, 0x04, 0x03), der(0x0c, fromLatin1(name)))));
}

function utcTime(days: number): Uint8Array {
  const time = new Date(Date.now() + days * 86_400_000).toISOString().replace(/[-:T]/g, "");
  return der(0x17, fromLatin1(`${time.slice(2, 14)}Z`));
}

function subjectAltName(names: readonly string[]): Uint8Array {
  const entries = names.map((name) =>
    isIP(name) === 0 ? der(0x82, fromLatin1(name)) : der(0x87, must(parseIp(name), "isIP said so")),
  );
  return der(0x30, oid(0x55, 0x1d, 0x11), der(0x04, der(0x30, ...entries)));
}

function authority(): Uint8Array {
  return der(0x30, oid(0x55, 0x1d, 0x13), der(0x04, der(0x30, der(0x01, Uint8Array.of(0xff)))));
}
