import { createPublicKey, type KeyObject, sign } from "node:crypto";
import { must } from "@dure/base";
import { type DhtItem, signedBytes } from "@dure/protocol";

/**
 * Signs a mutable item of the DHT (BEP 44). `value` is one bencoded value in its canonical spelling, at most 1,000 bytes;
 * `privateKey` an ed25519 one; `sequence` must grow with each version; `salt` at most 64 bytes, so that one key has many items.
 */
export function mutableItem(parts: {
  readonly value: Uint8Array;
  readonly privateKey: KeyObject;
  readonly sequence: number;
  readonly salt?: Uint8Array;
}): Extract<DhtItem, { type: "mutable" }> {
  const { value, privateKey, sequence } = parts;
  const salt = parts.salt ?? new Uint8Array(0);
  const signature = new Uint8Array(sign(null, signedBytes({ value, sequence, salt }), privateKey));
  return { type: "mutable", value, publicKey: rawPublicKey(privateKey), signature, sequence, salt };
}

/** The 32 bytes of an ed25519 key, or of the public half of a private one. */
export function rawPublicKey(key: KeyObject): Uint8Array {
  const half = key.type === "private" ? createPublicKey(key) : key;
  const { x } = half.export({ format: "jwk" });
  return new Uint8Array(Buffer.from(must(x, "an ed25519 key has one coordinate"), "base64url"));
}
