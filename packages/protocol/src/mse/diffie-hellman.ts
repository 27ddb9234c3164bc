import { assert, fail, hex, must, ok, type Result } from "@dure/base";

/** The 768-bit prime of the specification, a safe one, and its generator. */
const primeHex =
  "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd" +
  "ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563";
const prime = BigInt(`0x${primeHex}`);
const generator = 2n;

export const keyBytes = 96;
/** "at least 128 bits, 160 recommended; beyond 180 bits there is no more security to be had". */
export const secretBytes = 20;

export type KeyReason = "degenerate-key";

/** What we send: 96 bytes, big-endian. */
export function publicKey(secret: Uint8Array): Uint8Array<ArrayBuffer> {
  assert(secret.length === secretBytes, "a secret is 160 bits");
  return toBytes(power(generator, toNumber(secret)));
}

/**
 * The 96 bytes that both sides know. A key of 0, 1, p - 1, or no remainder of p at all makes a secret that anyone on the
 * way knows; the prime is safe, so that there are no other small subgroups.
 */
export function sharedSecret(
  secret: Uint8Array,
  theirs: Uint8Array,
): Result<Uint8Array<ArrayBuffer>, KeyReason> {
  assert(theirs.length === keyBytes, "a public key is 96 bytes");
  const key = toNumber(theirs);
  if (key < 2n || key > prime - 2n) return fail("degenerate-key");
  return ok(toBytes(power(key, toNumber(secret))));
}

/** Square and multiply: 0.3 ms for 160 bits, measured with Node 24; OpenSSL needs 0.12 ms, and 30 ms to begin. */
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % prime;
    if (bit === "1") result = (result * base) % prime;
  }
  return result;
}

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${hex(bytes)}`);
}

function toBytes(number: bigint): Uint8Array<ArrayBuffer> {
  const text = number.toString(16).padStart(keyBytes * 2, "0");
  const bytes = new Uint8Array(keyBytes);
  for (let index = 0; index < keyBytes; index += 1)
    bytes[index] = Number.parseInt(must(text.slice(index * 2, index * 2 + 2), "two digits a byte"), 16);
  return bytes;
}
